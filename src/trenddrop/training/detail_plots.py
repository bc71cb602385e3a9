"""The details of a run in pictures, as PNG bytes: weeks, lead times, intervals, peaks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from matplotlib import rc_context
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from trenddrop.training.coverage import IntervalMetrics
from trenddrop.training.details import HorizonDetails
from trenddrop.training.evaluate import MODEL
from trenddrop.training.peaks import JudgedOutcome
from trenddrop.training.plots import INK, MODEL_COLOR, MUTED, RIVAL_COLORS, STYLE, png, words

Item = TypeVar("Item")
BINS = 12
MANY_STRETCHES = 2
MOSTLY = 0.6
DOTS: dict[str, Any] = {"marker": "o", "markersize": 5, "linestyle": "none", "elinewidth": 1.3, "capsize": 2}


def draw_detail_plots(
    details: Mapping[int, HorizonDetails],
    intervals: Mapping[int, IntervalMetrics],
    peaks: Sequence[JudgedOutcome],
) -> dict[str, bytes]:
    """Return file name to PNG; a plot that no horizon has anything for is left out."""
    weeks = {h: one for h, one in details.items() if len(one.stretches) >= MANY_STRETCHES}
    caught = {h: one for h, one in details.items() if one.lead_times_h.size}
    covered = {h: one for h, one in intervals.items() if one.bands}
    plots = {
        "over_time.png": _panels(weeks, _over_time, "Average precision over the test period"),
        "lead_time.png": _panels(caught, _lead_time, "How long before the onset the first alert came"),
        "probability_intervals.png": _panels(covered, _intervals, "Intervals of the probabilities on later days"),
        "peaks.png": _panels(dict(enumerate(peaks)), _peak, "What came of the predicted peaks"),
    }
    return {name: drawn for name, drawn in plots.items() if drawn is not None}


def _panels(items: Mapping[int, Item], draw: Callable[[Any, int, Item], None], title: str) -> bytes | None:
    """Draw one panel per item, two in a row."""
    if not items:
        return None
    columns = min(2, len(items))
    rows = -(-len(items) // columns)
    with rc_context(STYLE | {"timezone": "UTC"}):
        figure = Figure(figsize=(5.4 * columns, 0.4 + 4.2 * rows), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (key, item) in zip(panels, items.items(), strict=False):
            draw(axes, key, item)
        for axes in panels[len(items) :]:
            axes.set_visible(False)
        figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
        return png(figure)


def _over_time(axes: Any, horizon: int, one: HorizonDetails) -> None:
    starts = [stretch.start for stretch in one.stretches]
    names = list(one.stretches[0].average_precision)
    for name, color in zip(names, (MODEL_COLOR, RIVAL_COLORS[0]), strict=False):
        label = "model" if name == MODEL else words(name)
        values = [stretch.average_precision[name] for stretch in one.stretches]
        axes.plot(starts, values, color=color, marker="o", markersize=4, linewidth=1.8, label=label)
    prevalence = [stretch.prevalence for stretch in one.stretches]
    axes.plot(starts, prevalence, color=MUTED, linestyle=":", linewidth=1.5, label="prevalence")
    locator = AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    step = (starts[1] - starts[0]).days
    highest = max(max(stretch.average_precision.values()) for stretch in one.stretches)
    axes.set(ylim=(0, 1.35 * highest), ylabel="average precision")  # room for the legend
    axes.set_title(f"{horizon} h · each {'week' if step % 7 == 0 else 'day'}")
    axes.legend(loc="upper left")


def _lead_time(axes: Any, horizon: int, one: HorizonDetails) -> None:
    hours = np.sort(one.lead_times_h)
    limit = max(float(np.quantile(hours, 0.98)), 2.0)
    share = np.arange(hours.size, 0, -1) / max(one.alerts.events, 1)
    axes.step([0, *hours], [share[0], *share], where="pre", color=MODEL_COLOR, linewidth=2)
    axes.fill_between([0, *hours], [share[0], *share], step="pre", color=MODEL_COLOR, alpha=0.12)
    median = one.alerts.lead_time_to_onset_h
    if median is not None:
        axes.axvline(median, color=INK, linewidth=1, linestyle="--", label=f"median {median:.1f} h")
        axes.legend(loc="upper right")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set(xlim=(0, limit), ylim=(0, 1), xlabel="hours before the onset, at least", ylabel="share of all events")
    recall = one.alerts.event_recall or 0.0
    axes.set_title(f"{horizon} h · {recall:.0%} of {one.alerts.events:,} events announced")


def _intervals(axes: Any, horizon: int, one: IntervalMetrics) -> None:
    places = np.arange(len(one.bands))
    coverage = np.array([band.coverage for band in one.bands])
    error = 1.96 * np.sqrt(coverage * (1 - coverage) / np.array([band.days for band in one.bands]))
    axes.axhline(one.level, color=MUTED, linestyle="--", linewidth=1, label=f"promised {one.level:.0%}")
    bars = [np.minimum(error, coverage), np.minimum(error, 1 - coverage)]
    axes.errorbar(places, coverage, yerr=bars, color=MODEL_COLOR, label="held", **DOTS)
    floor = 0.5 if coverage.min() > MOSTLY else 0.0
    for place, band in zip(places, one.bands, strict=True):
        half = f"±{50 * band.width:.{0 if band.width >= 0.02 else 1}f}"
        axes.annotate(half, (place, floor + 0.02), ha="center", fontsize=8, color=INK)
    axes.set_xticks(places, [f"{100 * band.above:g}-{100 * band.below:g}" for band in one.bands], fontsize=8)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set(ylim=(floor, 1.03), xlabel="probability, in % (below the dots: half the width, in points)")
    axes.set_ylabel("share of days on which it held")
    known = "" if one.coverage is None else f" · {one.coverage:.1%} of {one.band_days:,}"
    axes.set_title(f"{horizon} h{known}")
    axes.legend(loc="center left")


def _peak(axes: Any, _: int, one: JudgedOutcome) -> None:
    """Draw, over bins of the predicted median, the predicted band and the outcomes' own quantiles."""
    is_log = one.metrics.target == "peak_views"
    order = np.argsort(one.predicted[:, 1], kind="stable")
    groups = [group for group in np.array_split(order, BINS) if group.size]
    band = np.array([np.median(one.predicted[group], axis=0) for group in groups])
    middle = band[:, 1]
    levels = list(one.metrics.quantiles)
    actual = np.array([np.quantile(one.actual[group], levels) for group in groups])
    if is_log:
        middle, band, actual = (np.maximum(np.expm1(one), 1.0) for one in (middle, band, actual))
    said = f"predicted band of {100 * (levels[-1] - levels[0]):.3g} %"
    axes.fill_between(middle, band[:, 0], band[:, -1], color=MODEL_COLOR, alpha=0.15, label=said)
    axes.plot(middle, middle, color=MODEL_COLOR, linewidth=2, label="predicted median")
    spread = np.abs(np.stack([actual[:, 1] - actual[:, 0], actual[:, -1] - actual[:, 1]]))
    axes.errorbar(middle, actual[:, 1], yerr=spread, color=INK, label="what came: median and band", **DOTS)
    what = "views of the peak's hour" if is_log else "hours to the peak"
    if is_log:
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.set(xlabel=f"predicted {what}", ylabel=what)
    axes.set_title(f"{what} · band held {one.metrics.coverage:.1%} · {one.metrics.skill:.0%} better")
    axes.legend(loc="lower right" if is_log else "upper left")


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
