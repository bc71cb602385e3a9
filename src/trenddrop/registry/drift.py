"""How far features, scores and outcomes of a serving model are from what it learned from.

Features and outcomes of the newest window are compared with the last part of the training period, live scores with
those on the test rows of the training, and residuals with what the live scores promised. An outcome counts when its
window is over: before that only positives are known, because an event is seen at once and its absence at the end.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import ibis
import ibis.expr.types as ir

from trenddrop.features import DEFINITIONS
from trenddrop.features.residuals import prediction_errors
from trenddrop.features.running import PARTS
from trenddrop.features.visibility import instant
from trenddrop.normalized.hours import hour_of
from trenddrop.quality import FeatureRules, evaluate_periods
from trenddrop.schemas.hashtag_features import HASHTAG_FEATURES
from trenddrop.staging.unions import union_rows
from trenddrop.warehouse import Warehouse

Kind = Literal["feature", "score", "outcome", "residual"]


@dataclass(frozen=True, slots=True)
class Periods:
    """The end of the training period and the newest window, both half open: (start, end]."""

    baseline_start: datetime
    baseline_end: datetime
    window_start: datetime
    window_end: datetime


@dataclass(frozen=True, slots=True)
class DriftMeasure:
    """One figure; ``value`` is None where there are too few records to judge."""

    kind: Kind
    name: str  # the feature, or the horizon as in "6h"
    value: float | None
    bound: float
    records: int  # in the window

    @property
    def is_drifted(self) -> bool:
        """Return whether the figure is beyond its bound."""
        return self.value is not None and self.value >= self.bound


@dataclass(frozen=True, slots=True)
class _Column:
    """A number whose distribution is measured."""

    name: str
    dtype: str = "float64"
    valid_min: float | None = None
    valid_max: float | None = None
    is_nullable: bool = True


@dataclass(frozen=True, slots=True)
class Measured:
    """A warehouse at work on one comparison; ``rules`` say the number of bins and how few records are too few."""

    wh: Warehouse
    rules: FeatureRules
    periods: Periods

    def both(self, baseline: ir.Table, newest: ir.Table, moment: str) -> ir.Table:
        """Return the rows of the two periods below one another, ``is_now`` telling them apart."""
        before = _between(baseline, moment, self.periods.baseline_start, self.periods.baseline_end)
        now = _between(newest, moment, self.periods.window_start, self.periods.window_end)
        columns = [name for name in now.columns if name in before.columns]
        return union_rows(
            now.select(*columns, is_now=ibis.literal(True)), before.select(*columns, is_now=ibis.literal(False))
        )

    def indices(self, rows: ir.Table, columns: Sequence[_Column], table: str) -> Mapping[str, tuple[float | None, int]]:
        """Return the population stability index of each column, and how many values of it the window has."""
        blank = {"table": table, "platform": None, "evaluated_at": self.periods.window_end}
        found = evaluate_periods(self.wh, self.wh.stage(rows), columns, self.rules, blank)
        return {one.feature: (one.psi, one.known) for one in found}


def feature_drift(
    at: Measured, baseline: ir.Table, newest: ir.Table, *, features: Collection[str], psi: float
) -> list[DriftMeasure]:
    """Return the population stability index of each feature; the tables have the columns of ``hashtag_features``.

    Features that drift by nature are left out.
    """
    wanted = [
        _Column(definition.name, definition.dtype)
        for definition in DEFINITIONS
        if definition.name in features and definition.name not in at.rules.drifts_by_nature
    ]
    moment = HASHTAG_FEATURES.event_timestamp or ""
    names = [column.name for column in wanted]
    rows = at.both(baseline.select(moment, *names), newest.select(moment, *names), moment)
    found = at.indices(rows, wanted, HASHTAG_FEATURES.name)
    return [DriftMeasure("feature", name, found[name][0], psi, found[name][1]) for name in names]


def score_drift(at: Measured, predictions: ir.Table, *, horizons: Sequence[int], psi: float) -> list[DriftMeasure]:
    """Return the index of the live probabilities against those on the test rows of the training, per horizon.

    ``predictions`` are those of one model version. The test rows are the only scores of the training that the model
    had not learned from; they are all taken.
    """
    live = _between(
        predictions.filter(~predictions.is_backtest), "issued_at", at.periods.window_start, at.periods.window_end
    )
    rehearsed = predictions.filter(predictions.is_backtest)
    measures = []
    for horizon in horizons:
        now, before = (
            rows.filter(rows.prediction_window_hours == horizon).select("probability", is_now=ibis.literal(is_now))
            for rows, is_now in ((live, True), (rehearsed, False))
        )
        index, records = at.indices(union_rows(now, before), [_Column("probability")], "predictions")["probability"]
        measures.append(DriftMeasure("score", f"{horizon}h", index, psi, records))
    return measures


def outcome_drift(
    at: Measured, labels: ir.Table, *, horizons: Sequence[int], rate_ratio: float, minimum_positives: int
) -> list[DriftMeasure]:
    """Return the ratio of the shares of positives, the greater over the lesser, per horizon; unknown ones never count.

    Half a positive is added to both, so that a share of 0 leaves the ratio finite.
    """
    over = labels.filter(labels.matured_at <= instant(at.periods.window_end))
    rows = at.both(over, over, "label_timestamp")
    known = rows.filter(rows.is_viral.notnull())
    counts = known.group_by("prediction_window_hours", "is_now").aggregate(
        rows=known.count(), positives=known.is_viral.cast("int64").sum()
    )
    found = {
        (int(row["prediction_window_hours"]), bool(row["is_now"])): (int(row["rows"]), int(row["positives"]))
        for row in counts.to_pyarrow().to_pylist()
    }
    measures = []
    for horizon in horizons:
        (now, seen), (before, learned) = (found.get((horizon, is_now), (0, 0)) for is_now in (True, False))
        value = None
        if min(now, before) >= at.rules.minimum_records and seen + learned >= minimum_positives:
            ratio = ((seen + 0.5) / (now + 1)) / ((learned + 0.5) / (before + 1))
            value = max(ratio, 1 / ratio)
        measures.append(DriftMeasure("outcome", f"{horizon}h", value, rate_ratio, now))
    return measures


def residual_drift(  # noqa: PLR0913 - the tables and the bounds
    at: Measured,
    predictions: ir.Table,
    labels: ir.Table,
    *,
    horizons: Sequence[int],
    share: float,
    minimum_positives: int,
) -> list[DriftMeasure]:
    """Return how many positives the live predictions missed or invented, as a share of those expected or seen.

    Errors are those of feature group G: outcome minus probability of every live prediction whose outcome is known.
    """
    measures = []
    newest = hour_of(instant(at.periods.window_end))
    live = _between(predictions, "issued_at", at.periods.window_start, at.periods.window_end)
    for horizon in horizons:
        errors = prediction_errors(live.filter(live.prediction_window_hours == horizon), labels)
        errors = errors.filter(errors.known_hour <= newest)
        sums = errors.aggregate(
            records=errors.count(), seen=(errors.error > 0).sum(), parts=errors.residual_sum.sum()
        ).to_pyarrow().to_pylist()[0]  # fmt: skip
        records, seen = int(sums["records"]), int(sums["seen"] or 0)
        missed = float(sums["parts"] or 0) / PARTS
        expected = seen - missed
        value = None
        if records >= at.rules.minimum_records and max(seen, expected) >= minimum_positives:
            value = abs(missed) / max(seen, expected)
        measures.append(DriftMeasure("residual", f"{horizon}h", value, share, records))
    return measures


def _between(rows: ir.Table, moment: str, start: datetime, end: datetime) -> ir.Table:
    return rows.filter((rows[moment] > instant(start)) & (rows[moment] <= instant(end)))
