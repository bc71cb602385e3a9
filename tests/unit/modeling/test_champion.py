from datetime import timedelta

import pytest

from trenddrop.modeling import fit
from trenddrop.modeling.champion import champion_status
from trenddrop.training.split import split_by_time


def test_only_a_champion_that_has_not_seen_the_test_period_is_compared(model, frame):
    until = model.trained_until + timedelta(hours=6)  # its newest row at 6 h tells what came until then
    after = until + timedelta(hours=1)
    assert champion_status(None, frame, test_from=after) == "absent"
    assert champion_status(model, frame, test_from=after) == "compared"
    assert champion_status(model, frame, test_from=until) == "saw_test"
    assert champion_status(model, frame, test_from=model.trained_until + timedelta(hours=1)) == "saw_test"
    assert champion_status(model, frame.drop("heat"), test_from=after) == "cannot_serve"


@pytest.mark.parametrize("embargo_h", [0, 48])
def test_a_champion_of_the_rows_before_a_boundary_is_compared_from_there_on(embargo_h, frame, spec, features):
    start = frame["event_timestamp"][0] + timedelta(days=12)
    split = split_by_time(frame, test_from=start, horizons=(6, 12), embargo=timedelta(hours=embargo_h))
    champion = fit(split.train, spec, features=features)
    assert champion_status(champion, split.test, test_from=start) == "compared"
    earlier = start - timedelta(hours=embargo_h + 1)
    assert champion_status(champion, split.test, test_from=earlier) == "saw_test"
