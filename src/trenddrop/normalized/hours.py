"""Whole hours since 1970 as int64: windows ordered by them are the same on every engine."""

import ibis.expr.types as ir
from ibis import ifelse

from trenddrop.schemas.table import TIMESTAMP


def hour_of(moment: ir.TimestampValue) -> ir.IntegerValue:
    """Return the number of the hour (H-1h, H] that holds the moment."""
    floor = moment.truncate("h")
    number = floor.epoch_seconds().cast("int64") / 3600
    return number.cast("int64") + ifelse(moment > floor, 1, 0).cast("int64")


def hour_end(number: ir.IntegerValue) -> ir.TimestampValue:
    """Return the instant at which the numbered hour ends."""
    return (number * 3600).as_timestamp("s").cast(TIMESTAMP)
