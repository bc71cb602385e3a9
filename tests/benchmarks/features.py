"""All features of 30 days x 2,000 hashtags with 1,000,000 videos, beside the same formulas in pandas.

Each measurement runs in a process of its own, which times the work without its imports and without making the data;
pairs are interleaved and the median of their ratios counts. ``scale`` (or ``$TRENDDROP_BENCH_SCALE``) shrinks the data.
"""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS, HASHTAGS, VIDEOS, CREATORS, SOUNDS = 30, 2_000, 1_000_000, 150_000, 20_000
MOMENT = pa.timestamp("us", "UTC")
HOUR_US = 3_600_000_000
TOLERANCE = 1e-9


def write_world(folder: Path, *, scale: float = 1.0, seed: int = 7) -> None:
    """Write ``hashtag_metrics`` and ``video_observations``: Zipf hashtags, creators and sounds, one reading an hour."""
    rng = np.random.default_rng(seed)
    tags, videos = max(int(HASHTAGS * scale), 20), max(int(VIDEOS * scale), 500)
    names = np.array([f"tiktok:hashtag{i:05}" for i in range(tags)])
    start_us = int(START.timestamp()) * 1_000_000
    hours = DAYS * 24
    size = 1 / np.arange(1, tags + 1) ** 0.7
    heat = np.exp(rng.normal(0, 0.4, (tags, hours)) + np.cumsum(rng.normal(0, 0.1, (tags, hours)), axis=1))
    views = np.floor(1e6 * size[:, None] * heat).ravel()
    moment = np.tile(start_us + HOUR_US * np.arange(1, hours + 1), tags)
    n = tags * hours
    counts = {
        f"{name}_count": np.floor(views * share * rng.uniform(0.5, 1.5, n))
        for name, share in (("video", 1e-4), ("creator", 8e-5), ("like", 0.05), ("comment", 0.004), ("share", 0.002))
    }
    metrics = {
        "hashtag_id": np.repeat(names, hours),
        "timestamp": pa.array(moment, MOMENT),
        "created_timestamp": pa.array(moment - 60_000_000, MOMENT),
        "view_count": views,
        **counts,
        "window_duration_minutes": np.full(n, 60),
        "score": pa.nulls(n, pa.float64()),
        "view_total": np.cumsum(views.reshape(tags, hours), axis=1).ravel().astype("int64"),
        "is_gap": np.zeros(n, dtype=bool),
        "is_reset": np.zeros(n, dtype=bool),
        "platform": np.full(n, "tiktok"),
    }
    pq.write_table(pa.table(metrics), folder / "hashtag_metrics.parquet")
    created = np.sort(start_us + rng.integers(0, hours * HOUR_US, videos))
    per_video = rng.integers(1, 5, videos)
    weight = size / size.sum()
    drawn = rng.choice(tags, per_video.sum(), p=weight)
    offsets = np.concatenate([[0], np.cumsum(per_video)])
    creator_weight = rng.gamma(0.6, size=max(int(CREATORS * scale), 50))
    creator = rng.choice(len(creator_weight), videos, p=creator_weight / creator_weight.sum())
    sound_weight = 1 / np.arange(1, max(int(SOUNDS * scale), 20) + 1) ** 0.8
    sound = rng.choice(len(sound_weight), videos, p=sound_weight / sound_weight.sum())
    observed = created + rng.integers(60_000_000, 20 * 60_000_000, videos)
    table = pa.table(
        {
            "video_id": np.char.add("tiktok:v", np.arange(videos).astype(str)),
            "observed_at": pa.array(observed, MOMENT),
            "fetched_at": pa.array(observed + 5_000_000, MOMENT),
            "created_at": pa.array(created, MOMENT),
            "creator_id": np.char.add("tiktok:u", creator.astype(str)),
            "view_count": rng.integers(0, 100_000, videos),
            "like_count": pa.nulls(videos, pa.int64()),
            "comment_count": pa.nulls(videos, pa.int64()),
            "share_count": pa.nulls(videos, pa.int64()),
            "download_count": pa.nulls(videos, pa.int64()),
            "hashtag_ids": pa.ListArray.from_arrays(
                pa.array(offsets, pa.int32()), pa.array(names.tolist()).take(pa.array(drawn))
            ),
            "sound_id": np.char.add("tiktok:s", sound.astype(str)),
            "region": np.array(["US", "VN", "BR", "FR", "ID"])[rng.integers(0, 5, videos)],
            "platform": np.full(videos, "tiktok"),
            "batch_id": np.full(videos, "b"),
        }
    )
    pq.write_table(table, folder / "video_observations.parquet")
