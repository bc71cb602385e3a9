"""What the command line says: one JSON object or readable text on standard output, bars on standard error."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from trenddrop.core import progress as core

BARS = "▁▂▃▄▅▆▇█"
MIN_WIDTH = 120  # of tables in a log or a pipe, where there is no terminal to fit
OUT = Console(highlight=False, width=None if sys.stdout.isatty() else MIN_WIDTH)
ERR = Console(stderr=True)


class Bars:
    """Draws one bar per stage on standard error; nothing where that is not a terminal."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, Any] = {}

    def advance(self, stage: str, done: int, total: int) -> None:
        """Draw ``done`` of ``total`` steps of the stage."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total)


@contextmanager
def progress_bars(*, quiet: bool) -> Iterator[core.Progress]:
    """Give a Progress that draws bars while the block runs."""
    if quiet or not sys.stderr.isatty():
        yield core.SILENT
        return
    text = TextColumn("{task.description}")
    with Progress(SpinnerColumn(), text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=ERR) as bars:
        yield Bars(bars)


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON object and nothing else; numpy scalars and datetimes included."""
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS | orjson.OPT_INDENT_2
    sys.stdout.write(orjson.dumps(document, default=str, option=options).decode() + "\n")
    sys.stdout.flush()


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    ruled: bool = False,
    widest: Mapping[str, int] | None = None,
) -> None:
    """Print a table; numbers align right.

    ``ruled`` draws a line between rows, for cells of several lines; ``widest`` bounds columns, whose text is folded.
    """
    table = Table(title=title, title_justify="left", header_style="bold", pad_edge=False, show_lines=ruled)
    for index, column in enumerate(columns):
        is_number = any(isinstance(row[index], int | float) for row in rows)
        bound = (widest or {}).get(column)
        table.add_column(column, justify="right" if is_number else "left", overflow="fold", max_width=bound)
    for row in rows:
        table.add_row(*(_text(cell) for cell in row))
    OUT.print(table)


def sparkline(values: Sequence[float | None]) -> str:
    """Draw values as bars from the least to the greatest; a space is a value that is not known.

    >>> sparkline([0, 1, None, 3.5, 7]), sparkline([2, 2]), sparkline([None])
    ('▁▂ ▄█', '▄▄', ' ')
    """
    known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    steps = len(BARS) - 1

    def bar(value: float) -> str:
        return BARS[steps // 2] if high == low else BARS[int(steps * (value - low) / (high - low))]

    return "".join(" " if value is None else bar(value) for value in values)


def _text(cell: Any) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.3f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
