"""From metrics to ``viral_labels``: one pure expression per kind, and the job that keeps the table up to date."""

from dataclasses import dataclass

import ibis.expr.types as ir

from trenddrop.core.progress import SILENT, Progress
from trenddrop.features.visibility import Stage, lazily
from trenddrop.labels import absolute, growth_multiple, onset, top_rank
from trenddrop.labels.constants import GrowthConstants, fit_constants, frozen_constants
from trenddrop.labels.definition import LabelDefinition, Onset, TopPercentile, TopRank
from trenddrop.labels.outcome import labels_of
from trenddrop.schemas.viral_labels import AUTOMATIC, VIRAL_LABELS
from trenddrop.warehouse import Warehouse, count_rows, sync

OUTCOMES = {
    "top_rank": top_rank.outcomes,
    "top_percentile": top_rank.outcomes,
    "growth_multiple": growth_multiple.outcomes,
    "absolute": absolute.outcomes,
}


@dataclass(frozen=True, slots=True)
class LabelSummary:
    """How many labels a definition has on a platform; unknown ones are neither positive nor negative."""

    rows: int
    positives: int
    unknown: int


def viral_labels(
    metrics: ir.Table,
    definition: LabelDefinition,
    *,
    platform: str,
    videos: ir.Table | None = None,
    constants: GrowthConstants | None = None,
    stage: Stage = lazily,
) -> ir.Table:
    """Return the rows of ``viral_labels`` of a platform: one per candidate (hashtag, t) and horizon.

    ``is_viral`` is null where the outcome is unknown. ``metrics`` has the columns of ``hashtag_metrics``; what makes a
    candidate and an event is said by the module of the definition's kind. ``actual_peak_timestamp`` is the hour of
    (t, t + h] with the greatest metric (the ranking one for the top kinds, else hourly views), ``growth_rate_percent``
    that metric over its value at t, minus 1. ``matured_at`` is t + h, or when the last row used was learnt.
    ``videos`` (``video_observations``) and ``constants`` (default: fitted to the metrics) are for ``onset``.
    """
    metrics = metrics.filter(metrics.platform == platform)
    parameters = definition.parameters
    if isinstance(parameters, Onset):
        videos = None if videos is None else videos.filter(videos.platform == platform)
        constants = constants or fit_constants(metrics, parameters)
        outcomes, rows = onset.outcomes(metrics, definition, constants=constants, videos=videos, stage=stage)
    else:
        outcomes, rows = OUTCOMES[definition.kind](metrics, definition, stage=stage)
    metric = top_rank.metric_of(parameters) if isinstance(parameters, TopRank | TopPercentile) else "view_count"
    return labels_of(outcomes, rows, definition, platform=platform, metric=metric, stage=stage)


def build_labels(
    wh: Warehouse, definition: LabelDefinition, *, platform: str, progress: Progress | None = None
) -> LabelSummary:
    """Bring the labels of a definition on a platform up to date; the second run in a row changes nothing."""
    progress = progress or SILENT
    progress.advance("labels", 0, 2)
    metrics, videos = wh.table("hashtag_metrics"), wh.table("video_observations")
    constants = None
    if isinstance(definition.parameters, Onset):
        mine = metrics.filter(metrics.platform == platform)
        constants = frozen_constants(wh, mine, definition, platform=platform)
    labels = viral_labels(metrics, definition, platform=platform, videos=videos, constants=constants, stage=wh.stage)
    labels = wh.stage(labels)
    stored = wh.table(VIRAL_LABELS.name)
    stored = stored.filter(
        stored.viral_definition_name == definition.name,
        stored.platform == platform,
        stored.labeling_method == AUTOMATIC,  # imported ones stay
    )
    summary = _summary(labels)
    progress.advance("labels", 1, 2)
    sync(wh, VIRAL_LABELS, labels, stored)
    progress.advance("labels", 2, 2)
    return summary


def _summary(labels: ir.Table) -> LabelSummary:
    positives, unknown = labels.filter(labels.is_viral), labels.filter(labels.is_viral.isnull())
    return LabelSummary(count_rows(labels), count_rows(positives), count_rows(unknown))
