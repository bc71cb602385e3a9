"""What one feature says about itself, and the aggregates over trailing hours that features are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import ibis.expr.types as ir


@dataclass(frozen=True, slots=True)
class FeatureDefinition:
    """One feature: its name, its meaning and the expression that computes it.

    ``expression`` reads the wide row of one (hashtag, T): the metrics of the hour, the window aggregates and the
    features declared before it. ``depends_on`` names features, or ``table.column``. ``valid_min`` and ``valid_max``
    bound every value that is not null. ``deprecated`` names what replaces a feature that nobody should use any more.
    """

    name: str
    group: str
    description: str
    expression: Callable[[ir.Table], ir.Value]
    depends_on: tuple[str, ...]
    dtype: str = "float64"
    valid_min: float | None = None
    valid_max: float | None = None
    computation_lag_minutes: int = 0
    version: int = 1
    is_nullable: bool = True
    deprecated: str | None = None


@dataclass(frozen=True, slots=True)
class WindowAggregate:
    """One aggregate of ``column`` over the hours T - ``oldest_h`` to T - ``newest_h``, both included.

    The window (T-24h, T] has ``oldest_h=23``. ``value`` is for windows of one hour: ``newest_h=oldest_h=6`` gives the
    value of exactly T-6h. ``count`` counts the hours whose value is known and is never null; the others are null
    where no hour is known.
    ``is_history`` marks a column that says what was known at its own hour (a rank), so later versions cannot change it.
    """

    name: str
    column: str
    how: Literal["sum", "count", "min", "max", "value"]
    oldest_h: int
    newest_h: int = 0
    is_history: bool = False


def lag(name: str, column: str, *, hours: int, is_history: bool = False) -> WindowAggregate:
    """Return the value of exactly the hour T - ``hours``, else null."""
    return WindowAggregate(name, column, "value", hours, hours, is_history)


def ratio(numerator: ir.NumericValue, denominator: ir.NumericValue) -> ir.FloatingValue:
    """Return numerator / denominator; null where the denominator is null or zero."""
    return numerator.cast("float64") / denominator.cast("float64").nullif(0.0)
