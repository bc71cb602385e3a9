"""A long build in parts: how long a part is, and which parts an interrupted build has finished.

``feature_chunks`` holds the finished parts of builds that have not ended. A part counts as finished only while the
definitions and the inputs are what they were; the ledger of a build is emptied at its end, so that the next build
computes everything again.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis.expr.types as ir
import pyarrow as pa

from trenddrop.features.definitions import DEFINITIONS
from trenddrop.schemas.feature_chunks import FEATURE_CHUNKS
from trenddrop.schemas.hashtag_features import HASHTAG_FEATURES
from trenddrop.warehouse import Warehouse

CHUNK_ROWS = 2_000_000  # of hashtag_metrics; what such a part needs fits into 6 GB
INPUTS = ("hashtag_metrics", "hashtag_observations", "video_observations", "sound_observations")
FITTED = ("hashtag_clusters", "hashtag_cluster_assignments", "predictions", "viral_labels")  # inputs made by models
_DAY = timedelta(days=1)
_LEARNT = ("created_timestamp", "fetched_at", "known_at", "fitted_at", "matured_at")


@dataclass(frozen=True, slots=True)
class Chunk:
    """The hours [start, end), None is open; ``last`` is the last hour of a range that is a single part."""

    start: datetime | None
    end: datetime | None
    last: datetime | None = None


def chunks_of(
    metrics: ir.Table, start: datetime | None, end: datetime | None, *, rows: int = CHUNK_ROWS
) -> list[Chunk]:
    """Cut [start, end) at midnights into parts of whole days, of about ``rows`` metrics each.

    ``metrics`` are those of the range. A part reads the 8 days before it again, for rises 28, so parts are made as long
    as they may.
    """
    facts = metrics.aggregate(n=metrics.count(), first=metrics.timestamp.min(), last=metrics.timestamp.max())
    fact = facts.to_pyarrow().to_pylist()[0]
    if fact["n"] <= rows:
        return [Chunk(start, end, last=fact["last"])]
    first = fact["first"].replace(hour=0, minute=0, second=0, microsecond=0)
    days = (fact["last"] - first) // _DAY + 1
    length = max(days * rows // fact["n"], 1)
    cuts = [first + k * _DAY for k in range(length, days, length)]
    edges = [start, *(cut for cut in cuts if cut > fact["first"]), end]
    return [Chunk(*pair) for pair in zip(edges, edges[1:], strict=False)]


class Ledger:
    """The finished parts of one build: of one platform (or all) and one range."""

    def __init__(self, wh: Warehouse, *, platform: str | None, start: datetime | None, end: datetime | None) -> None:
        self._wh = wh
        self._scope = json.dumps([platform, *(moment and moment.isoformat() for moment in (start, end))])
        self._fingerprint = _fingerprint(wh, platform)

    def finished_rows(self, chunk: Chunk, stored: ir.Table) -> int | None:
        """Return the rows of a part that was finished and is as it was, else None."""
        rows = self._wh.table(FEATURE_CHUNKS.name).to_pyarrow().to_pylist()
        key = {"scope": self._scope, "fingerprint": self._fingerprint, "chunk_start": _moment(chunk.start)}
        found = [row for row in rows if all(row[name] == value for name, value in key.items())]
        count: int | None = found[0]["feature_rows"] if found else None
        if count is None or _moment(chunk.end) != found[0]["chunk_end"]:
            return None
        return count if stored.count().to_pyarrow().as_py() == count else None

    def write(self, chunk: Chunk, rows: int) -> None:
        """Note that the part is finished; called in the transaction that writes its rows."""
        row = {
            "scope": self._scope,
            "chunk_start": _moment(chunk.start),
            "chunk_end": _moment(chunk.end),
            "fingerprint": self._fingerprint,
            "feature_rows": rows,
        }
        written = pa.Table.from_pylist([row], schema=FEATURE_CHUNKS.ibis().to_pyarrow())
        self._wh.delete(FEATURE_CHUNKS.name, written.select(list(FEATURE_CHUNKS.key)))
        self._wh.append(FEATURE_CHUNKS.name, written)

    def close(self) -> None:
        """Forget the parts: the build has ended."""
        self._wh.delete(FEATURE_CHUNKS.name, pa.table({"scope": [self._scope]}))


def _moment(moment: datetime | None) -> datetime:
    return moment or datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _fingerprint(wh: Warehouse, platform: str | None) -> str:
    """Return a hash of the definitions and of how many records there are and when they were learnt."""
    facts: list[object] = [[d.name, d.version, d.description] for d in DEFINITIONS]
    facts.append(list(HASHTAG_FEATURES.columns))
    for name in (*INPUTS, *FITTED):
        table = wh.table(name)
        rows = (
            table if platform is None or "platform" not in table.columns else table.filter(table.platform == platform)
        )
        learnt = rows[next(column for column in _LEARNT if column in rows.columns)].truncate("s")
        seconds = {"first": learnt.min().epoch_seconds(), "last": learnt.max().epoch_seconds()}
        # the sum of the seconds tells apart most sets of as many records
        seconds["sum"] = (learnt.epoch_seconds() % (1 << 20)).sum()
        fact = rows.aggregate(n=rows.count(), **{key: value.cast("int64") for key, value in seconds.items()})
        facts.append(fact.to_pyarrow().to_pylist())
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
