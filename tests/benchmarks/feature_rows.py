"""Seeded feature rows and entity rows, the same for every peer: what pit, materialize and online measure on."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import pyarrow as pa

START = datetime(2025, 1, 1, tzinfo=UTC)
KEY, EVENT, CREATED = "entity_id", "event_timestamp", "created_timestamp"
ZIPF = 1.05
NULL_SHARE = 0.02
_MICROSECONDS_A_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Shape:
    """How many rows of which kind; ``late`` is the share of rows created after they happened, by up to three days."""

    rows: int = 5_000_000
    entities: int = 10_000
    floats: int = 20
    asked: int = 200_000
    days: int = 90
    keys: Literal["uniform", "zipf"] = "uniform"
    late: float = 0.0
    seed: int = 20250101

    def scaled(self, scale: float) -> "Shape":
        """Return a smaller world: all counts but that of the columns."""
        rows, entities, asked = (max(int(n * scale), 10) for n in (self.rows, self.entities, self.asked))
        return Shape(rows, entities, self.floats, asked, self.days, self.keys, self.late, self.seed)

    @property
    def end(self) -> datetime:
        """Return the moment after which nothing happens."""
        return START + timedelta(days=self.days)

    @property
    def features(self) -> list[str]:
        """Return the names of the value columns."""
        return [f"value_{i:02d}" for i in range(self.floats)]


def feature_rows(shape: Shape) -> pa.Table:
    """Return ``rows`` of (entity_id, event_timestamp, created_timestamp, value_00 ...); a few values are null.

    No entity has two rows of one event timestamp, so that no peer has to break a tie.
    """
    rng = np.random.default_rng(shape.seed)
    keys = _keys(shape, shape.rows, rng)
    event = rng.integers(0, shape.days * _MICROSECONDS_A_DAY, shape.rows)
    keys, event = _without_ties(keys, event)
    delay = np.where(rng.random(shape.rows) < shape.late, rng.integers(1, 3 * _MICROSECONDS_A_DAY, shape.rows), 0)
    columns = {KEY: _names(keys), EVENT: _moments(event), CREATED: _moments(event + delay)}
    for name in shape.features:
        columns[name] = pa.array(rng.normal(size=shape.rows), mask=rng.random(shape.rows) < NULL_SHARE)
    return pa.table(columns)


def entity_rows(shape: Shape) -> pa.Table:
    """Return ``asked`` rows of (entity_id, event_timestamp), keys drawn as those of the feature rows."""
    rng = np.random.default_rng(shape.seed + 1)
    asked = _keys(shape, shape.asked, rng)
    return pa.table(
        {KEY: _names(asked), EVENT: _moments(rng.integers(0, shape.days * _MICROSECONDS_A_DAY, shape.asked))}
    )


def _keys(shape: Shape, n: int, rng: np.random.Generator) -> np.ndarray:
    if shape.keys == "uniform":
        return rng.integers(0, shape.entities, n)
    weights = np.arange(1, shape.entities + 1, dtype=np.float64) ** -ZIPF
    bounds = np.cumsum(weights) / weights.sum()
    return np.minimum(np.searchsorted(bounds, rng.random(n)), shape.entities - 1)


def _without_ties(keys: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move the later of two equal (key, event) on by a microsecond until there are none."""
    order = np.lexsort((event, keys))
    while True:
        key, at = keys[order], event[order]
        same = np.flatnonzero((key[1:] == key[:-1]) & (at[1:] == at[:-1])) + 1
        if not len(same):
            return keys, event
        event[order[same]] += 1
        order = np.lexsort((event, keys))


def _names(keys: np.ndarray) -> pa.Array:
    names = pa.array([f"tag{key:06d}" for key in range(int(keys.max(initial=0)) + 1)])
    return names.take(pa.array(keys))


def _moments(microseconds: np.ndarray) -> pa.Array:
    start = int(START.timestamp()) * 1_000_000
    return pa.array(microseconds + start).cast(pa.timestamp("us", "UTC"))
