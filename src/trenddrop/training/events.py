"""What alerts are worth: events caught, how early, and how often there was nothing.

An alert is a row whose probability reaches the threshold of its fold. An event is what the positive rows of one
hashtag announce: rows no more than one horizon apart announce the same event. Its onset comes after the last of them,
so lead times are counted to the hour after that row and are never too long.
"""

from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from trenddrop.core.time import HOUR
from trenddrop.modeling.matrix import Floats, label_column, probability_column

THRESHOLD = "alert_threshold_{}h"  # a column of the rows: the threshold known before the row's fold
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

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON-ready values."""
        return asdict(self)


def judge_alerts(rows: pl.DataFrame, *, horizon: int) -> AlertMetrics:
    """Judge rows with a known outcome: keys, probability, outcome, ``THRESHOLD`` and, where known, ``PEAK``."""
    rows = _judged(rows, horizon)
    alerts = rows.filter("alert")
    events = _events(rows.filter("viral"), horizon)
    caught = events.filter(pl.col("first_alert").is_not_null())
    false_alerts = _runs(alerts, horizon).group_by("hashtag_id", "run").agg(pl.col("viral").any())
    false_count = int((~false_alerts["viral"]).sum())
    topic_days = rows.select("hashtag_id", pl.col("event_timestamp").dt.date()).n_unique() if rows.height else 0
    return AlertMetrics(
        alerts=alerts.height,
        alert_precision=_share(alerts.filter("viral").height, alerts.height),
        events=events.height,
        event_recall=_share(caught.height, events.height),
        lead_time_to_onset_h=_median_hours(caught, "onset"),
        lead_time_to_peak_h=_median_hours(caught, "peak"),
        topic_days=topic_days,
        false_alerts=false_count,
        false_alerts_per_1000_topic_days=_share(1000 * false_count, topic_days),
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
    ).sort("hashtag_id", "event_timestamp")


def _events(positives: pl.DataFrame, horizon: int) -> pl.DataFrame:
    return (
        _runs(positives, horizon)
        .group_by("hashtag_id", "run", maintain_order=True)
        .agg(
            onset=pl.col("event_timestamp").max() + HOUR,
            peak=pl.col("peak").last(),
            first_alert=pl.col("event_timestamp").filter("alert").min(),
        )
    )


def _runs(rows: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """Return the rows with the number of their run; the hashtag's row before may be one horizon ago."""
    apart = pl.col("event_timestamp").diff().over("hashtag_id") > horizon * HOUR
    return rows.with_columns(run=apart.fill_null(False).cum_sum().over("hashtag_id"))


def _share(part: float, whole: int) -> float | None:
    return float(part) / whole if whole else None


def _median_hours(caught: pl.DataFrame, until: str) -> float | None:
    hours = _hours(caught, until).median()
    return None if hours is None else float(hours)  # type: ignore[arg-type]


def _hours(caught: pl.DataFrame, until: str) -> pl.Series:
    return (caught[until] - caught["first_alert"]).dt.total_seconds() / HOUR.total_seconds()
