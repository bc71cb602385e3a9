"""All features of 30 days x 2,000 hashtags with 1,000,000 videos, beside the same formulas in pandas.

Each measurement runs in a process of its own, which times the work without its imports and without making the data;
pairs are interleaved and the median of their ratios counts. ``scale`` (or ``$TRENDDROP_BENCH_SCALE``) shrinks the data.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

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


def run(data: Path, *, pairs: int = 3, scale: float | None = None) -> dict[str, Any]:
    """Measure ``pairs`` pairs; ratios are pandas' seconds over ours, and the backfill's over those of one hour."""
    scale = float(os.environ.get("TRENDDROP_BENCH_SCALE", "1")) if scale is None else scale
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_world(folder, scale=scale)
        measured = [(_measure("pandas", folder), _measure("trenddrop", folder)) for _ in range(pairs)]
        differences = _differences(folder)
    peers, ours = [peer for peer, _ in measured], [our for _, our in measured]
    return {
        "name": "features",
        "ours": {
            "backfill_s": median(one["backfill_s"] for one in ours),
            "one_hour_s": median(one["one_hour_s"] for one in ours),
            "peak_memory_gb": max(one["peak_memory_gb"] for one in ours),
            "rows": ours[0]["rows"],
            "scale": scale,
        },
        "peers": {
            "pandas_s": median(one["backfill_s"] for one in peers),
            "peak_memory_gb": max(one["peak_memory_gb"] for one in peers),
            "differences": differences,
        },
        "ratios": {
            "pandas": median(peer["backfill_s"] / our["backfill_s"] for peer, our in measured),
            "backfill_over_one_hour": median(our["backfill_s"] / our["one_hour_s"] for our in ours),
        },
        "equal": not differences and all(peer["rows"] == our["rows"] for peer, our in measured),
    }


def _measure(engine: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, engine, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{engine}: {done.stderr.strip().splitlines()[-1:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _pandas(folder: Path) -> dict[str, Any]:
    import _features_in_pandas as peer
    import pandas as pd

    metrics = pd.read_parquet(folder / "hashtag_metrics.parquet")
    videos = pd.read_parquet(folder / "video_observations.parquet")
    begin = perf_counter()
    rows = peer.features(metrics, videos)
    seconds = perf_counter() - begin
    rows.to_parquet(folder / "pandas.parquet")
    return {"backfill_s": seconds, "rows": len(rows)}


def _trenddrop(folder: Path) -> dict[str, Any]:
    from trenddrop.core.settings import Settings
    from trenddrop.features import build_features
    from trenddrop.warehouse import open_warehouse

    with tempfile.TemporaryDirectory() as home:
        warehouse = open_warehouse(Settings(home=Path(home), memory_limit="4GB"))
        for name in ("hashtag_metrics", "video_observations"):
            warehouse.append(name, pq.read_table(folder / f"{name}.parquet"))
        begin = perf_counter()
        rows = build_features(warehouse)
        seconds = perf_counter() - begin
        warehouse.release()
        hours = []
        for _ in range(3):
            begin = perf_counter()
            build_features(warehouse, start=START + timedelta(days=DAYS))
            hours.append(perf_counter() - begin)
            warehouse.release()
        warehouse.backend.con.execute(
            f"COPY (SELECT * FROM lake.main.hashtag_features) TO '{folder / 'trenddrop.parquet'}' (FORMAT parquet)"
        )
        warehouse.close()
    return {"backfill_s": seconds, "one_hour_s": median(hours), "rows": rows}


def _differences(folder: Path) -> dict[str, int]:
    """Return how many rows differ, by feature: in being null, by more than the tolerance, or in text."""
    import duckdb

    from trenddrop.features import DEFINITIONS

    connection = duckdb.connect()
    columns = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM '{folder}/pandas.parquet'").fetchall()}
    tests = []
    for definition in DEFINITIONS:
        name = definition.name
        if name not in columns:
            tests.append(f"count(*) FILTER (o.{name} IS NOT NULL) AS {name}")
        elif definition.dtype in ("string", "boolean"):
            tests.append(f"count(*) FILTER (o.{name} IS DISTINCT FROM p.{name}) AS {name}")
        else:
            peer = f"CASE WHEN isnan(p.{name}::DOUBLE) THEN NULL ELSE p.{name}::DOUBLE END"
            far = f"abs(o.{name} - {peer}) > {TOLERANCE} * greatest(1, abs({peer}))"
            tests.append(f"count(*) FILTER ((o.{name} IS NULL) <> (({peer}) IS NULL) OR {far}) AS {name}")
    query = (
        f"SELECT {', '.join(tests)} FROM '{folder}/trenddrop.parquet' AS o JOIN '{folder}/pandas.parquet' AS p "
        "USING (hashtag_id, feature_timestamp)"
    )
    found = connection.execute(query).fetchone()
    assert found is not None
    return {definition.name: n for definition, n in zip(DEFINITIONS, found, strict=True) if n}


if __name__ == "__main__":
    figures = {"pandas": _pandas, "trenddrop": _trenddrop}[sys.argv[1]](Path(sys.argv[2]))
    figures["peak_memory_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    sys.stdout.write(json.dumps(figures))
