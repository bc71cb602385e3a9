"""A trend's past hours and what is predicted for the next ones, as a picture."""

import io
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.ticker import EngFormatter, PercentFormatter

from trenddrop.core.errors import InputError
from trenddrop.core.time import HOUR

INK, MUTED, GRID, PAST, FUTURE = "#1f2933", "#7b8794", "#e4e7eb", "#4263eb", "#d6336c"
VALUE_NAMES = {"view_count": "views per hour", "video_count": "videos per hour", "score": "the platform's own heat"}
STYLE: dict[str, Any] = {
    "font.size": 10, "axes.titlesize": 11, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.edgecolor": MUTED, "axes.labelcolor": INK, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "axes.axisbelow": True, "grid.color": GRID, "text.color": INK,
    "xtick.color": INK, "ytick.color": INK, "legend.frameon": False, "legend.fontsize": 9, "text.parse_math": False,
}  # fmt: skip


def draw_history(
    history: pl.DataFrame,
    *,
    title: str,
    now: datetime,
    probabilities: Mapping[int, float | None],
    issued: pl.DataFrame | None = None,
    value: str = "view_count",
) -> bytes:
    """Return a PNG: hourly values up to ``now``, the probability of each window ahead, and what was said before.

    ``history``: ``timestamp`` and ``value`` (null where unknown), maybe ``is_gap``. ``probabilities``: horizon in
    hours to probability. ``issued``: earlier predictions, ``issued_at`` and ``probability_<h>h`` columns, drawn below.
    Raises InputError when no value is known.
    """
    known = history.filter(pl.col(value).is_not_null()).sort("timestamp")
    if known.is_empty():
        raise InputError(f"history of {title}: no {value} is known; choose a trend that was seen twice at least")
    horizons = sorted(horizon for horizon, probability in probabilities.items() if probability is not None)
    below = [] if issued is None else [column for column in issued.columns if column.startswith("probability_")]
    with rc_context(STYLE | {"timezone": "UTC"}):
        figure = Figure(figsize=(10, 5.0 if below else 3.6), layout="constrained")
        parts: Any = figure.subfigures(1, 2, width_ratios=[4, 1]) if horizons else (figure, None)
        left, right = parts
        axes = left.subplots(2 if below else 1, sharex=True, squeeze=False, height_ratios=[2, 1] if below else None)
        top, last = axes[0][0], axes[-1][0]
        _draw_values(top, known, value)
        top.set_title(drawable(title))
        if issued is not None and below:
            _draw_issued(last, issued, below)
        locator = AutoDateLocator(minticks=5, maxticks=10)
        last.xaxis.set_major_locator(locator)
        last.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        last.set_xlim(min(known["timestamp"].to_list()[0], now - HOUR), now)
        if right is not None:
            _draw_outlook(right.subplots(), {horizon: float(probabilities[horizon] or 0.0) for horizon in horizons})
        file = io.BytesIO()
        FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})
    return file.getvalue()


def drawable(text: str) -> str:
    """Return the text, or nothing where matplotlib's own font lacks one of its characters (as Chinese ones).

    >>> drawable("#café"), drawable("高考")
    ('#café', '')
    """
    font = get_font(findfont("DejaVu Sans"))
    return text if set(map(ord, text)) <= set(font.get_charmap()) else ""


def _draw_values(axes: Any, known: pl.DataFrame, value: str) -> None:
    name = VALUE_NAMES.get(value, value.replace("_", " "))
    times, values = known["timestamp"].to_list(), known[value].to_list()
    axes.fill_between(times, values, color=PAST, alpha=0.12, linewidth=0)
    axes.plot(times, values, color=PAST, linewidth=1.6, label=name)
    if "is_gap" in known.columns and known["is_gap"].any():
        gaps = known.filter("is_gap")
        axes.plot(
            gaps["timestamp"].to_list(), gaps[value].to_list(), linestyle="", marker="o", markersize=3.5,
            markerfacecolor="white", markeredgecolor=PAST, label="filled in between two readings",
        )  # fmt: skip
    axes.set_ylim(0, float(known[value].to_numpy().max()) * 1.3 or 1.0)
    axes.yaxis.set_major_formatter(EngFormatter())
    axes.set_ylabel(name)
    axes.legend(loc="upper left")


def _draw_outlook(axes: Any, probabilities: Mapping[int, float]) -> None:
    """Draw one bar per horizon ahead, its probability written above it."""
    names = [f"{horizon} h" for horizon in probabilities]
    heights = list(probabilities.values())
    bars = axes.bar(names, heights, color=FUTURE, width=0.62, alpha=0.9)
    axes.bar_label(bars, [f"{height:.0%}" for height in heights], padding=3, fontweight="bold", color=FUTURE)
    axes.set_ylim(0, min(1.0, max(heights) * 1.25) or 1.0)
    axes.yaxis.set_visible(False)
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="x", length=0)
    axes.set_title("viral within")


def _draw_issued(axes: Any, issued: pl.DataFrame, columns: list[str]) -> None:
    rows = issued.sort("issued_at")
    for place, column in enumerate(columns):
        hours = column.removeprefix("probability_").removesuffix("h")
        axes.plot(
            rows["issued_at"].to_list(), rows[column].to_list(), color=FUTURE, linewidth=1.4,
            alpha=0.35 + 0.65 * (place + 1) / len(columns), label=f"within {hours} h",
        )  # fmt: skip
    axes.set_ylim(0, float(rows.select(columns).fill_null(0.0).to_numpy().max(initial=0.0)) * 1.4 or 1.0)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylabel("probability then")
    axes.legend(loc="upper left", ncols=len(columns))
