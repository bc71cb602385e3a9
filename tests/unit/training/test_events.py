from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from trenddrop.training.events import judge_alerts

START = datetime(2025, 6, 1, tzinfo=UTC)


def rows(*given):
    """Return rows of (hashtag, hour, viral, probability); the threshold is 0.5 and every peak at hour 30."""
    names, hours, viral, probability = zip(*given, strict=True)
    return pl.DataFrame(
        {
            "hashtag_id": names,
            "event_timestamp": [START + timedelta(hours=hour) for hour in hours],
            "is_viral_6h": viral,
            "probability_6h": probability,
            "peak_timestamp_6h": [START + timedelta(hours=30) if one else None for one in viral],
            "alert_threshold_6h": [0.5] * len(given),
        },
        schema_overrides={"event_timestamp": pl.Datetime("us", "UTC"), "peak_timestamp_6h": pl.Datetime("us", "UTC")},
    )


def test_lead_times_count_from_the_first_alert_of_an_event():
    one = judge_alerts(
        rows(("a", 1, True, 0.1), ("a", 2, True, 0.6), ("a", 3, True, 0.2), ("a", 4, True, 0.9)), horizon=6
    )
    assert (one.events, one.event_recall, one.alerts, one.alert_precision) == (1, 1.0, 2, 1.0)
    assert one.lead_time_to_onset_h == 3  # the onset comes in the hour after 4 or later
    assert one.lead_time_to_peak_h == 28
    assert one.false_alerts == 0


def test_positive_rows_more_than_a_horizon_apart_are_two_events():
    near, far = (judge_alerts(rows(("a", 0, True, 0.9), ("a", hour, True, 0.1)), horizon=6) for hour in (6, 7))
    assert (near.events, near.event_recall) == (1, 1.0)
    assert (far.events, far.event_recall) == (2, 0.5)


def test_a_run_of_false_alerts_counts_once_and_one_that_ends_in_an_event_never():
    one = judge_alerts(
        rows(
            *(("quiet", hour, False, 0.9) for hour in range(3)),
            ("quiet", 20, False, 0.9),
            ("early", 0, False, 0.9),
            ("early", 1, True, 0.9),
            ("silent", 0, False, 0.1),
        ),
        horizon=6,
    )
    assert one.false_alerts == 2
    assert one.topic_days == 3
    assert one.false_alerts_per_1000_topic_days == pytest.approx(2000 / 3)


def test_no_event_and_no_row_decide_nothing():
    one = judge_alerts(rows(("a", 0, False, 0.1)), horizon=6)
    assert (one.events, one.event_recall, one.lead_time_to_onset_h, one.alert_precision) == (0, None, None, None)
    assert judge_alerts(rows(("a", 0, False, 0.1)).clear(), horizon=6).false_alerts_per_1000_topic_days is None
