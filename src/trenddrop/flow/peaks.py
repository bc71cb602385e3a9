"""What came of the peak after each labelled hour, as columns of a training frame."""

import polars as pl

from trenddrop.core.time import HOUR
from trenddrop.flow.stages import labels_of
from trenddrop.flow.workspace import Workspace
from trenddrop.labels import LabelDefinition
from trenddrop.modeling.outcomes import outcome_column


def with_peaks(
    workspace: Workspace, frame: pl.DataFrame, definition: LabelDefinition, platform: str, *, snapshot: str
) -> pl.DataFrame:
    """Add ``hours_to_peak_<h>h`` and ``peak_views_<h>h`` to the rows, null where the peak is not known.

    A horizon of which less than half of the hours that its label needs were observed is not known: that an event was
    seen makes the label positive, but its peak may be among the other hours.
    """
    labels = labels_of(workspace, definition, platform, snapshot=snapshot)
    needed = 0.5 * (1.0 - definition.parameters.max_gap_share)  # half, because rounding halves the confidence at most
    labels = labels.filter(
        labels.is_viral.notnull() & labels.actual_peak_timestamp.notnull() & (labels.confidence_score >= needed)
    )
    long = labels.select(
        "hashtag_id",
        "prediction_window_hours",
        "actual_peak_timestamp",
        event_timestamp=labels.label_timestamp,
        peak_views=labels.peak_view_count,
    ).to_polars()
    hours = (pl.col("actual_peak_timestamp") - pl.col("event_timestamp")) / HOUR
    for horizon in definition.horizons:
        known = long.filter(pl.col("prediction_window_hours") == horizon).select(
            "hashtag_id",
            pl.col("event_timestamp").cast(frame.schema["event_timestamp"]),
            hours.cast(pl.Float64).alias(outcome_column("hours_to_peak", horizon)),
            pl.col("peak_views").alias(outcome_column("peak_views", horizon)),
        )
        frame = frame.join(known, on=["hashtag_id", "event_timestamp"], how="left", maintain_order="left")
    return frame
