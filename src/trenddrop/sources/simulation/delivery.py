"""When each record reaches the store: most at once, some late, some twice, some cut short."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from trenddrop.sources.simulation.config import SimulationConfig
from trenddrop.sources.simulation.streams import DELIVERY, stream

Render = Callable[[pl.DataFrame], pl.Series]
CHUNK_ROWS = 100_000
LONGEST_DELAY_S = 24 * 3600


@dataclass(slots=True)
class Delivery:
    """Holds fetched records until they are due; memory is bounded by a chunk and the late records of a day."""

    config: SimulationConfig
    render: Mapping[str, Render]  # per kind of record
    fetched: list[tuple[str, pl.DataFrame]] = field(default_factory=list)
    rows: int = 0
    waiting: list[pl.DataFrame] = field(default_factory=list)

    def take(self, kind: str, frame: pl.DataFrame, *, index: int, due_from: int) -> None:
        """Take the fetches of hour ``index``; those due before ``due_from`` (epoch seconds) are dropped unrendered."""
        config, n = self.config, frame.height
        rng = stream(config.seed, DELIVERY, index, sorted(self.render).index(kind))
        late = rng.random(n) < config.late_rate
        delay = np.clip(rng.exponential(6 * 3600.0, n), 300, LONGEST_DELAY_S)
        copied = rng.random(n) < config.duplicate_rate
        copy_delay = rng.integers(1, 12 * 3600, n)
        broken = rng.random(n) < config.malformed_rate
        at_once = frame["fetched"].to_numpy()
        frame = frame.with_columns(
            pl.Series("late", late),
            pl.Series("broken", broken),
            pl.Series("due", at_once + np.where(late, delay, 0).astype(np.int64)),
            pl.Series("copy_due", np.where(copied, at_once + copy_delay, -1)),
        ).filter((pl.col("due") >= due_from) | (pl.col("copy_due") >= due_from))
        if frame.height:
            self.fetched.append((kind, frame))
            self.rows += frame.height

    def due(self, *, start: int, end: int) -> Iterator[pl.DataFrame]:
        """Yield what is due in ``[start, end)`` in the order of arrival and keep the rest."""
        for kind in self.render:
            frames = [frame for of, frame in self.fetched if of == kind]
            for part in pl.concat(frames).iter_slices(CHUNK_ROWS) if frames else ():
                self.waiting.extend(self._rendered(kind, part))
        self.fetched, self.rows = [], 0
        if not self.waiting:
            return
        everything = pl.concat(self.waiting).filter(pl.col("due") >= start)
        is_due = pl.col("due") < end
        self.waiting = [everything.filter(~is_due)]
        ready = everything.filter(is_due).sort("due", maintain_order=True)
        yield from ready.iter_slices(CHUNK_ROWS)

    def _rendered(self, kind: str, part: pl.DataFrame) -> list[pl.DataFrame]:
        line = self.render[kind](part)
        cut = pl.col("line").str.head(pl.col("line").str.len_chars() // 2)
        whole = part.select("due", "copy_due", "late", "broken", pl.lit(kind).alias("kind"), line.alias("line"))
        whole = whole.with_columns(pl.when("broken").then(cut).otherwise("line").alias("line"))
        copies = whole.filter(pl.col("copy_due") >= 0).with_columns(pl.col("copy_due").alias("due"))
        return [
            frame.select("due", "late", "broken", pl.lit(again).alias("again"), "kind", "line")
            for frame, again in ((whole, False), (copies, True))
        ]
