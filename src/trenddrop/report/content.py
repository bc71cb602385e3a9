"""What a report shows; plain values, frames and PNG bytes that the caller fills in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from trenddrop.core.errors import SchemaError
from trenddrop.core.time import HORIZONS_HOURS
from trenddrop.quality import Check, FeatureAlert, FeatureQuality


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture as PNG bytes; ``caption`` says what to see in it."""

    title: str
    png: bytes
    caption: str = ""


@dataclass(frozen=True, slots=True)
class VideoContent:
    """A video with its matches and the metadata written for it.

    ``matches``: mappings with ``title``, ``similarity``, ``rank_score`` and maybe ``probabilities`` (column name to
    number). ``metadata``: mappings with ``platform``, ``title``, ``description``, ``hashtags`` and ``cta``.
    """

    video_id: str
    caption: str
    summary: str = ""
    matches: Sequence[Mapping[str, Any]] = ()
    metadata: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class ReportContent:
    """One run.

    ``trends``: one row per trend, the likeliest first, with ``hashtag_id``, ``probability_<h>h`` per horizon and maybe
    ``low_<h>h`` and ``high_<h>h``, the quantiles of the peak, ``title`` and ``reasons`` (a JSON list of ``{"text",
    "contribution"}``). ``backtest``: per horizon in hours the figures ``rows``, ``positives``, ``prevalence``,
    ``average_precision``, ``interval``, ``baselines`` (name to average precision), ``baseline_intervals``,
    ``ratio_to_best_baseline``, ``brier_skill``, ``ece``, ``precision_at_20``, ``oracle_precision_at_20``,
    ``probability_interval``, those of alerts, ``slices``, ``intervals`` of these and ``limits`` in words; what is
    absent or None is shown as a dash. ``outcomes``: per target of the peak ``loss``, ``baselines``, ``skill``,
    ``coverage`` and their intervals. ``stages``: mappings with ``name``, ``seconds``, ``rows`` and maybe ``sla_met``.
    ``provenance``: what one needs to repeat the run.
    """

    title: str
    generated_at: datetime
    is_simulated: bool
    subtitle: str = ""
    headline: Mapping[str, int | float | str] = field(default_factory=dict)
    trends: pl.DataFrame = field(default_factory=pl.DataFrame)
    history: Plot | None = None
    plots: Sequence[Plot] = ()
    backtest: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    outcomes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    videos: Sequence[VideoContent] = ()
    checks: Sequence[Check] = ()
    features: Sequence[FeatureQuality] = ()
    feature_alerts: Sequence[FeatureAlert] = ()
    stages: Sequence[Mapping[str, Any]] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    horizons: Sequence[int] = HORIZONS_HOURS

    def __post_init__(self) -> None:
        if self.trends.height and "hashtag_id" not in self.trends.columns:
            raise SchemaError(f"report: trends: missing columns ['hashtag_id']; got {self.trends.columns}")
