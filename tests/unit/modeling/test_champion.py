from datetime import timedelta

from trenddrop.modeling.champion import champion_status


def test_only_a_champion_that_has_not_seen_the_test_period_is_compared(model, frame):
    after, until = model.trained_until + timedelta(hours=1), model.trained_until
    assert champion_status(None, frame, test_from=after) == "absent"
    assert champion_status(model, frame, test_from=after) == "compared"
    assert champion_status(model, frame, test_from=until) == "saw_test"
    assert champion_status(model, frame.drop("heat"), test_from=after) == "cannot_serve"
