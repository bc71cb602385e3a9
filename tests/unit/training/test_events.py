from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from trenddrop.modeling import load_spec
from trenddrop.modeling.bootstrap import day_blocks, horizon_draws
from trenddrop.training.events import AlertMetrics, judge_alerts

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


def judged(frame: pl.DataFrame, *, seed: int = 1, resamples: int = 200) -> AlertMetrics:
    spec = load_spec("viral_lightgbm")
    drawn = spec.bootstrap.model_copy(update={"resamples": resamples})
    return judge_alerts(frame, spec.model_copy(update={"bootstrap": drawn, "seed": seed}), horizon=6)


def test_lead_times_count_from_the_first_alert_of_an_event():
    one = judged(rows(("a", 1, True, 0.1), ("a", 2, True, 0.6), ("a", 3, True, 0.2), ("a", 4, True, 0.9)))
    assert (one.events, one.event_recall, one.alerts, one.alert_precision) == (1, 1.0, 2, 1.0)
    assert one.lead_time_to_onset_h == 3  # the onset comes in the hour after 4 or later
    assert one.lead_time_to_peak_h == 28
    assert one.false_alerts == 0


def test_positive_rows_more_than_a_horizon_apart_are_two_events():
    near, far = (judged(rows(("a", 0, True, 0.9), ("a", hour, True, 0.1))) for hour in (6, 7))
    assert (near.events, near.event_recall) == (1, 1.0)
    assert (far.events, far.event_recall) == (2, 0.5)


def test_a_run_of_false_alerts_counts_once_and_one_that_ends_in_an_event_never():
    one = judged(
        rows(
            *(("quiet", hour, False, 0.9) for hour in range(3)),
            ("quiet", 20, False, 0.9),
            ("early", 0, False, 0.9),
            ("early", 1, True, 0.9),
            ("silent", 0, False, 0.1),
        )
    )
    assert one.false_alerts == 2
    assert one.topic_days == 3
    assert one.false_alerts_per_1000_topic_days == pytest.approx(2000 / 3)


def test_no_event_and_no_row_decide_nothing():
    one = judged(rows(("a", 0, False, 0.1)))
    assert (one.events, one.event_recall, one.lead_time_to_onset_h, one.alert_precision) == (0, None, None, None)
    assert judged(rows(("a", 0, False, 0.1)).clear()).false_alerts_per_1000_topic_days is None
    assert one.alert_intervals == {}  # a single day has nothing to vary


@pytest.mark.parametrize("seed", range(5))
def test_an_interval_is_over_days_that_are_drawn_whole(seed):
    """Of a single resample both ends are the figures of its days, each laid down as often as it was drawn."""
    rng = np.random.default_rng(seed)
    told = [
        (f"{day}-{name}", 24 * day + int(hour), bool(rng.random() < 0.4), float(rng.random()))
        for day in range(6)
        for name in range(5)
        for hour in rng.choice(24, 6, replace=False)
    ]
    frame = rows(*told)
    spec = load_spec("viral_lightgbm")
    one_draw = spec.model_copy(update={"bootstrap": spec.bootstrap.model_copy(update={"resamples": 1}), "seed": seed})
    block = day_blocks(frame["event_timestamp"])
    times = horizon_draws(block, one_draw, 6)[:, 0]
    copies = [
        frame.filter(pl.Series(times[block] > copy)).with_columns(
            hashtag_id=pl.format("{}-{}", "hashtag_id", pl.lit(copy))
        )
        for copy in range(int(times.max()))
    ]
    laid_down = judged(pl.concat(copies))
    found = judged(frame, seed=seed, resamples=1).alert_intervals
    assert set(found) >= {"event_recall", "alert_precision", "false_alerts_per_1000_topic_days", "lead_time_to_onset_h"}
    for name, (low, high) in found.items():
        assert low == high == pytest.approx(getattr(laid_down, name)), name
