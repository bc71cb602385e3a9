"""What alerts are worth: events caught, how early, and how often there was nothing.

An alert is a row whose probability reaches the threshold of its fold. An event is what the positive rows of one
hashtag announce: rows no more than one horizon apart announce the same event. Its onset comes after the last of them,
so lead times are counted to the hour after that row and are never too long.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import polars as pl

from trenddrop.core.time import HOUR
from trenddrop.modeling.bootstrap import block_sums, day_blocks, horizon_draws, interval, ratio
from trenddrop.modeling.matrix import Floats, Integers, label_column, probability_column
from trenddrop.modeling.resampled import resampled_median
from trenddrop.modeling.spec import ModelSpec
from trenddrop.training.horizon_metrics import Interval

THRESHOLD = "alert_threshold_{}h"  # a column of the rows: the threshold known before the row's fold
LEAD_TIMES = {"lead_time_to_onset_h": "onset", "lead_time_to_peak_h": "peak"}
PEAK = "peak_timestamp_{}h"  # a column of the rows, where known: when the outcome's greatest metric was reached


@dataclass(frozen=True, slots=True)
class AlertMetrics:
    """Figures of one horizon; None is what the rows cannot decide."""

    alerts: int  # rows
    alert_precision: float | None
    events: int
    event_recall: float | None
    lead_time_to_onset_h: float | None  # median over the events caught
    lead_time_to_peak_h: float | None
    topic_days: int  # days on which a topic could have raised an alert
    false_alerts: int  # runs of alerts of one topic without an event
    false_alerts_per_1000_topic_days: float | None
    alert_intervals: dict[str, Interval] = field(default_factory=dict)  # by figure, over paired resamples of whole days

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON-ready values."""
        return asdict(self)


def judge_alerts(rows: pl.DataFrame, spec: ModelSpec, *, horizon: int) -> AlertMetrics:
    """Judge rows with a known outcome: keys, probability, outcome, ``THRESHOLD`` and, where known, ``PEAK``.

    An event belongs to the day of its last row, a run of alerts to that of its first.
    """
    rows = _judged(rows, horizon)
    if not rows.is_empty():
        rows = rows.with_columns(block=day_blocks(rows["event_timestamp"], block_days=spec.bootstrap.block_days))
    alerts = rows.filter("alert")
    events = _events(rows.filter("viral"), horizon)
    caught = events.filter(pl.col("first_alert").is_not_null())
    runs = _runs(alerts, horizon).group_by("hashtag_id", "run").agg(pl.col("viral").any(), pl.col("block").first())
    false_alerts = runs.filter(~pl.col("viral"))
    topic_days = rows.select("hashtag_id", "block", pl.col("event_timestamp").dt.date()).unique()
    shares = {
        "alert_precision": (1, alerts.filter("viral"), alerts),
        "event_recall": (1, caught, events),
        "false_alerts_per_1000_topic_days": (1000, false_alerts, topic_days),
    }
    hours = {name: _hours(caught, until) for name, until in LEAD_TIMES.items()}
    drawn = None if rows.is_empty() else horizon_draws(rows["block"].to_numpy(), spec, horizon)
    samples: dict[str, Floats] = {}
    if drawn is not None:
        samples = {name: _resampled_share(*parts, drawn) for name, parts in shares.items()}
        samples |= {name: resampled_median(*_known(caught, one), drawn) for name, one in hours.items()}
    return AlertMetrics(
        alerts=alerts.height,
        events=events.height,
        topic_days=topic_days.height,
        false_alerts=false_alerts.height,
        **{name: _share(times * part.height, whole.height) for name, (times, part, whole) in shares.items()},
        **{name: _median(one) for name, one in hours.items()},
        alert_intervals={name: interval(one, level=spec.bootstrap.level) for name, one in samples.items()},
    )


def lead_times(rows: pl.DataFrame, *, horizon: int) -> Floats:
    """Return the hours from the first alert to the onset of each event that one announced; rows as in the above."""
    events = _events(_judged(rows, horizon).filter("viral"), horizon)
    hours: Floats = _hours(events.filter(pl.col("first_alert").is_not_null()), "onset").to_numpy()
    return hours


def _judged(rows: pl.DataFrame, horizon: int) -> pl.DataFrame:
    peak = PEAK.format(horizon)
    return rows.select(
        "hashtag_id",
        "event_timestamp",
        viral=pl.col(label_column(horizon)),
        alert=pl.col(probability_column(horizon)) >= pl.col(THRESHOLD.format(horizon)),
        peak=pl.col(peak) if peak in rows.columns else pl.lit(None, dtype=rows.schema["event_timestamp"]),
        block=pl.lit(0, pl.Int64),
    ).sort("hashtag_id", "event_timestamp")


def _events(positives: pl.DataFrame, horizon: int) -> pl.DataFrame:
    return (
        _runs(positives, horizon)
        .group_by("hashtag_id", "run", maintain_order=True)
        .agg(
            onset=pl.col("event_timestamp").max() + HOUR,
            peak=pl.col("peak").last(),
            first_alert=pl.col("event_timestamp").filter("alert").min(),
            block=pl.col("block").last(),
        )
    )


def _runs(rows: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """Return the rows with the number of their run; the hashtag's row before may be one horizon ago."""
    apart = pl.col("event_timestamp").diff().over("hashtag_id") > horizon * HOUR
    return rows.with_columns(run=apart.fill_null(False).cum_sum().over("hashtag_id"))


def _share(part: float, whole: int) -> float | None:
    return float(part) / whole if whole else None


def _resampled_share(times: int, part: pl.DataFrame, whole: pl.DataFrame, drawn: Floats) -> Floats:
    counts = (
        block_sums(one["block"].to_numpy(), np.ones(one.height), size=len(drawn)) @ drawn for one in (part, whole)
    )
    return times * ratio(*(count[0] for count in counts))


def _known(caught: pl.DataFrame, hours: pl.Series) -> tuple[Floats, Integers]:
    """Return the hours that are known, and the blocks of their events."""
    known = hours.is_not_null()
    return hours.filter(known).to_numpy(), caught["block"].filter(known).to_numpy()


def _median(hours: pl.Series) -> float | None:
    median = hours.median()
    return None if median is None else float(median)  # type: ignore[arg-type]


def _hours(caught: pl.DataFrame, until: str) -> pl.Series:
    return (caught[until] - caught["first_alert"]).dt.total_seconds() / HOUR.total_seconds()
