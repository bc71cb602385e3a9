"""The service behind the endpoint: warehouse, champions, index and generator in one process.

Nothing is loaded on construction. Tables and the champions are read again when they are older than ``max_age``:
one thread reads, the others go on with what there was, and so do all when the reading fails. The index is read again
when its manifest changes.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

import orjson
import polars as pl

from trenddrop.api.contract import HashtagScore, Trend, UnknownNameError
from trenddrop.core.errors import InputError, NotFoundError, NotReadyError
from trenddrop.core.time import Clock, utc_now
from trenddrop.embeddings import Embedder
from trenddrop.index import VectorIndex
from trenddrop.matching import Match, MatchingConfig, Video, latest_scores, match
from trenddrop.matching.scores import ENDS_OF_INTERVALS, PEAKS, PROBABILITIES
from trenddrop.metadata import (
    Agent,
    Generation,
    GenerationSetup,
    PlatformLimits,
    Reference,
    draws,
    earlier_texts,
    generate,
    write_generations,
)
from trenddrop.scoring import open_scores
from trenddrop.warehouse import Warehouse

Value = TypeVar("Value")
MAX_AGE = timedelta(seconds=60)
_LOG = logging.getLogger("trenddrop.api")


@dataclass(frozen=True, slots=True)
class Champion:
    """The serving model version, and the rows that it may score: of others it has learned nothing."""

    model: Any
    name: str
    version: str
    feature_service: str
    platform: str  # the one it was trained on
    candidates: pl.DataFrame  # hashtag_id, feature_timestamp: what its label definition can label


class Remembered(Generic[Value]):
    """A value that is read again when it has become too old; who finds it being read takes the old one.

    Only before the first value do readers wait. A value that cannot be read again stays for another ``max_age``.
    """

    def __init__(self, read: Callable[[], Value], *, clock: Clock, max_age: timedelta = MAX_AGE) -> None:
        self._read = read
        self._clock = clock
        self._max_age = max_age
        self._kept: tuple[Value, datetime] | None = None
        self._lock = threading.Lock()

    def get(self) -> Value:
        """Return the value; the first reader and one reader after each ``max_age`` read it anew.

        Raises what the reading raises as long as there is no value yet.
        """
        kept = self._kept
        if kept is not None:
            if self._clock() - kept[1] < self._max_age or not self._lock.acquire(blocking=False):
                return kept[0]
        else:
            self._lock.acquire()
        try:
            if self._kept is not kept and self._kept is not None:
                return self._kept[0]  # another thread has just read it
            value = self._read_or_keep(kept)
            self._kept = (value, self._clock())
            return value
        finally:
            self._lock.release()

    def _read_or_keep(self, kept: tuple[Value, datetime] | None) -> Value:
        try:
            return self._read()
        except Exception:  # an old answer is better than none, and the next try has its time
            if kept is None:
                raise
            _LOG.warning("reading again failed; what was read before still answers", exc_info=True)
            return kept[0]


@dataclass(frozen=True, slots=True)
class LiveScoring:
    """The champions over the online features: what a hashtag's chances are now.

    ``champions`` reads one per platform. ``features`` maps hashtag ids and the name of a feature service to one row per
    id, with its ``feature_timestamp``; a row without any value, or no row, is a hashtag that the online store does not
    know. ``score`` is the same function that the batch uses, and as there only candidates are scored.
    """

    champions: Callable[[], Mapping[str, Champion]]
    features: Callable[[Sequence[str], str], pl.DataFrame]
    score: Callable[[Any, pl.DataFrame], pl.DataFrame]

    def __call__(self, champion: Champion, hashtag_ids: Sequence[str]) -> pl.DataFrame:
        """Return the scored rows with their ``feature_timestamp`` and the model's name and version."""
        features = self.features(hashtag_ids, champion.feature_service)
        values = [name for name in features.columns if name not in ("hashtag_id", "feature_timestamp", "platform")]
        known = features.filter(pl.any_horizontal(pl.col(values).is_not_null())) if values else features
        known = known.join(champion.candidates, on=["hashtag_id", "feature_timestamp"], how="semi")
        if known.is_empty():
            return known.select("hashtag_id")
        scored = self.score(champion.model, known)
        scored = scored.join(known.select("hashtag_id", "feature_timestamp"), on="hashtag_id", how="left")
        return scored.with_columns(model_name=pl.lit(champion.name), model_version=pl.lit(champion.version))


@dataclass(frozen=True, slots=True)
class VideoParts:
    """What matching and metadata need."""

    embedder: Embedder
    load_index: Callable[[], VectorIndex]
    index_manifest: Path  # its change says that there is a new index
    matching: MatchingConfig
    platforms: Mapping[str, PlatformLimits]
    load_agent: Callable[[str], Agent]


@dataclass(slots=True)
class WarehouseService:
    """A ScoringService over one warehouse; without ``live`` it answers from the newest predictions."""

    warehouse: Warehouse
    videos: VideoParts
    live: LiveScoring | None = None
    clock: Clock = utc_now
    max_age: timedelta = MAX_AGE
    on_close: Sequence[Callable[[], None]] = ()
    _warehouse_lock: threading.RLock = field(default_factory=threading.RLock)
    _index_lock: threading.Lock = field(default_factory=threading.Lock)
    _index: tuple[int, VectorIndex] | None = None
    _scores: Remembered[pl.DataFrame] = field(init=False)
    _champions: Remembered[Mapping[str, Champion]] = field(init=False)
    _references: Remembered[tuple[Reference, ...]] = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the memories; nothing is read yet."""
        self._scores = Remembered(self._read_scores, clock=self.clock, max_age=self.max_age)
        load = self.live.champions if self.live is not None else dict[str, Champion]
        self._champions = Remembered(load, clock=self.clock, max_age=self.max_age)
        self._references = Remembered(self._read_references, clock=self.clock, max_age=self.max_age)

    def warm_up(self) -> None:
        """Load the champions, the newest predictions, the embedder and the index."""
        self._scores.get()
        self._champions.get()
        self.videos.embedder.encode(["warm up"])
        self._current_index()

    def close(self) -> None:
        """Let what it is made of write what it still remembers."""
        for close in self.on_close:
            close()

    def score(self, hashtag_ids: Sequence[str]) -> Mapping[str, HashtagScore]:
        """Return live scores where the online store knows the hashtag, else its newest prediction if that is open.

        A champion scores the candidates of its platform, except those that another model spoke of last.
        """
        champions = self._champions.get()
        predictions = self._scores.get()
        if not champions and predictions.is_empty():
            raise NotReadyError("no model serves yet and nothing was predicted; run `trenddrop train` first")
        wanted = predictions.filter(pl.col("hashtag_id").is_in(list(hashtag_ids)))
        found = {row["hashtag_id"]: _score(row) for row in wanted.iter_rows(named=True)}
        for champion in champions.values():
            own = [one for one in hashtag_ids if _is_own(champion, one, found.get(one))]
            if self.live is not None and own:
                live = self.live(champion, own)
                found |= {row["hashtag_id"]: _score(row) for row in live.iter_rows(named=True) if "reasons" in row}
        return found

    def top_trends(self, *, platform: str | None, horizon_hours: int, limit: int) -> Sequence[Trend]:
        """Return the likeliest hashtags of those predictions that are still open.

        UnknownNameError names the platforms there are, when the wanted one has no predictions.
        """
        scores = self._scores.get()
        if scores.is_empty():
            raise NotReadyError("nothing was predicted yet; run `trenddrop predict` first")
        known = sorted(set(scores["platform"]))
        if platform is not None:
            scores = scores.filter(pl.col("platform") == platform)
            if scores.is_empty():
                raise UnknownNameError(f"platform {platform!r}: no predictions; there are some for {', '.join(known)}")
        column = f"probability_{horizon_hours}h"
        rows = (
            scores.filter(pl.col(column).is_not_null()).sort(column, "hashtag_id", descending=[True, False]).head(limit)
        )
        return [
            Trend(_score(row), platform=row["platform"], title=row["title"], trend_type=row["trend_type"])
            for row in rows.iter_rows(named=True)
        ]

    def match(self, video: Video, *, platform: str | None) -> Sequence[Match]:
        """Return the trends that fit a video; nothing is written."""
        parts = self.videos
        return match(
            video,
            self._current_index(),
            self._scores.get(),
            parts.matching,
            embedder=parts.embedder,
            platform=platform,
        )

    def generate(self, video: Video, platforms: Sequence[str], *, agent: str) -> Sequence[Generation]:
        """Write a video's metadata from its matches on all platforms, and log the generations."""
        parts = self.videos
        if unknown := sorted(set(platforms) - set(parts.platforms)):
            raise InputError(f"platforms: no limits for {unknown}; known: {', '.join(sorted(parts.platforms))}")
        setup = GenerationSetup(
            self._agent(agent, platforms),
            parts.platforms,
            parts.matching,
            parts.embedder,
            references=self._references.get(),
        )
        matches = self.match(video, platform=None)
        generations = generate(video, matches, platforms, setup, clock=self.clock, rng=draws(video, setup.agent))
        with self._warehouse_lock:
            write_generations(self.warehouse, generations)
        return generations

    def _agent(self, name: str, platforms: Sequence[str]) -> Agent:
        """Return the agent; raise UnknownNameError without one, InputError where it does not write for a platform."""
        try:
            agent = self.videos.load_agent(name)
        except NotFoundError as error:
            raise UnknownNameError(str(error)) from error
        if silent := sorted(set(platforms) - set(agent.cta)):
            raise InputError(f"platforms: agent {name} does not write for {silent}; it does for {', '.join(agent.cta)}")
        return agent

    def _read_scores(self) -> pl.DataFrame:
        """Return what the newest predictions say of windows that are open, with the names of their hashtags."""
        with self._warehouse_lock:
            scores = latest_scores(self.warehouse)
            hashtags = self.warehouse.table("hashtags")
            names = hashtags.select("hashtag_id", "trend_type", title=hashtags.title.fill_null(hashtags.name))
            named = pl.from_arrow(names.to_pyarrow())
        assert isinstance(named, pl.DataFrame)  # a table never becomes a series
        probabilities = pl.col(PROBABILITIES).fill_nan(None)
        return (
            open_scores(scores.with_columns(probabilities))
            .join(named, on="hashtag_id", how="left")
            .with_columns(
                pl.col("title").fill_null(pl.col("hashtag_id").str.replace("^[^:]*:", "")),
                pl.col("trend_type").fill_null("hashtag"),
            )
        )

    def _read_references(self) -> tuple[Reference, ...]:
        with self._warehouse_lock:
            return earlier_texts(self.warehouse)

    def _current_index(self) -> VectorIndex:
        try:
            stamp = self.videos.index_manifest.stat().st_mtime_ns
        except FileNotFoundError as error:
            raise NotReadyError("no trends are indexed yet; run `trenddrop index` first") from error
        with self._index_lock:
            if self._index is None or self._index[0] != stamp:
                self._index = (stamp, self.videos.load_index())
            return self._index[1]


def _is_own(champion: Champion, hashtag_id: str, stored: HashtagScore | None) -> bool:
    """Return whether the champion may speak of a hashtag with this newest prediction."""
    is_of_platform = hashtag_id.split(":")[0] == champion.platform
    return is_of_platform and (stored is None or stored.model_name == champion.name)


def _score(row: Mapping[str, Any]) -> HashtagScore:
    return HashtagScore(
        hashtag_id=row["hashtag_id"],
        probabilities={name: row.get(name) for name in PROBABILITIES},
        reasons=_reasons(row["reasons"]),
        feature_timestamp=row.get("feature_timestamp"),
        model_name=row["model_name"],
        model_version=row["model_version"],
        intervals={name: row.get(name) for name in ENDS_OF_INTERVALS},
        peak={name: row.get(name) for name in PEAKS},
    )


def _reasons(text: str | None) -> list[dict[str, Any]]:
    """Return the reasons as objects; a plain sentence becomes an object with that text."""
    parsed = orjson.loads(text) if text else []
    return [item if isinstance(item, dict) else {"text": str(item)} for item in parsed]
