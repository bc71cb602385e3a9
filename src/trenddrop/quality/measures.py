"""What a rule measures, as Ibis expressions of one row; the same on every engine.

Each expression has the columns ``checked`` and ``failed`` (records, or buckets) and ``measure``, and whatever else
explains the figure.
"""

from datetime import UTC, datetime, time, timedelta
from functools import reduce
from operator import and_, or_

import ibis
import ibis.expr.types as ir

from trenddrop.quality.rules import (
    ImplausibleTime,
    MissingFields,
    MonotonicViolation,
    OutlierSpike,
    RejectedRecords,
    Rule,
    Staleness,
    Volume,
)

MAD_TO_DEVIATION = 1.4826  # of a normal distribution
MEAN_TO_DEVIATION = 1.2533  # the same, of the mean absolute deviation
AHEAD = timedelta(hours=1)  # an hourly row is dated by the end of its hour
BUCKET_S = {"hour": 3600, "day": 86_400}


def measure(table: ir.Table, rule: Rule, *, now: datetime) -> ir.Table:
    """Return the one-row expression of the rule over the table."""
    match rule:
        case MissingFields():
            return missing_fields(table, rule)
        case MonotonicViolation():
            return monotonic_violation(table, rule)
        case OutlierSpike():
            return outlier_spike(table, rule)
        case Staleness():
            return staleness(table, rule, now=now)
        case ImplausibleTime():
            return implausible_time(table, rule, now=now)
        case Volume():
            return volume(table, rule)
        case RejectedRecords():
            return rejected_records(table, rule)


def missing_fields(table: ir.Table, rule: MissingFields) -> ir.Table:
    """Count the records in which a required field is null or blank."""
    missing = [_is_missing(table[column]) for column in rule.columns]
    fails = reduce(or_, missing) if rule.require == "all" else reduce(and_, missing)
    per_column = {f"missing_{column}": flag.sum() for column, flag in zip(rule.columns, missing, strict=True)}
    return _rate(table.aggregate(checked=table.count(), failed=fails.sum(), **per_column))


def monotonic_violation(table: ir.Table, rule: MonotonicViolation) -> ir.Table:
    """Count the records in which a counter is lower than in the record before, among those that have one before."""
    window = ibis.window(group_by=list(rule.entity), order_by=[*rule.order, *rule.columns])
    number = ibis.row_number().over(window)
    before = {f"before_{column}": table[column].lag().over(window) for column in rule.columns}
    steps = table.mutate(step_number=number, **before).filter(lambda t: t.step_number > 0)
    falls = {column: (steps[column] < steps[f"before_{column}"]).fill_null(False) for column in rule.columns}
    fails = reduce(or_, falls.values())
    per_column = {f"falls_{column}": fall.sum() for column, fall in falls.items()}
    return _rate(steps.aggregate(checked=steps.count(), failed=fails.sum(), **per_column))


def outlier_spike(table: ir.Table, rule: OutlierSpike) -> ir.Table:
    """Count the records far above their entity's median, in robust deviations."""
    keys = list(rule.entity)
    kept = reduce(lambda t, flag: t.filter(~t[flag]), rule.where_false, table)
    kept = kept.filter(kept[rule.column].notnull())
    value = kept[rule.column].cast("float64")
    if rule.scale == "log":
        value = (ibis.greatest(value, 0.0) + 1.0).ln()
    versions = kept.select(*keys, time=kept[rule.time], version=kept[rule.version], value=value)
    newest = versions.group_by([*keys, "time"]).aggregate(value=versions.value.argmax(versions.version))
    values = newest.select(*keys, "value")
    centre = values.group_by(keys).aggregate(records=values.count(), centre=values.value.quantile(0.5))
    centre = centre.filter(centre.records >= rule.minimum_records)
    away = values.join(centre, keys).select(*keys, "value", "centre")
    distance = (away.value - away.centre).abs()
    spread = away.group_by(keys).aggregate(median_distance=distance.quantile(0.5), mean_distance=distance.mean())
    judged = away.join(spread, keys).select("value", "centre", "median_distance", "mean_distance")
    robust = ibis.ifelse(
        judged.median_distance > 0, judged.median_distance * MAD_TO_DEVIATION, judged.mean_distance * MEAN_TO_DEVIATION
    )
    deviation = ibis.greatest(robust, rule.smallest_deviation)
    robust_z = (judged.value - judged.centre) / deviation
    return _rate(
        judged.aggregate(
            checked=judged.count(), failed=(robust_z > rule.robust_z).sum(), greatest_robust_z=robust_z.max()
        )
    )


def staleness(table: ir.Table, rule: Staleness, *, now: datetime) -> ir.Table:
    """Measure the age of the newest record in hours; every record fails when it is over the limit.

    A record dated ahead of now says nothing of the age: one wrong date would keep a table fresh for years.
    """
    seconds = table[rule.time].epoch_seconds().cast("float64")
    arrived = ibis.ifelse(seconds <= (now + AHEAD).timestamp(), seconds, ibis.null("float64"))
    one = table.aggregate(checked=table.count(), newest_s=arrived.max())
    age = ibis.greatest(ibis.literal(now.timestamp()) - one.newest_s, 0.0) / 3600.0
    one = one.mutate(measure=ibis.ifelse(one.newest_s.notnull(), age, ibis.null("float64")))
    return one.mutate(failed=ibis.ifelse(one.measure > rule.limit_h, one.checked, 0)).drop("newest_s")


def implausible_time(table: ir.Table, rule: ImplausibleTime, *, now: datetime) -> ir.Table:
    """Count the records before the earliest plausible day or after now."""
    seconds = table[rule.time].epoch_seconds()
    earliest = int(datetime.combine(rule.earliest, time(), tzinfo=UTC).timestamp())
    latest = int((now + timedelta(hours=rule.ahead_h)).timestamp())
    early, ahead = seconds < earliest, seconds > latest
    return _rate(
        table.aggregate(checked=table.count(), failed=(early | ahead).sum(), early=early.sum(), ahead=ahead.sum())
    )


def volume(table: ir.Table, rule: Volume) -> ir.Table:
    """Count the thin and empty buckets between the first and the last, or judge the whole table."""
    if rule.bucket is None:
        one = table.aggregate(checked=table.count())
        return one.mutate(
            failed=ibis.ifelse(one.checked < rule.minimum_records, 1, 0),
            measure=ibis.ifelse(one.checked < rule.minimum_records, 1.0, 0.0),
        )
    seconds = table[rule.time].epoch_seconds().cast("int64")
    numbered = table.select(bucket=(seconds - seconds % BUCKET_S[rule.bucket]) // BUCKET_S[rule.bucket])
    counts = numbered.group_by("bucket").aggregate(records=numbered.count())
    usual = counts.aggregate(
        first=counts.bucket.min(),
        last=counts.bucket.max(),
        usual=counts.records.quantile(0.5),
        total=counts.records.sum(),
    )
    inside = counts.cross_join(usual).filter(lambda t: (t.bucket > t.first) & (t.bucket < t.last))
    thin = inside.aggregate(
        present=inside.count(), thin=(inside.records < inside.usual * rule.minimum_share).sum().fill_null(0)
    )
    one = usual.cross_join(thin)
    inner = ibis.greatest((one["last"] - one["first"] - 1).fill_null(0), 0)
    empty = inner - one.present
    too_few = one.total.fill_null(0) < rule.minimum_records
    share = ibis.ifelse(inner > 0, (one.thin + empty).cast("float64") / inner, 0.0)
    return one.select(
        checked=inner.cast("int64"),
        failed=(one.thin + empty).cast("int64"),
        measure=ibis.ifelse(too_few, 1.0, share),
        empty_buckets=empty.cast("int64"),
        median_records=one.usual.cast("float64"),
    )


def rejected_records(table: ir.Table, rule: RejectedRecords) -> ir.Table:
    """Add up the records that came in and those that could not be read."""
    return _rate(
        table.aggregate(checked=table[rule.total].sum().fill_null(0), failed=table[rule.rejected].sum().fill_null(0))
    )


def _is_missing(column: ir.Column) -> ir.BooleanColumn:
    if column.type().is_string():
        return column.isnull() | (column.strip() == "").fill_null(False)
    return column.isnull()


def _rate(one: ir.Table) -> ir.Table:
    """Add the failure rate as the measure; null (nothing to judge) for an empty table."""
    one = one.mutate(failed=one.failed.fill_null(0))
    rate = one.failed.cast("float64") / ibis.greatest(one.checked, 1).cast("float64")
    return one.mutate(measure=ibis.ifelse(one.checked > 0, rate, ibis.null("float64")))
