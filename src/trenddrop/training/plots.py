"""A run in pictures, as PNG bytes. Nothing here touches matplotlib's global state."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter
from sklearn.metrics import precision_recall_curve

from trenddrop.modeling import FittedModel
from trenddrop.modeling.metrics import reliability
from trenddrop.training.evaluate import CHAMPION, MODEL, Evaluation

INK, MUTED, GRID = "#1f2933", "#7b8794", "#e4e7eb"
MODEL_COLOR, RIVAL_COLORS = "#d6336c", ("#1c7ed6", "#f08c00", "#2b8a3e", "#7048e8", "#0b7285", "#868e96", "#a61e4d")
TOP_FEATURES = 15
STYLE: dict[str, Any] = {
    "font.size": 10, "axes.titlesize": 11, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.edgecolor": MUTED, "axes.labelcolor": INK, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "axes.axisbelow": True, "grid.color": GRID, "text.color": INK,
    "xtick.color": INK, "ytick.color": INK, "legend.frameon": False, "legend.fontsize": 9,
}  # fmt: skip


def draw_plots(model: FittedModel, evaluations: Sequence[Evaluation]) -> dict[str, bytes]:
    """Return file name to PNG; the plots of outcomes only for horizons whose test rows decide something."""
    decided = [one for one in evaluations if one.metrics.average_precision is not None]
    plots = {"feature_importance.png": feature_importance(model)}
    if decided:
        plots["reliability.png"] = _beside(decided, _reliability, "Predicted and observed share")
        plots["precision_recall.png"] = _beside(
            decided, _precision_recall, "Precision and recall on the same test rows"
        )
        plots["scores.png"] = _beside(decided, _scores, "How the scores are spread")
        plots["intervals.png"] = _beside(decided, _intervals, "Average precision with intervals over resampled days")
    return plots


def feature_importance(model: FittedModel) -> bytes:
    """Draw each feature's share of the gain of the model's splits, mean over horizons."""
    gains = [
        one.booster.feature_importance("gain")[: len(model.columns)]
        for one in model.horizons
        if one.booster is not None
    ]
    total = np.sum([gain / max(gain.sum(), 1e-12) for gain in gains], axis=0) if gains else np.zeros(len(model.columns))
    share = np.atleast_1d(total) / max(len(gains), 1)
    order = np.argsort(share)[-TOP_FEATURES:]
    with rc_context(STYLE):
        figure = Figure(figsize=(7.5, 1.2 + 0.3 * len(order)), layout="constrained")
        axes = figure.subplots()
        axes.barh([model.columns[i] for i in order], share[order], color=MODEL_COLOR, height=0.65)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.set_title("What the trees split on: share of the gain, mean over horizons")
        return png(figure)


def _beside(evaluations: Sequence[Evaluation], draw: Callable[[Any, Evaluation], None], title: str) -> bytes:
    """Draw one panel per horizon, two in a row."""
    columns = min(2, len(evaluations))
    rows = -(-len(evaluations) // columns)
    with rc_context(STYLE):
        figure = Figure(figsize=(5.4 * columns, 0.4 + 4.2 * rows), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, one in zip(panels, evaluations, strict=False):
            draw(axes, one)
        for axes in panels[len(evaluations) :]:
            axes.set_visible(False)
        figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
        return png(figure)


def _reliability(axes: Any, one: Evaluation) -> None:
    curve = reliability(one.viral, one.scores[MODEL])
    limit = 1.08 * float(max(curve.predicted.max(), curve.observed.max()))
    error = 1.96 * np.sqrt(np.maximum(curve.observed * (1 - curve.observed), 1e-12) / curve.rows)
    below = np.minimum(error, curve.observed)
    axes.plot([0, limit], [0, limit], color=MUTED, linewidth=1, linestyle="--", label="perfect")
    axes.errorbar(
        curve.predicted, curve.observed, yerr=[below, error], color=MODEL_COLOR, marker="o", markersize=5,
        linewidth=1.5, elinewidth=1, capsize=2, label="model, bins of equal mass",
    )  # fmt: skip
    axes.set(xlim=(0, limit), ylim=(0, limit), xlabel="predicted probability", ylabel="observed share")
    figures = (("slope", one.metrics.calibration_slope, 2), ("calibration error", one.metrics.ece, 4))
    known = [f"{name} {value:.{digits}f}" for name, value, digits in figures if value is not None]
    axes.set_title(" · ".join([f"{one.horizon} h", *known]))
    axes.legend(loc="upper left")


def _precision_recall(axes: Any, one: Evaluation) -> None:
    ranked = sorted(one.metrics.baselines, key=one.metrics.baselines.__getitem__, reverse=True)
    rivals = [name for name in ranked if np.ptp(one.scores[name]) > 0]
    _curve(axes, one, MODEL, f"model {one.metrics.average_precision or 0:.3f}", MODEL_COLOR, width=2.4)
    if CHAMPION in one.scores and one.metrics.champion_average_precision is not None:
        _curve(axes, one, CHAMPION, f"champion {one.metrics.champion_average_precision:.3f}", INK)
    for name, color in zip(rivals, RIVAL_COLORS, strict=False):
        _curve(axes, one, name, f"{words(name)} {one.metrics.baselines[name]:.3f}", color)
    share = one.metrics.prevalence or 0
    axes.axhline(share, color=MUTED, linewidth=1, linestyle=":", label=f"prevalence {share:.3f}")
    axes.set(xlim=(0, 1), ylim=(0, None), xlabel="recall", ylabel="precision")
    axes.set_title(f"{one.horizon} h")
    axes.legend(loc="upper right", title="average precision", alignment="left")


def _curve(axes: Any, one: Evaluation, name: str, label: str, color: str, *, width: float = 1.3) -> None:
    precision, recall, _ = precision_recall_curve(one.viral, one.scores[name])
    steady = recall[:-1] >= 0.01  # the first few rows of a ranking jump between 0 and 1
    precision, recall = precision[:-1][steady], recall[:-1][steady]
    keep = np.unique(np.linspace(0, recall.size - 1, 500).astype(int))
    axes.plot(recall[keep], precision[keep], color=color, linewidth=width, label=label)


def _scores(axes: Any, one: Evaluation) -> None:
    probability = one.scores[MODEL]
    edges = np.geomspace(max(float(probability.min()), 1e-4), max(float(probability.max()), 2e-4), 41)
    for viral, color, label in ((False, MUTED, "did not go viral"), (True, MODEL_COLOR, "went viral")):
        chosen = np.clip(probability[one.viral == viral], edges[0], edges[-1])
        weights = np.full(chosen.size, 1 / max(chosen.size, 1))
        axes.hist(chosen, bins=edges, weights=weights, color=color, alpha=0.55, label=f"{label} ({chosen.size:,})")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set(xlabel="predicted probability", ylabel="share of the rows of its kind")
    axes.set_title(f"{one.horizon} h")
    axes.legend(loc="upper left")


def _intervals(axes: Any, one: Evaluation) -> None:
    figures, bounds = one.metrics.baselines | {}, dict(one.metrics.baseline_intervals)
    names = [*sorted(figures, key=figures.__getitem__), MODEL]
    figures[MODEL], bounds[MODEL] = one.metrics.average_precision or 0.0, one.metrics.interval
    for place, name in enumerate(names):
        color = MODEL_COLOR if name == MODEL else INK
        if (span := bounds[name]) is not None:
            axes.plot(span, [place, place], color=color, linewidth=3, solid_capstyle="round", alpha=0.35)
        axes.plot(figures[name], place, marker="o", color=color, markersize=6)
        axes.annotate(f"{figures[name]:.3f}", (figures[name], place), (0, 7), textcoords="offset points",
                      ha="center", fontsize=8, color=color)  # fmt: skip
    axes.set_yticks(range(len(names)), [words(name) for name in names])
    axes.set(xlim=(0, None), ylim=(-0.6, len(names) - 0.3), xlabel="average precision")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_title(
        f"{one.horizon} h · {one.metrics.days} days · {one.metrics.positives:,} of {one.metrics.rows:,} rows"
    )


def words(name: str) -> str:
    """Return a name for people."""
    return name.replace("_", " ")


def png(figure: Figure) -> bytes:
    """Return the figure as a picture that is the same on every machine."""
    target = io.BytesIO()
    FigureCanvasAgg(figure).print_png(target, metadata={"Software": None})
    return target.getvalue()
