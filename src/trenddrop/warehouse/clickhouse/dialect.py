"""Ibis to ClickHouse SQL, mended where it would answer otherwise than DuckDB does.

Each method below says what ClickHouse does by itself. What cannot be mended is left: an array is never null, so
``collect`` of nothing is empty; the upper case of ``ß`` is ``SS``; moments before 1900 and after 2299 are stored but
not computed with; ``first`` and ``collect`` take no ``order_by``.
"""

from typing import Any, ClassVar

import ibis.expr.operations as ops
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.base import NULL
from ibis.backends.sql.compilers.clickhouse import ClickHouseCompiler

_UNIX = {"s": "Second", "ms": "Milli", "us": "Micro", "ns": "Nano"}


class PortableClickHouseCompiler(ClickHouseCompiler):
    """The compiler of the Ibis backend with the answers of standard SQL."""

    __slots__ = ()

    SIMPLE_OPS: ClassVar[dict[type, str]] = {
        ops.CountDistinct: "uniqExact",  # uniq is an estimate
        ops.Date: "toDate32",  # Date ends in 2149
        ops.StringLength: "lengthUTF8",  # else bytes
        ops.Lowercase: "lowerUTF8",  # else ASCII only
        ops.Uppercase: "upperUTF8",
        ops.Reverse: "reverseUTF8",
        ops.StrRight: "rightUTF8",
    }

    @staticmethod
    def _minimize_spec(op: Any, spec: Any) -> Any:
        """Drop the frame of a rank: over ROWS ClickHouse gives equal rows different ranks."""
        return None if isinstance(op.func, ops.RankBase | ops.NTile) else spec

    def visit_LagLead(self, op: Any, *, arg: Any, offset: Any, default: Any) -> Any:
        """Return null beyond the edge; of a column that is never null ClickHouse makes 0, an empty text or 1970."""
        arg = arg if op.arg.dtype.is_array() else self.f.toNullable(arg)
        return super().visit_LagLead(op, arg=arg, offset=offset, default=default)

    visit_Lag = visit_Lead = visit_LagLead

    def visit_Quantile(self, op: Any, *, arg: Any, quantile: Any, where: Any) -> Any:
        """Interpolate between the two neighbours; quantile() samples."""
        return self._visit_quantile("quantileExactInclusive", arg, quantile, where)

    def visit_MultiQuantile(self, op: Any, *, arg: Any, quantile: Any, where: Any) -> Any:
        """Interpolate between the two neighbours; quantiles() samples."""
        return self._visit_quantile("quantilesExactInclusive", arg, quantile, where)

    def visit_Median(self, op: Any, *, arg: Any, where: Any) -> Any:
        """Interpolate between the two neighbours."""
        return self._visit_quantile("quantileExactInclusive", arg, sge.convert(0.5), where)

    def visit_StandardDevVariance(self, op: Any, **arguments: Any) -> Any:
        """Return null for the deviation of one value, which ClickHouse says is NaN."""
        return self._null_if_nan(super().visit_StandardDevVariance(op, **arguments))

    visit_StandardDev = visit_Variance = visit_Covariance = visit_StandardDevVariance

    def visit_WindowFunction(self, op: Any, *, func: Any, **arguments: Any) -> Any:
        """Put the test for NaN around the window and not inside of it."""
        if isinstance(op.func, ops.StandardDev | ops.Variance | ops.Covariance):
            return self._null_if_nan(super().visit_WindowFunction(op, func=func.args["false"], **arguments))
        return super().visit_WindowFunction(op, func=func, **arguments)

    def _null_if_nan(self, value: Any) -> Any:
        return self.if_(self.f.isNaN(value), NULL, value.copy())

    def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:
        """Round a fraction to the nearest integer (halves to even); ClickHouse cuts it off, and NaN becomes 0."""
        if op.arg.dtype.is_floating() and to.is_integer():
            return self.f.accurateCast(self.f.roundBankers(arg), self.type_mapper.to_string(to.copy(nullable=True)))
        return super().visit_Cast(op, arg=arg, to=to)

    def visit_ScalarUDF(self, op: Any, **arguments: Any) -> Any:
        """Give DuckDB's epoch_us() by its name here."""
        if op.__func_name__ == "epoch_us":
            (moment,) = arguments.values()
            return self.f.toUnixTimestamp64Micro(self.f.toDateTime64(moment, 6, "UTC"))
        return super().visit_ScalarUDF(op, **arguments)

    def visit_Round(self, op: Any, *, arg: Any, digits: Any) -> Any:
        """Round halves away from zero; ClickHouse rounds those of floats to even."""
        if not op.arg.dtype.is_floating():
            return super().visit_Round(op, arg=arg, digits=digits)
        scale = self.f.pow(10.0, digits) if digits is not None else sge.convert(1.0)
        magnitude = self.f.floor(self.f.abs(arg) * scale + 0.5) / scale
        return self.cast(self.if_(arg < 0, -magnitude, magnitude), op.dtype)

    def visit_Substring(self, op: Any, *, arg: Any, start: Any, length: Any) -> Any:
        """Count characters; substring() counts bytes and cuts them apart."""
        start = start + 1
        start = self.if_(start >= 1, start, start + self.f.lengthUTF8(arg))
        return self.f.substringUTF8(arg, start, *([] if length is None else [length]))

    def visit_StringFind(self, op: Any, *, arg: Any, substr: Any, start: Any, end: Any) -> Any:
        """Count characters; position() counts bytes."""
        found = super().visit_StringFind(op, arg=arg, substr=substr, start=start, end=end)
        return self.f.positionUTF8(*found.expressions)

    def visit_StringSplit(self, op: Any, *, arg: Any, delimiter: Any) -> Any:
        """Return no parts of a null text, for which splitByString() fails."""
        return self.f.arrayFilter(
            sge.Lambda(this=self.f.isNotNull(arg), expressions=[sge.to_identifier("part")]),
            self.f.splitByString(delimiter, self.f.ifNull(arg, "")),
        )

    def visit_ExtractEpochSeconds(self, op: Any, *, arg: Any) -> Any:
        """Count from 1970 in both directions; toRelativeSecondNum() ends in 2106 and begins in 1970."""
        return self.f.toUnixTimestamp64Second(self.f.toDateTime64(arg, 0, "UTC"))

    def visit_TimestampTruncate(self, op: Any, *, arg: Any, unit: Any) -> Any:
        """Return the start of a day or longer as DateTime64; DateTime ends in 2106 and wraps around."""
        start = super().visit_TimestampTruncate(op, arg=arg, unit=unit)
        if unit.short not in ("Y", "Q", "M", "W", "D"):
            return start
        return self.f.toDateTime64(start.this, op.arg.dtype.scale or 0, "UTC")  # without the cast to DateTime

    def visit_TimestampFromUNIX(self, op: Any, *, arg: Any, unit: Any) -> Any:
        """Take every unit; toDateTime() takes seconds from 1970 to 2106."""
        return self.f[f"fromUnixTimestamp64{_UNIX[unit.short]}"](self.f.toInt64(arg), "UTC")
