"""When each record reaches the store: most at once, some late, some twice, some cut short."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import polars as pl

from trenddrop.sources.simulation.config import SimulationConfig
from trenddrop.sources.simulation.streams import DELIVERY, stream

Render = Callable[[pl.DataFrame], pl.Series]
CHUNK_ROWS = 50_000
LONGEST_DELAY_S = 24 * 3600


@dataclass(slots=True)
class Delivery:
    """Holds fetches, still as numbers, until they are due; only a chunk at a time becomes text."""

    config: SimulationConfig
    render: Mapping[str, Render]  # per kind of record
    waiting: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    fetched_rows: int = 0  # since the last delivery

    def take(self, kind: str, frame: pl.DataFrame, *, index: int, due_from: int) -> None:
        """Take the fetches of hour ``index``, except those due before ``due_from`` (epoch seconds)."""
        config, n = self.config, frame.height
        rng = stream(config.seed, DELIVERY, index, sorted(self.render).index(kind))
        late = rng.random(n) < config.late_rate
        delay = np.clip(rng.exponential(6 * 3600.0, n), 300, LONGEST_DELAY_S)
        copied = rng.random(n) < config.duplicate_rate
        copy_delay = rng.integers(1, 12 * 3600, n)
        fetched = frame["fetched"].to_numpy()
        frame = frame.with_columns(
            pl.Series("broken", rng.random(n) < config.malformed_rate),
            pl.Series("late", late),
            pl.lit(False).alias("again"),
            pl.Series("due", fetched + np.where(late, delay, 0).astype(np.int64)),
        )
        copies = frame.with_columns(
            pl.lit(False).alias("late"), pl.lit(True).alias("again"), pl.Series("due", fetched + copy_delay)
        ).filter(pl.Series(copied))
        arrivals = [part.filter(pl.col("due") >= due_from) for part in (frame, copies)]
        self.waiting.setdefault(kind, []).extend(arrivals)
        self.fetched_rows += sum(part.height for part in arrivals)

    def due(self, *, before: int) -> Iterator[pl.DataFrame]:
        """Yield what is due before the moment (epoch seconds), in the order of arrival, and keep the rest.

        A row is one line of text with its ``kind`` and what befell it: ``late``, ``again``, ``broken``.
        """
        self.fetched_rows = 0
        ready: dict[str, pl.DataFrame] = {}
        for kind, frames in self.waiting.items():
            everything = pl.concat(frames)
            ready[kind] = everything.filter(pl.col("due") < before)
            self.waiting[kind] = [everything.filter(pl.col("due") >= before)]
        if not any(frame.height for frame in ready.values()):
            return
        for low, high in pairwise(_edges(pl.concat([frame["due"] for frame in ready.values()]))):
            within = pl.col("due").is_between(low, high, closed="left")
            parts = [self._rendered(kind, frame.filter(within)) for kind, frame in ready.items()]
            yield pl.concat(parts).sort("due", maintain_order=True)

    def _rendered(self, kind: str, part: pl.DataFrame) -> pl.DataFrame:
        lines = part.select("due", "late", "again", "broken", pl.lit(kind).alias("kind"), self.render[kind](part))
        if not part["broken"].any():
            return lines
        cut = pl.col("line").str.head(pl.col("line").str.len_chars() // 2)
        return lines.with_columns(pl.when("broken").then(cut).otherwise("line").alias("line"))


def _edges(due: pl.Series) -> list[int]:
    """Return moments that part the rows into pieces of about CHUNK_ROWS; equal moments stay together."""
    ordered = due.sort().to_numpy()
    return [*dict.fromkeys(int(moment) for moment in ordered[::CHUNK_ROWS]), int(ordered[-1]) + 1]
