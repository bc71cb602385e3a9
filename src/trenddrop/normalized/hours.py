"""Whole hours since 1970 as int64: windows ordered by them are the same on every engine."""

from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from trenddrop.schemas.table import TIMESTAMP

_HOUR_US = 3_600_000_000


@ibis.udf.scalar.builtin(name="epoch_us", signature=((dt.Timestamp("UTC", 6),), dt.int64))
def _epoch_us(moment: Any) -> Any:
    """Return microseconds since 1970; DuckDB's own function, twenty times faster than by way of the calendar."""


def hour_of(moment: ir.TimestampValue) -> ir.IntegerValue:
    """Return the number of the hour (H-1h, H] that holds the moment."""
    return ((_epoch_us(moment) + (_HOUR_US - 1)) // _HOUR_US).cast("int64")


def hour_end(number: ir.IntegerValue) -> ir.TimestampValue:
    """Return the instant at which the numbered hour ends."""
    return (number * 3600).as_timestamp("s").cast(TIMESTAMP)
