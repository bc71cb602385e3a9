"""Group G, residuals: how far off the live predictions of a hashtag were, once their outcome was known.

An error is the outcome (1 viral, 0 not) minus the probability. It belongs to the moment at which its prediction was
issued and is known from the hour in which the horizon has passed and the outcome has been learnt; an outcome that is
unknown never counts. Every live prediction counts as one error, whatever its model, label definition and horizon.
A backtest is a rehearsal written after the fact: counting it would let each training change the features of its own
past, so it does not count.
"""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from trenddrop.features.definition import FeatureDefinition
from trenddrop.features.running import PARTS, in_parts, running_totals
from trenddrop.features.visibility import Stage, lazily, with_columns_of
from trenddrop.normalized.hours import hour_of
from trenddrop.staging.unions import union_rows

WINDOW_H = 168

_COLUMNS = ("residual_count", "residual_sum", "residual_square_sum")
_NEWEST_LAST = ("issued_at", "shortness_h", "viral_definition_name", "model_name", "model_version", "prediction_id")


@dataclass(frozen=True, slots=True)
class PredictionTables:
    """Tables with the columns of ``predictions`` and ``viral_labels``: what was said, and what came of it."""

    predictions: ir.Table
    labels: ir.Table


def with_residuals(wide: ir.Table, tables: PredictionTables | None, *, stage: Stage = lazily) -> ir.Table:
    """Add to the rows (hashtag_id, hour) the error of the newest prediction and the sums over the last 7 days.

    The tables must hold what was issued in the 7 days before the first hour; without them the columns are null.
    """
    if tables is None:
        sums = dict.fromkeys(_COLUMNS, ibis.null("int64"))
        return wide.mutate(last_error=ibis.null("float64"), **sums)
    errors = stage(prediction_errors(tables.predictions, tables.labels))
    entering = errors.select("hashtag_id", *_COLUMNS, "place", hour=errors.known_hour)
    leaving = errors.select(
        "hashtag_id",
        **{name: -errors[name] for name in _COLUMNS},
        place=ibis.literal(0).cast("int64"),
        hour=errors.issued_hour + WINDOW_H,
    )
    moments = wide.select("hashtag_id", "hour").semi_join(errors, "hashtag_id")
    totals = running_totals(
        moments, union_rows(entering, leaving), keys=("hashtag_id",), sums=_COLUMNS, maxima=("place",)
    )
    totals = stage(totals.filter(totals.residual_count > 0))
    last = errors.select("hashtag_id", "place", last_error=errors.error)
    return with_columns_of(wide, with_columns_of(totals, last, ("hashtag_id", "place")), ("hashtag_id", "hour"))


def prediction_errors(predictions: ir.Table, labels: ir.Table) -> ir.Table:
    """Return one row per live prediction with a known outcome that is known within 7 days of its issue.

    ``known_hour`` is the first hour that sees the error. The prediction for the features of t is judged by the label
    at t. ``place`` orders the errors of a hashtag: by issue, then the shorter horizon later, then by names.
    """
    keys = ("hashtag_id", "viral_definition_name", "prediction_window_hours")
    outcomes = labels.filter(labels.is_viral.notnull()).select(
        *keys, "is_viral", "matured_at", feature_timestamp=labels.label_timestamp
    )
    rows = predictions.filter(~predictions.is_backtest).inner_join(outcomes, [*keys, "feature_timestamp"])
    issued_hour = hour_of(rows.issued_at)
    matured_hour = ibis.greatest(issued_hour + rows.prediction_window_hours, hour_of(rows.matured_at))
    rows = rows.mutate(
        issued_hour=issued_hour,
        known_hour=matured_hour.cast("int64"),
        shortness_h=-rows.prediction_window_hours,
        error=ibis.ifelse(rows.is_viral, 1.0, 0.0) - rows.probability,
    )
    rows = rows.filter(rows.known_hour < rows.issued_hour + WINDOW_H)
    by_issue = ibis.window(group_by="hashtag_id", order_by=list(_NEWEST_LAST))
    return rows.select(
        "hashtag_id",
        "issued_hour",
        "known_hour",
        "error",
        place=(ibis.row_number().over(by_issue) + 1).cast("int64"),
        residual_count=ibis.literal(1).cast("int64"),
        residual_sum=in_parts(rows.error),
        residual_square_sum=in_parts(rows.error * rows.error),
    )


def prediction_bias(t: ir.Table) -> ir.FloatingValue:
    """Return the mean error; above 0 the model said too little."""
    return t.residual_sum.cast("float64") / t.residual_count.cast("float64") / float(PARTS)


def prediction_variance(t: ir.Table) -> ir.FloatingValue:
    """Return the population variance of the errors: these are all there are, not a sample."""
    mean_square = t.residual_square_sum.cast("float64") / t.residual_count.cast("float64") / float(PARTS)
    variance = mean_square - t.prediction_bias_7d * t.prediction_bias_7d
    return ibis.ifelse(variance < 0.0, 0.0, variance)  # equal errors leave a rounding


_SOURCES = ("predictions.probability", "predictions.issued_at", "viral_labels.is_viral", "viral_labels.matured_at")
_OVER = "live predictions issued in (T-7d, T] whose outcome was known by T"

DEFINITIONS = (
    FeatureDefinition(
        name="last_prediction_error",
        group="G",
        description=f"Outcome minus probability of the newest of the {_OVER}; of several at once the shortest horizon.",
        expression=lambda t: t.last_error,
        depends_on=_SOURCES,
        valid_min=-1.0,
        valid_max=1.0,
    ),
    FeatureDefinition(
        name="prediction_bias_7d",
        group="G",
        description=f"Mean of outcome minus probability over the {_OVER}.",
        expression=prediction_bias,
        depends_on=_SOURCES,
        valid_min=-1.0,
        valid_max=1.0,
    ),
    FeatureDefinition(
        name="prediction_variance_7d",
        group="G",
        description=f"Population variance of outcome minus probability over the {_OVER}.",
        expression=prediction_variance,
        depends_on=("prediction_bias_7d", *_SOURCES),
        valid_min=0.0,
        valid_max=1.0,
    ),
)
