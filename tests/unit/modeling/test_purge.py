from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from trenddrop.modeling.purge import before_purge, without_open_windows

BOUNDARY = datetime(2025, 6, 1, tzinfo=UTC)


@given(hours=st.integers(-200, 50), horizon=st.integers(1, 48), embargo=st.integers(0, 72))
@settings(deadline=None, max_examples=60)
def test_a_kept_row_has_its_outcome_known_before_boundary_and_embargo(hours, horizon, embargo):
    moment = BOUNDARY + timedelta(hours=hours)
    kept = pl.DataFrame({"event_timestamp": [moment]}).select(
        before_purge(BOUNDARY, horizon=horizon, embargo=timedelta(hours=embargo))
    )
    assert kept.item() == (moment + timedelta(hours=horizon + embargo) < BOUNDARY)


def test_an_event_of_a_window_that_is_still_open_is_no_outcome():
    hours = [BOUNDARY + timedelta(hours=hour) for hour in range(13)]
    outcomes = [True, False] * 6 + [True]
    frame = pl.DataFrame({"event_timestamp": hours, "is_viral_6h": outcomes, "is_viral_12h": outcomes})
    closed = without_open_windows(frame, [6, 12])
    assert closed["is_viral_6h"].to_list() == [*outcomes[:7], *[None] * 6]
    assert closed["is_viral_12h"].to_list() == [True, *[None] * 12]
