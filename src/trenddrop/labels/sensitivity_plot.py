"""The sensitivity of a label definition in pictures, as a PNG or as an HTML page that also holds the table."""

import io
from base64 import b64encode
from html import escape
from pathlib import Path
from typing import Any

import polars as pl
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from trenddrop.core.errors import InputError
from trenddrop.labels.sensitivity import BASE

_COLORS = ("#1c7ed6", "#d6336c", "#2b8a3e", "#f08c00", "#7048e8", "#0b7285")
_STYLE: dict[str, Any] = {
    "font.size": 9, "axes.titlesize": 10, "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": "#e4e7eb", "legend.frameon": False,
}  # fmt: skip
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:15px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#1f2933}}
img{{max-width:100%}}table{{border-collapse:collapse}}td,th{{padding:.2rem .7rem;text-align:right;
border-bottom:1px solid #e4e7eb}}td:first-child,th:first-child{{text-align:left}}</style>
<h1>{title}</h1><img alt="prevalence and agreement by parameter" src="data:image/png;base64,{image}">
<table><thead>{head}</thead><tbody>{body}</tbody></table></html>
"""


def write_plot(report: pl.DataFrame, path: Path, *, title: str) -> None:
    """Write the report as ``.png`` or ``.html``; raise InputError for another ending."""
    check_ending(path)
    if path.suffix == ".png":
        path.write_bytes(draw(report, title=title))
    else:
        path.write_text(_page(report, title=title), encoding="utf-8")


def check_ending(path: Path) -> None:
    """Raise InputError, before the work is done, where the plot cannot be written."""
    if path.suffix not in (".png", ".html"):
        raise InputError(f"{path}: the plot is written as .png or .html")
    if not path.parent.is_dir():
        raise InputError(f"{path}: no folder {path.parent}; create it first")


def draw(report: pl.DataFrame, *, title: str) -> bytes:
    """Draw prevalence (lines) and agreement with the definition (dashed) over each number, by horizon."""
    names = [name for name in report["parameter"].unique(maintain_order=True) if name != BASE]
    columns = max(1, min(3, len(names)))
    lines = max(1, -(-len(names) // columns))
    with rc_context(_STYLE):
        figure = Figure(figsize=(4.6 * columns, 0.6 + 3.0 * lines), layout="constrained")
        panels = figure.subplots(lines, columns, squeeze=False).ravel()
        for axes, name in zip(panels, names, strict=False):
            _draw_parameter(axes, report.filter(pl.col("parameter") == name), name)
        for axes in panels[len(names) :]:
            axes.set_visible(False)
        if names:
            panels[0].legend(fontsize=8)
        figure.suptitle(f"{title}: prevalence (lines) and agreement (dashed, right)", x=0.01, ha="left")
        target = io.BytesIO()
        FigureCanvasAgg(figure).print_png(target)
    return target.getvalue()


def _draw_parameter(axes: Any, rows: pl.DataFrame, name: str) -> None:
    agreement = axes.twinx()
    agreement.set_ylim(0, 1.05)
    agreement.grid(visible=False)
    for color, horizon in zip(_COLORS, rows["horizon"].unique(maintain_order=True), strict=False):
        one = rows.filter(pl.col("horizon") == horizon).sort("value")
        axes.plot(one["value"], one["prevalence"].fill_null(0), "o-", color=color, ms=3, label=f"{horizon} h")
        agreement.plot(one["value"], one["jaccard"], "--", color=color, lw=0.8)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylim(bottom=0)
    axes.set_title(name)


def _page(report: pl.DataFrame, *, title: str) -> str:
    def line(cells: Any, tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(_text(cell))}</{tag}>" for cell in cells) + "</tr>"

    return _PAGE.format(
        title=escape(title),
        image=b64encode(draw(report, title=title)).decode(),
        head=line(report.columns, "th"),
        body="".join(line(row, "td") for row in report.rows()),
    )


def _text(cell: Any) -> str:
    if cell is None:
        return "-"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
