"""Simulate days of raw records: one file a day, the truth beside them, and sample videos to match."""

import io
import json
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from trenddrop.core.errors import ConfigError
from trenddrop.core.progress import SILENT, Progress
from trenddrop.sources.simulation.cohorts import Publisher, observe_videos
from trenddrop.sources.simulation.config import SimulationConfig
from trenddrop.sources.simulation.delivery import CHUNK_ROWS, Delivery
from trenddrop.sources.simulation.dynamics import WARM_UP_H, Dynamics, Hour
from trenddrop.sources.simulation.population import Population, build_population
from trenddrop.sources.simulation.records import hashtag_lines, observe_hashtags, video_lines
from trenddrop.sources.simulation.streams import FETCHES, stream

TRUTH = pa.schema(
    [
        ("hashtag_id", pa.string()),
        ("hour", pa.timestamp("us", tz="UTC")),
        ("video_rate", pa.float64()),
        ("view_rate", pa.float64()),
        ("video_count", pa.int64()),
        ("view_count", pa.int64()),
        ("reproduction", pa.float64()),
        ("is_onset", pa.bool_()),
        ("is_news", pa.bool_()),
        ("is_push", pa.bool_()),
        ("is_reset", pa.bool_()),
        ("is_fetched", pa.bool_()),
    ]
)


@dataclass(frozen=True, slots=True)
class SimulationSummary:
    """What was written. ``records`` counts lines: those fetched and delivered, copies and broken ones included."""

    files: tuple[Path, ...]
    truth: Path
    videos: Path
    records: int
    hashtag_records: int
    video_records: int
    duplicates: int
    late: int
    malformed: int
    missed: int  # fetches of hashtags that did not happen
    resets: int
    onsets: int
    size_bytes: int  # of the record files, compressed


def simulate(
    config: SimulationConfig,
    out: Path,
    *,
    progress: Progress = SILENT,
    days: Collection[date] | None = None,
) -> SimulationSummary:
    """Write ``records-YYYY-MM-DD.jsonl.zst`` per day, ``truth.parquet`` and ``videos.json`` to ``out``.

    A file holds what was *delivered* on its day, in the order of delivery. ``days`` picks some of the days;
    each then has the same bytes as in a full run. Truth rows (one per hashtag and hour, ``hour`` being its end)
    cover the days written. Raises ConfigError for a day outside the simulation.
    """
    wanted = sorted(set(config.dates() if days is None else days))
    if strange := [str(day) for day in wanted if day not in config.dates()]:
        raise ConfigError(f"simulate: {strange} lie outside {config.start} and {config.days} days; pick days inside")
    out.mkdir(parents=True, exist_ok=True)
    population = build_population(config)
    world = _World(config, population)
    counts: Counter[str] = Counter()
    files = []
    with _replaced(out / "truth.parquet") as stream_, pq.ParquetWriter(stream_, TRUTH, compression="zstd") as truth:
        for done, day in enumerate(wanted):
            progress.advance("simulate", done, len(wanted))
            world.forward_to(day)
            path = out / f"records-{day.isoformat()}.jsonl.zst"
            with _replaced(path) as raw, zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False) as file:
                for part in world.day(truth):
                    file.write(_text(part["line"]))
                    counts.update(_count(part))
            files.append(path)
        progress.advance("simulate", len(wanted), len(wanted))
    videos = out / "videos.json"
    with _replaced(videos) as raw:
        samples = [sample.model_dump() for sample in config.samples]
        raw.write((json.dumps(samples, ensure_ascii=False, indent=2) + "\n").encode())
    return SimulationSummary(
        files=tuple(files),
        truth=out / "truth.parquet",
        videos=videos,
        missed=world.counts["missed"],
        resets=world.counts["resets"],
        onsets=world.counts["onsets"],
        size_bytes=sum(path.stat().st_size for path in files),
        **{name: counts[name] for name in
           ("records", "hashtag_records", "video_records", "duplicates", "late", "malformed")},
    )  # fmt: skip


class _World:
    """Steps through the hours and hands over each day's deliveries."""

    def __init__(self, config: SimulationConfig, population: Population) -> None:
        self.config = config
        self.population = population
        self.dynamics = Dynamics(config)
        steady = self.dynamics.base / (1.0 - self.dynamics.calm_reproduction)
        self.publisher = Publisher(config, population, usual_videos=float(steady.sum()))
        self.cohorts: dict[int, pl.DataFrame] = {}
        self.delivery = self._empty_delivery()
        self.counts: Counter[str] = Counter()
        self.epoch = int(config.starts_at.timestamp())

    def _empty_delivery(self) -> Delivery:
        render = {
            "hashtag": partial(hashtag_lines, population=self.population),
            "video": partial(video_lines, population=self.population, starts_at=self.config.starts_at),
        }
        return Delivery(self.config, render)

    def forward_to(self, day: date) -> None:
        """Bring the hashtags to the day's first hour, with what was fetched the day before and comes late."""
        target = (day - self.config.start).days * 24
        if self.dynamics.index < target:
            self.delivery = self._empty_delivery()
        while self.dynamics.index < target:
            hour = self._hour(cohorts_from=target - 24 - max(self.config.video_ages_h))
            if hour.index >= max(target - 24, 0):
                self._fetch(hour, due_from=self.epoch + target * 3600)

    def day(self, truth: pq.ParquetWriter) -> Iterator[pl.DataFrame]:
        """Yield what is delivered on the next day, and write that day's truth."""
        start = self.epoch + self.dynamics.index * 3600
        rows: list[pl.DataFrame] = []
        for offset in range(24):
            hour = self._hour(cohorts_from=-WARM_UP_H)
            seen = self._fetch(hour, due_from=start)
            rows.append(_truth_rows(hour, seen))
            self.counts["missed"] += int(hour.alive.sum() - seen.sum())
            self.counts["resets"] += int(hour.reset.sum())
            self.counts["onsets"] += int(hour.starts["organic"].sum())
            if self.delivery.fetched_rows >= CHUNK_ROWS or offset == 23:
                yield from self.delivery.due(before=self.epoch + self.dynamics.index * 3600)
        truth.write_table(_truth_table(pl.concat(rows), self.population, self.config.starts_at))

    def _hour(self, *, cohorts_from: int) -> Hour:
        hour = self.dynamics.step()
        oldest = hour.index - max(self.config.video_ages_h)
        if hour.index >= max(cohorts_from, -max(self.config.video_ages_h)):
            self.cohorts[hour.index] = self.publisher.publish(hour)
        self.cohorts = {index: videos for index, videos in self.cohorts.items() if index >= oldest}
        return hour

    def _fetch(self, hour: Hour, *, due_from: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Fetch hashtags and videos in the hour unless the scraper is down; return which hashtags were seen."""
        seen = np.zeros(self.config.hashtags, dtype=np.bool_)
        if hour.index % 24 in _outage_hours(self.config, hour.index // 24):
            return seen
        starts_at = self.config.starts_at
        hashtags = observe_hashtags(hour, self.config, starts_at=starts_at)
        seen[hashtags["hashtag"].to_numpy()] = True
        self.delivery.take("hashtag", hashtags, index=hour.index, due_from=due_from)
        ages = [age for age in self.config.video_ages_h if hour.index - age in self.cohorts]
        observed = [
            observe_videos(
                self.cohorts[hour.index - age], self.config, index=hour.index, age_h=age, starts_at=starts_at
            )
            for age in ages
        ]
        if observed:
            self.delivery.take("video", pl.concat(observed), index=hour.index, due_from=due_from)
        return seen


def _outage_hours(config: SimulationConfig, day: int) -> set[int]:
    """Return the hours of the day in which nothing is fetched."""
    rng = stream(config.seed, FETCHES, day, 1_000_000)
    starts = rng.integers(0, 24, rng.poisson(config.outages_per_week / 7.0))
    return {int(start) + step for start in starts for step in range(int(rng.integers(1, 5)))}


def _truth_rows(hour: Hour, seen: np.ndarray[Any, np.dtype[np.bool_]]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "hashtag": np.arange(hour.alive.size, dtype=np.uint32),
            "index": np.full(hour.alive.size, hour.index, dtype=np.int64),
            "video_rate": hour.rate,
            "view_rate": hour.view_rate,
            "video_count": hour.gained["videos"],
            "view_count": hour.gained["views"],
            "reproduction": hour.reproduction,
            "is_onset": hour.starts["organic"],
            "is_news": hour.starts["news"],
            "is_push": hour.starts["push"],
            "is_reset": hour.reset,
            "is_fetched": seen,
        }
    ).filter(pl.Series(hour.alive))


def _truth_table(rows: pl.DataFrame, population: Population, starts_at: datetime) -> pa.Table:
    end = pl.lit(starts_at + timedelta(hours=1)) + pl.duration(hours=pl.col("index"))
    return (
        rows.with_columns(
            population.hashtag_ids.gather(rows["hashtag"]).alias("hashtag_id"),
            end.cast(pl.Datetime("us", "UTC")).alias("hour"),
        )
        .select(TRUTH.names)
        .to_arrow()
        .cast(TRUTH)
    )


def _text(lines: pl.Series) -> memoryview:
    """Return the lines, each with its line feed, as one piece of UTF-8."""
    array = (lines + "\n").rechunk().to_arrow()
    array = pa.chunked_array([array]).cast(pa.large_string()).combine_chunks()
    array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
    _, offsets, data = array.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)
    return memoryview(data)[ends[array.offset] : ends[array.offset + len(array)]]


def _count(part: pl.DataFrame) -> dict[str, int]:
    hashtags = int((part["kind"] == "hashtag").sum())
    return {
        "records": part.height,
        "hashtag_records": hashtags,
        "video_records": part.height - hashtags,
        "duplicates": int(part["again"].sum()),
        "late": int((part["late"] & ~part["again"]).sum()),
        "malformed": int(part["broken"].sum()),
    }


@contextmanager
def _replaced(path: Path) -> Iterator[io.BufferedWriter]:
    """Write a file under another name first, so that a killed run leaves no half file."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
