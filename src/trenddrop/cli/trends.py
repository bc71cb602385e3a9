"""The likeliest trends as a table that fits a terminal: probabilities, their intervals, the peak, why."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import polars as pl

from trenddrop.cli.console import print_table

MILLION, THOUSAND = 1_000_000, 1000
DASH, GAP = "-", "  "
WHY_WIDTH = 38


def print_trends(top: pl.DataFrame, horizons: Sequence[int]) -> None:
    """Print one block per trend; of a probability the second line is its interval, of the peak the outer quantiles."""
    trends = list(top.iter_rows(named=True))
    rows = [
        [trend["title"], *(probability(trend, horizon) for horizon in horizons), peak(trend), why(trend)]
        for trend in trends
    ]
    columns = ["trend", *(f"{horizon} h" for horizon in horizons), "peak", "why (↑ raises it, ↓ lowers it)"]
    if not any(trend.get("hours_to_peak") is not None for trend in trends):
        place = columns.index("peak")
        columns, rows = without(columns, place), [without(row, place) for row in rows]
    print_table("Likeliest trends", columns, rows, ruled=True, widest={"trend": 20})


def probability(trend: Mapping[str, Any], horizon: int) -> str:
    r"""Return a probability in percent and, below it, its interval.

    >>> probability({"probability_6h": 0.124, "low_6h": 0.07, "high_6h": 0.31}, 6)
    '12 %\n7-31 %'
    """
    value, low, high = (trend.get(name.format(horizon)) for name in ("probability_{}h", "low_{}h", "high_{}h"))
    if value is None:
        return DASH
    told = f"{percent(value)} %"
    return told if low is None or high is None else f"{told}\n{percent(low)}-{percent(high)} %"


def peak(trend: Mapping[str, Any]) -> str:
    r"""Return when the greatest hour is expected and its views, each with its band.

    >>> peak({"hours_to_peak": 9.2, "hours_to_peak_low": 2.7, "hours_to_peak_high": 20.0, "peak_views": 1234.5,
    ...       "peak_views_low": 400.0, "peak_views_high": 3_100_000.0})
    'in 9 h (3-20)\n1.2k views\n400-3.1M'
    """
    hours, views = _quantiles(trend, "hours_to_peak"), _quantiles(trend, "peak_views")
    lines = [] if hours is None else [f"in {hours[1]:.0f} h ({hours[0]:.0f}-{hours[2]:.0f})"]
    lines += [] if views is None else [f"{short(views[1])} views", f"{short(views[0])}-{short(views[2])}"]
    return "\n".join(lines) or DASH


def why(trend: Mapping[str, Any]) -> str:
    r"""Return the reasons in a few words each, the strongest first; lines end between reasons.

    >>> why({"reasons": '[{"short": "heat 3", "contribution": 1.0}, {"short": "age 7 h", "contribution": -0.2}]'})
    '↑ heat 3  ↓ age 7 h'
    """
    lines: list[str] = []
    for reason in map(_brief, orjson.loads(trend.get("reasons") or "[]")):
        if lines and len(lines[-1]) + len(GAP) + len(reason) <= WHY_WIDTH:
            lines[-1] += GAP + reason
        else:
            lines.append(reason)
    return "\n".join(lines) or DASH


def percent(share: float) -> str:
    """Write a share in percent, with one digit where it is below one.

    >>> percent(0.0004), percent(0.004), percent(0.123), percent(0.9996)
    ('<0.1', '0.4', '12', '100')
    """
    if share >= 0.0095 or share == 0:
        return f"{100 * share:.0f}"
    return f"{100 * share:.1f}" if share >= 0.00095 else "<0.1"


def short(value: float) -> str:
    """Write a count with two digits, or three where it has none to spare.

    >>> short(950.4), short(1234), short(12_345), short(2_000_000)
    ('950', '1.2k', '12k', '2.0M')
    """
    for size, letter in ((MILLION, "M"), (THOUSAND, "k")):
        if value >= size:
            return f"{value / size:.{0 if value >= 10 * size else 1}f}{letter}"
    return f"{value:.0f}"


def without(items: Sequence[Any], place: int) -> list[Any]:
    """Return the items without the one at this place."""
    return [*items[:place], *items[place + 1 :]]


def _quantiles(trend: Mapping[str, Any], target: str) -> tuple[float, float, float] | None:
    values = [trend.get(f"{target}{end}") for end in ("_low", "", "_high")]
    return None if None in values else (float(values[0]), float(values[1]), float(values[2]))  # type: ignore[arg-type]


def _brief(reason: Mapping[str, Any]) -> str:
    arrow = "↓" if (reason.get("contribution") or 0.0) < 0 else "↑"
    return f"{arrow} {reason.get('short') or reason['text']}"
