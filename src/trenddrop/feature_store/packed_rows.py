"""Wide rows as bytes, packed and read by column, so that many of them cost little more than one.

A row is ``event | created | layout | nulls | slots | tail``: two int64 of microseconds, the eight bytes that identify
the layout (which feature stands in which slot), one bit per feature that is null, and eight bytes per feature: a
float64, an int64, 0 or 1, or where a text or blob ends in the tail. All numbers are little-endian. A row says with
which layout it was written, so rows from before a feature was added stay readable. A feature that has since become a
text or blob, or was one, is null in them until they are written anew.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from trenddrop.feature_store.wide_rows import ARROW_TYPES, CREATED, EVENT, POLARS_TYPES, Kind

LAYOUT = slice(16, 24)

Cells = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Layout:
    """The features of a row in the order of their slots."""

    features: tuple[tuple[str, Kind], ...]

    @property
    def text(self) -> str:
        """Return the layout as JSON; equal layouts have equal texts."""
        return json.dumps(self.features)

    @property
    def identity(self) -> bytes:
        """Return the eight bytes that stand in a row."""
        return blake2b(self.text.encode(), digest_size=8).digest()

    @property
    def fixed(self) -> np.dtype[np.void]:
        """Return the part of a row before its tail."""
        return _fixed(len(self.features))

    @staticmethod
    def parse(text: str | bytes) -> "Layout":
        """Read a layout back.

        >>> Layout.parse(Layout((("velocity", "number"),)).text)
        Layout(features=(('velocity', 'number'),))
        """
        return Layout(tuple((str(name), kind) for name, kind in json.loads(text)))


@lru_cache(maxsize=64)
def _fixed(features: int) -> np.dtype[np.void]:
    return np.dtype(
        [
            ("event", "<i8"),
            ("created", "<i8"),
            ("layout", "V8"),
            ("nulls", "u1", (-(-features // 8),)),
            ("slots", "<i8", (features,)),
        ]
    )


def pack(layout: Layout, rows: pa.Table) -> list[bytes]:
    """Return one value per row; ``rows`` has event, created and the features in the types of their kinds."""
    packed = np.zeros(rows.num_rows, dtype=layout.fixed)
    packed["event"], packed["created"] = rows[EVENT].to_numpy(), rows[CREATED].to_numpy()
    packed["layout"] = np.void(layout.identity)
    nulls = np.zeros((rows.num_rows, len(layout.features)), dtype=bool)
    tails: list[list[bytes]] = []
    ends = np.zeros(rows.num_rows, dtype=np.int64)
    for slot, (name, kind) in enumerate(layout.features):
        column = _without_nan(rows[name]) if kind == "number" else rows[name]
        nulls[:, slot] = column.is_null().to_numpy()
        if _is_tailed(kind):
            tails.append([cell or b"" for cell in column.cast(pa.binary()).to_pylist()])
            ends = ends + np.fromiter(map(len, tails[-1]), dtype=np.int64, count=rows.num_rows)
            packed["slots"][:, slot] = ends
        elif kind == "number":
            packed["slots"][:, slot] = column.fill_null(0.0).to_numpy().view(np.int64)
        else:
            packed["slots"][:, slot] = column.cast(pa.int64()).fill_null(0).to_numpy()
    packed["nulls"] = np.packbits(nulls, axis=1, bitorder="little")
    buffer, size = packed.tobytes(), layout.fixed.itemsize
    heads = [buffer[start : start + size] for start in range(0, len(buffer), size)]
    return [b"".join(parts) for parts in zip(heads, *tails, strict=True)] if tails else heads


def unpack(
    values: Sequence[bytes | None],
    features: Mapping[str, Kind],
    layouts: Mapping[bytes, Layout],
    *,
    alive_from: int | None,
) -> tuple[Cells, Flags, list[pl.Series]]:
    """Return the events, which rows are alive, and the features; what is dead or missing is null.

    Raises KeyError for a layout that is not among ``layouts``.
    """
    events, alive = np.zeros(len(values), dtype=np.int64), np.zeros(len(values), dtype=bool)
    cells = np.zeros((len(features), len(values)), dtype=np.int64)
    known = np.zeros((len(features), len(values)), dtype=bool)
    tails: dict[str, list[bytes | None]] = {
        name: [None] * len(values) for name, kind in features.items() if _is_tailed(kind)
    }
    for identity, places in _by_layout(values).items():
        layout = layouts[identity]
        size = layout.fixed.itemsize
        rows = np.frombuffer(b"".join([values[place][:size] for place in places]), dtype=layout.fixed)  # type: ignore[index]
        at = slice(None) if len(places) == len(values) else np.asarray(places)
        events[at] = rows["event"]
        alive[at] = True if alive_from is None else rows["event"] >= alive_from
        nulls = np.unpackbits(rows["nulls"], axis=1, bitorder="little").view(bool)
        slots = {name: (slot, kind) for slot, (name, kind) in enumerate(layout.features)}
        for i, (name, wanted) in enumerate(features.items()):
            if name not in slots:
                continue
            slot, kind = slots[name]
            if _is_tailed(kind) != _is_tailed(wanted):
                continue  # where a text ends is no number, and a number is no place in the tail
            known[i, at] = ~nulls[:, slot]
            if name in tails:
                _read_tails(tails[name], values, places, rows["slots"], _before(layout, slot), slot)
            else:
                cells[i, at] = _as(wanted, kind, rows["slots"][:, slot])
    known &= alive
    return (
        events,
        alive,
        [_series(name, kind, cells[i], known[i], tails.get(name)) for i, (name, kind) in enumerate(features.items())],
    )


def layouts_in(values: Iterable[bytes | None]) -> set[bytes]:
    """Return the layouts that the rows were written with."""
    return {value[LAYOUT] for value in values if value is not None}


def _by_layout(values: Sequence[bytes | None]) -> dict[bytes, list[int]]:
    places: dict[bytes, list[int]] = {}
    for place, value in enumerate(values):
        if value is not None:
            places.setdefault(value[LAYOUT], []).append(place)
    return places


def _is_tailed(kind: Kind) -> bool:
    """Return whether the cells stand in the tail of a row, and the slots say where they end."""
    return kind in ("text", "blob")


def _before(layout: Layout, slot: int) -> int | None:
    """Return the slot of the text or blob that stands before this one in the tail."""
    earlier = [i for i, (_, kind) in enumerate(layout.features[:slot]) if _is_tailed(kind)]
    return earlier[-1] if earlier else None


def _read_tails(
    into: list[bytes | None],
    values: Sequence[bytes | None],
    places: Sequence[int],
    slots: Cells,
    before: int | None,
    slot: int,
) -> None:
    size = _fixed(slots.shape[1]).itemsize
    starts = (slots[:, before] if before is not None else np.zeros(len(places), dtype=np.int64)) + size
    for place, start, end in zip(places, starts.tolist(), (slots[:, slot] + size).tolist(), strict=True):
        into[place] = values[place][start:end]  # type: ignore[index]


def _as(wanted: Kind, kind: Kind, slots: Cells) -> Cells:
    """Return the slots as the kind that is wanted now, where the feature had another when it was written."""
    if wanted == kind or {wanted, kind} == {"whole", "flag"}:
        return slots
    if wanted == "number":
        return slots.astype(np.float64).view(np.int64)
    return slots.copy().view(np.float64).astype(np.int64)


def _series(name: str, kind: Kind, cells: Cells, known: Flags, tails: list[bytes | None] | None) -> pl.Series:
    if tails is not None:
        present = [cell if is_known else None for cell, is_known in zip(tails, known.tolist(), strict=True)]
        return pl.Series(name, present, dtype=pl.Binary).cast(POLARS_TYPES[kind])
    column = cells.view(np.float64) if kind == "number" else cells != 0 if kind == "flag" else cells
    return pl.Series(name, pa.array(column, type=ARROW_TYPES[kind], mask=~known))


def _without_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
