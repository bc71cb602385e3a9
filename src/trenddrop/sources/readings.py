"""Reading counters, scores, moments and durations from text: each gives a value, or the reason why it cannot.

A reading is a few steps, each a set of columns over those of the step before, so that an engine computes what two
later steps share once, and the query stays as small as it reads.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import ibis
import ibis.expr.types as ir

from trenddrop.sources.engine_functions import (
    epoch_us,
    instant,
    instant_of_local,
    join_reasons,
    json_type,
    local_time,
    strip,
)

BLANK_NAME = r"^[\s\p{Z}#＃﹟\x00-\x1f\x85]*$"  # nothing remains of such a name once it is normalized

NumberFormat = Literal["any", "plain"]
Columns = dict[str, ir.Value]

_MULTIPLES: dict[float, list[str]] = {
    1e3: ["k", "n", "mil", "тыс", "千", "천"],
    1e4: ["万", "萬", "만"],
    1e6: ["m", "mn", "tr", "млн"],
    1e8: ["亿", "億", "억"],
    1e9: ["b", "bn", "g"],
    1e12: ["t"],
}
_SUFFIXES = "|".join(sorted((suffix for group in _MULTIPLES.values() for suffix in group), key=len, reverse=True))
_NUMBER = rf"^(-?[0-9]+(?:\.[0-9]+)?)\s*({_SUFFIXES})?\.?\+?$"
_THOUSANDS = r"^-?[0-9]{1,3}(,[0-9]{3})+"
_CLOCK = r"^(?:([0-9]{1,3}):)?([0-9]{1,3}):([0-9]{2})$"
_LARGEST_COUNT = 2**62
_LARGEST_SCORE = sys.float_info.max
_EARLIEST_US = 631_152_000_000_000  # 1990-01-01
_LATEST_US = 4_102_444_800_000_000  # 2100-01-01
_EPOCH_UNITS_US = {"epoch_s": 1e6, "epoch_ms": 1e3, "epoch_us": 1.0}


class Reading(Protocol):
    """How one column of text becomes a typed column."""

    @property
    def name(self) -> str:
        """Return the name of the typed column."""
        ...

    def steps(self) -> int:
        """Return how many steps there are."""
        ...

    def step(self, number: int, table: ir.Table) -> Columns:
        """Return the columns of a step; the last one gives ``name`` and ``_reason_<name>``."""
        ...


def read(table: ir.Table, readings: Sequence[Reading], *, reason: str) -> ir.Table:
    """Add the column of each reading, and a column with all reasons of a row joined by ``; `` (null: none)."""
    kept = list(table.columns)
    for number in range(max(reading.steps() for reading in readings)):
        added: Columns = {}
        for reading in readings:
            if number < reading.steps():
                added |= reading.step(number, table)
        table = table.mutate(**added)
    reasons = join_reasons([table[f"_reason_{reading.name}"] for reading in readings])
    return table.select(*kept, *(reading.name for reading in readings), reasons.name(reason))


@dataclass(frozen=True, slots=True)
class Text:
    """Text without surrounding space; empty text is null."""

    name: str
    column: str

    def steps(self) -> int:
        """Return how many steps there are."""
        return 1

    def step(self, number: int, table: ir.Table) -> Columns:
        """Return the columns of the step."""
        return {self.name: _clean(table[self.column]), f"_reason_{self.name}": ibis.null("string")}


@dataclass(frozen=True, slots=True)
class RequiredText:
    """Text that names something: missing, blank and nested values have a reason.

    ``document`` is the column of the whole record.
    """

    name: str
    column: str
    field: str
    document: str = "text"

    def steps(self) -> int:
        """Return how many steps there are."""
        return 2

    def step(self, number: int, table: ir.Table) -> Columns:
        """Return the columns of the step."""
        clean = f"_clean_{self.name}"
        if number == 0:
            return {clean: strip(table[self.column])}
        nested = table[clean].re_search(r"^[\[{]") & json_type(table[self.document], self.field).isin(
            ["OBJECT", "ARRAY"]
        )
        reason = ibis.cases(
            (table[clean].isnull(), f"{self.field}: is missing"),
            (table[clean].re_search(BLANK_NAME), f"{self.field}: is empty"),
            (nested, f"{self.field}: is an object or a list, expected text"),
            else_=ibis.null("string"),
        )
        return {
            self.name: ibis.ifelse(reason.isnull(), table[clean], ibis.null("string")),
            f"_reason_{self.name}": reason,
        }


@dataclass(frozen=True, slots=True)
class Count:
    """A counter: ``1234``, ``1,234``, ``215.7M``, ``1.2万`` (``plain``: the first only), rounded to whole numbers.

    Empty text is null. Negative, infinite and unreadable numbers, and those over 2**62, have a reason.
    """

    name: str
    column: str
    field: str
    number_format: NumberFormat = "any"

    def steps(self) -> int:
        """Return how many steps there are."""
        return 4

    def step(self, number: int, table: ir.Table) -> Columns:
        """Return the columns of the step."""
        whole, odd, wide = (f"_{part}_{self.name}" for part in ("whole", "odd", "wide"))
        text = table[self.column]
        if number == 0:
            return {whole: text.try_cast("int64")}
        if number == 1:
            return {odd: ibis.ifelse(table[whole].isnull() & text.notnull(), _clean(text), ibis.null("string"))}
        if number == 2:
            read_odd = _abbreviated(table[odd]) if self.number_format == "any" else table[odd].try_cast("float64")
            return {wide: ibis.ifelse(table[odd].notnull(), read_odd, ibis.null("float64"))}
        fits = table[wide].between(0.0, float(_LARGEST_COUNT))
        is_empty = table[whole].isnull() & table[odd].isnull()
        rounded = ibis.ifelse(fits, table[wide], ibis.null("float64")).round().try_cast("int64")
        good = ibis.coalesce(table[whole].between(0, _LARGEST_COUNT), fits, is_empty)
        fault = ibis.cases(
            ((table[whole] < 0) | (table[wide] < 0), "is negative"),
            (table[whole].isnull() & (table[wide].isnull() | table[wide].isnan()), "is not a number"),
            else_="is too large for a counter",
        )
        value = ibis.ifelse(table[whole].notnull(), table[whole], rounded)
        return {
            self.name: ibis.ifelse(good, value, ibis.null("int64")),
            f"_reason_{self.name}": ibis.ifelse(good, ibis.null("string"), _faulty(self.field, text, fault)),
        }


@dataclass(frozen=True, slots=True)
class Score:
    """A finite float64, abbreviated or not; empty text is null, and so is 0 where it means unknown."""

    name: str
    column: str
    field: str
    zero_is_unknown: bool = False

    def steps(self) -> int:
        """Return how many steps there are."""
        return 4

    def step(self, number: int, table: ir.Table) -> Columns:
        """Return the columns of the step."""
        plain, odd, wide = (f"_{part}_{self.name}" for part in ("plain", "odd", "wide"))
        text = table[self.column]
        if number == 0:
            return {plain: text.try_cast("float64")}
        if number == 1:
            return {odd: ibis.ifelse(table[plain].isnull() & text.notnull(), _clean(text), ibis.null("string"))}
        if number == 2:
            read_odd = ibis.ifelse(table[odd].notnull(), _abbreviated(table[odd]), ibis.null("float64"))
            return {wide: ibis.ifelse(table[plain].notnull(), table[plain], read_odd)}
        finite = table[wide].abs() <= _LARGEST_SCORE  # false for NaN, which the engine sorts above all numbers
        is_empty = table[plain].isnull() & table[odd].isnull()
        value = ibis.ifelse(finite, table[wide], ibis.null("float64"))
        fault = _faulty(self.field, text, ibis.literal("is not a finite number"))
        return {
            self.name: value.nullif(0.0) if self.zero_is_unknown else value,
            f"_reason_{self.name}": ibis.ifelse(finite | is_empty, ibis.null("string"), fault),
        }


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant between 1990 and 2100.

    ``moment_format`` is ``epoch_s``, ``epoch_ms``, ``epoch_us``, ``iso`` (date or datetime), a strptime pattern, or
    ``auto``: numbers by their size, anything else as ISO. ``zone`` says where clocks without an offset stand.
    """

    name: str
    column: str
    field: str
    moment_format: str = "auto"
    zone: str = "UTC"
    is_required: bool = True

    def steps(self) -> int:
        """Return how many steps there are."""
        return 4

    def step(self, number: int, table: ir.Table) -> Columns:
        """Return the columns of the step."""
        wide, clean, micros = (f"_{part}_{self.name}" for part in ("wide", "clean", "micros"))
        text = table[self.column]
        if number == 0:
            return {wide: text.try_cast("float64")}
        if number == 1:  # a number needs no cleaning
            return {clean: ibis.ifelse(table[wide].notnull(), text, _clean(text))}
        if number == 2:
            return {micros: self._micros(table[clean], table[wide])}
        good = table[micros].between(_EARLIEST_US, _LATEST_US)
        fault = ibis.ifelse(table[micros].isnull(), "is not a time", "is not a time between 1990 and 2100")
        absent = ibis.literal(f"{self.field}: is missing") if self.is_required else ibis.null("string")
        reason = ibis.ifelse(table[clean].isnull(), absent, _faulty(self.field, table[clean], fault))
        return {
            self.name: instant(ibis.ifelse(good, table[micros], ibis.null("int64"))),
            f"_reason_{self.name}": ibis.ifelse(good.fill_null(False), ibis.null("string"), reason),
        }

    def _micros(self, clean: ir.StringValue, wide: ir.FloatingValue) -> ir.IntegerValue:
        if self.moment_format in _EPOCH_UNITS_US:
            return _rounded(wide * _EPOCH_UNITS_US[self.moment_format])
        if self.moment_format == "iso":
            return self._iso_micros(clean)
        if self.moment_format == "auto":
            unit_us = ibis.cases((wide < 1e11, 1e6), (wide < 1e14, 1e3), else_=1.0)
            return ibis.ifelse(wide.notnull(), _rounded(wide * unit_us), self._iso_micros(clean))
        local = local_time(clean, self.moment_format)
        is_exact = "%z" in self.moment_format or self.zone == "UTC"
        return epoch_us(local if is_exact else instant_of_local(local, self.zone))

    def _iso_micros(self, clean: ir.StringValue) -> ir.IntegerValue:
        exact = epoch_us(clean.try_cast("timestamp('UTC')"))  # a clock without an offset counts as UTC here
        if self.zone == "UTC":
            return exact
        has_offset = clean.re_search(r":[0-9.]+ ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$")
        return ibis.ifelse(has_offset, exact, epoch_us(instant_of_local(clean.try_cast("timestamp"), self.zone)))


@dataclass(frozen=True, slots=True)
class Duration:
    """Whole seconds from ``31``, ``00:31`` or ``1:02:03``; empty text is null."""

    name: str
    column: str
    field: str

    def steps(self) -> int:
        """Return how many steps there are."""
        return 3

    def step(self, number: int, table: ir.Table) -> Columns:
        """Return the columns of the step."""
        clean, seconds = f"_clean_{self.name}", f"_seconds_{self.name}"
        if number == 0:
            return {clean: _clean(table[self.column])}
        if number == 1:
            text = table[clean]
            hours, minutes, rest = (text.re_extract(_CLOCK, part).nullif("").try_cast("float64") for part in (1, 2, 3))
            return {seconds: ibis.coalesce(text.try_cast("float64"), hours.fill_null(0.0) * 3600 + minutes * 60 + rest)}
        good = table[seconds].between(0.0, 1e9)
        reason = _faulty(self.field, table[clean], ibis.literal("is not a duration"))
        return {
            self.name: _rounded(ibis.ifelse(good, table[seconds], ibis.null("float64"))),
            f"_reason_{self.name}": ibis.ifelse(good | table[clean].isnull(), ibis.null("string"), reason),
        }


@dataclass(frozen=True, slots=True)
class Flag:
    """True for ``true``, ``1`` and ``yes``, false for their opposites, null for anything else."""

    name: str
    column: str

    def steps(self) -> int:
        """Return how many steps there are."""
        return 1

    def step(self, number: int, table: ir.Table) -> Columns:
        """Return the columns of the step."""
        word = table[self.column].lower()
        value = ibis.ifelse(
            word.isin(["true", "1", "yes"]), True, ibis.ifelse(word.isin(["false", "0", "no"]), False, None)
        )
        return {self.name: value.cast("boolean"), f"_reason_{self.name}": ibis.null("string")}


def _clean(text: ir.StringValue) -> ir.StringValue:
    return strip(text).nullif("")


def _abbreviated(text: ir.StringValue) -> ir.FloatingValue:
    """Read a number with separated thousands or a suffix."""
    plain = ibis.ifelse(text.re_search(_THOUSANDS), text.replace(",", ""), text).lower()
    suffix = plain.re_extract(_NUMBER, 2)
    multiple = suffix.cases(*((word, value) for value, group in _MULTIPLES.items() for word in group), else_=1.0)
    abbreviated = plain.re_extract(_NUMBER, 1).nullif("").try_cast("float64") * multiple
    return ibis.coalesce(text.try_cast("float64"), abbreviated)


def _rounded(value: ir.FloatingValue) -> ir.IntegerValue:
    return ibis.ifelse(value.abs() < float(_LARGEST_COUNT), value, ibis.null("float64")).round().try_cast("int64")


def _faulty(field: str, text: ir.StringValue, fault: ir.StringValue) -> ir.StringValue:
    shown = ibis.ifelse(text.length() > 60, text.left(60) + "...", text)
    return ibis.literal(f"{field}: '") + shown + ibis.literal("' ") + fault
