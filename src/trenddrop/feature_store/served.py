"""The log of served feature vectors: a sample goes to ``served_features``, in batches, behind the request's back."""

import logging
import threading
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.random import Generator

from trenddrop.core.time import as_utc
from trenddrop.schemas import TABLES
from trenddrop.warehouse import Warehouse

SERVED = "served_features"
KEPT_BESIDE = ("hashtag_id", "feature_timestamp")  # of a served frame; everything else is a feature
_LOG = logging.getLogger("trenddrop.served")
_STAMP = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True)
class _Served:
    frame: pl.DataFrame
    feature_service: str
    moment: datetime


class ServedLog:
    """Keeps a share of the vectors that are served and writes them every ``flush_s`` seconds, and when it is closed.

    ``record`` only remembers: the request that calls it waits for nothing. When more than ``capacity`` vectors wait
    because writing fails or is slow, new ones are dropped and counted. ``write`` is called in a thread of its own.
    """

    def __init__(
        self,
        write: Callable[[pl.DataFrame], object],
        *,
        share: float,
        rng: Generator,
        flush_s: float = 10.0,
        capacity: int = 50_000,
    ) -> None:
        self.dropped = 0
        self._write = write
        self._share = share
        self._rng = rng
        self._flush_s = flush_s
        self._capacity = capacity
        self._waiting: deque[_Served] = deque()
        self._vectors = 0
        self._lock = threading.Lock()  # guards what waits
        self._writing = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def record(self, frame: pl.DataFrame, *, feature_service: str, moment: datetime) -> None:
        """Remember a sample of the rows of ``online_features``, which were served at the moment."""
        if self._share < 1:
            chosen = np.flatnonzero(self._rng.random(frame.height) < self._share)
            frame = frame if chosen.size == frame.height else frame[chosen]
        if frame.is_empty():
            return
        with self._lock:
            if self._vectors + frame.height > self._capacity:
                self.dropped += frame.height
                return
            self._waiting.append(_Served(frame, feature_service, moment))
            self._vectors += frame.height
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._flush_for_ever, name="served-features", daemon=True)
                self._thread.start()

    def flush(self) -> int:
        """Write what waits and return how many vectors that were; what cannot be written waits on."""
        with self._writing:
            with self._lock:
                batch = list(self._waiting)
            if not batch:
                return 0
            rows = served_rows(batch)
            self._write(rows)
            with self._lock:
                for _ in batch:
                    self._waiting.popleft()
                self._vectors -= rows.height
            return rows.height

    def close(self) -> None:
        """Write what still waits and stop; what cannot be written then is reported as lost."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._try_to_flush()
        if lost := self._vectors + self.dropped:
            _LOG.warning("%d served feature vectors were not written to %s", lost, SERVED)

    def _flush_for_ever(self) -> None:
        while not self._stop.wait(self._flush_s):
            self._try_to_flush()

    def _try_to_flush(self) -> None:
        try:
            self.flush()
        except Exception:  # the vectors wait for the next time; serving goes on
            _LOG.warning("served feature vectors could not be written to %s", SERVED, exc_info=True)


def served_rows(batch: Sequence[_Served]) -> pl.DataFrame:
    """Return the rows of ``served_features``, the features of each as a JSON object."""
    return pl.concat([_rows(one) for one in batch])


def append_served(warehouse: Warehouse, rows: pl.DataFrame) -> int:
    """Append the rows of one flush."""
    return warehouse.transact(lambda: warehouse.append(SERVED, rows))


def plain(frame: pl.DataFrame, features: Sequence[str]) -> list[pl.Expr]:
    """Return the features as JSON can hold them: a moment as microseconds since the epoch."""
    return [
        pl.col(name).dt.epoch("us") if isinstance(frame.schema[name], pl.Datetime) else pl.col(name)
        for name in features
    ]


def _rows(one: _Served) -> pl.DataFrame:
    features = [name for name in one.frame.columns if name not in KEPT_BESIDE]
    ids = pl.Series("served_id", [uuid.uuid4().hex for _ in range(one.frame.height)], dtype=pl.String)
    return one.frame.select(
        ids,
        "hashtag_id",
        pl.lit(as_utc(one.moment)).cast(_STAMP).alias("served_at"),
        pl.lit(one.feature_service).alias("feature_service"),
        pl.col("feature_timestamp").cast(_STAMP),
        pl.struct(plain(one.frame, features)).struct.json_encode().alias("feature_values"),
    ).select(list(TABLES[SERVED].columns))
