"""A full retrain beside bare LightGBM (``train_lightgbm``), and labels of 1,440,000 hours beside bare windows in DuckDB.

Each measurement runs in a process of its own, which times the work without its imports; pairs are interleaved and the
median of their ratios counts. Both read the same DuckLake with the same number of threads. The peer reads
``hashtag_metrics`` and computes, for every hour, the mean of 6 hours and the median of the 169 hours before
``viral_v1``'s gap, into a temporary table, as ours does; ours answers the whole definition, with all versions, ranks, refractory hours, unknowns, peaks and
confidence, for four horizons.
"""

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

HASHTAGS, HOURS, THREADS = 2000, 720, 2
LABEL, PLATFORM = "viral_v1", "tiktok"


def run(data: Path, *, pairs: int = 3) -> dict[str, Any]:
    """Measure ``pairs`` pairs of each peer; ratios are the peer's seconds over ours."""
    from train_lightgbm import bare_lightgbm

    measured = {"bare_lightgbm": bare_lightgbm(pairs=pairs), "bare_window": bare_window(pairs=pairs)}
    return {
        "name": "train",
        "ours": {name: one["ours"] for name, one in measured.items()},
        "peers": {name: one["peer"] for name, one in measured.items()},
        "ratios": {name: one["ratio"] for name, one in measured.items()},
        "equal": all(one["equal"] for one in measured.values()),
    }


def bare_window(*, pairs: int = 3) -> dict[str, Any]:
    """Measure the labels of every hour beside a bare scan and window of the same table."""
    with tempfile.TemporaryDirectory() as scratch:
        prepared = _measure("prepare", scratch)
        measured = [(_measure("window", scratch), _measure("labels", scratch)) for _ in range(pairs)]
    peers, ours = [peer for peer, _ in measured], [our for _, our in measured]
    return {
        "ours": {
            "hours": prepared["hours"],
            "labels": ours[0]["labels"],
            "positives": ours[0]["positives"],
            "seconds": median(one["seconds"] for one in ours),
            "peak_memory_gb": max(one["peak_memory_gb"] for one in ours),
        },
        "peer": {
            "seconds": median(one["seconds"] for one in peers),
            "peak_memory_gb": max(one["peak_memory_gb"] for one in peers),
        },
        "ratio": median(peer["seconds"] / our["seconds"] for peer, our in measured),
        "equal": all(peer["hot_hours"] == our["hot_hours"] for peer, our in measured),
    }


def _measure(task: str, folder: str) -> dict[str, Any]:
    command = [sys.executable, __file__, task, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{task}: {done.stderr.strip().splitlines()[-1:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _warehouse(folder: Path) -> Any:
    from trenddrop.core.settings import Settings
    from trenddrop.warehouse import open_warehouse

    return open_warehouse(Settings(home=folder / "home", threads=THREADS))


def _prepare(folder: Path) -> dict[str, Any]:
    """Fill ``hashtag_metrics``: lognormal hours, and for each hashtag now and then a burst of twelve hours."""
    from datetime import UTC, datetime, timedelta

    import numpy as np
    import polars as pl

    rng = np.random.default_rng(0)
    base = np.exp(rng.normal(4, 1.5, (HASHTAGS, 1)))
    views = np.floor(base * np.exp(rng.normal(0, 0.5, (HASHTAGS, HOURS))))
    starts = rng.integers(0, HOURS - 12, HASHTAGS * 2)
    for number, start in enumerate(starts):
        views[number // 2, start : start + 12] *= rng.uniform(4, 30)
    hours = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(HOURS)]
    moments = pl.Series(hours * HASHTAGS, dtype=pl.Datetime("us", "UTC"))
    rows = pl.DataFrame(
        {
            "hashtag_id": np.repeat([f"{PLATFORM}:t{number:04}" for number in range(HASHTAGS)], HOURS),
            "timestamp": moments,
            "created_timestamp": moments - timedelta(minutes=5),
            "view_count": views.ravel(),
            "window_duration_minutes": pl.repeat(60, views.size, dtype=pl.Int64, eager=True),
            "is_gap": pl.repeat(False, views.size, eager=True),
            "is_reset": pl.repeat(False, views.size, eager=True),
            "platform": pl.repeat(PLATFORM, views.size, eager=True),
        }
    )
    wh = _warehouse(folder)
    return {"hours": wh.append("hashtag_metrics", rows), "seconds": 0.0, "close": wh.close()}


def _window(folder: Path) -> dict[str, Any]:
    wh = _warehouse(folder)
    sql = wh.backend.compile(wh.table("hashtag_metrics"))
    begin = perf_counter()
    wh.backend.con.execute(
        f"""
        CREATE TEMP TABLE growths AS
            SELECT hashtag_id, "timestamp",
                avg(view_count) OVER (hours RANGE BETWEEN 5 PRECEDING AND CURRENT ROW) AS rate,
                median(view_count) OVER (hours RANGE BETWEEN 192 PRECEDING AND 24 PRECEDING) AS baseline,
                count(view_count) OVER (hours RANGE BETWEEN 192 PRECEDING AND 24 PRECEDING) AS known,
                count(view_count) OVER (hours RANGE BETWEEN 5 PRECEDING AND CURRENT ROW) AS known_rate
            FROM (SELECT *, epoch("timestamp")::BIGINT // 3600 AS hour FROM ({sql}))
            WINDOW hours AS (PARTITION BY hashtag_id ORDER BY hour)
        """
    )
    seconds = perf_counter() - begin
    hot = wh.backend.con.execute(
        "SELECT count(*) FROM growths WHERE known >= 24 AND known_rate >= 4 AND (rate + 1000) / (baseline + 1000) >= 3"
    ).fetchone()[0]
    return {"seconds": seconds, "hot_hours": hot, "close": wh.close()}


def _labels(folder: Path) -> dict[str, Any]:
    from trenddrop.labels import load_label, viral_labels
    from trenddrop.labels.constants import GrowthConstants
    from trenddrop.labels.growth import growths

    wh = _warehouse(folder)
    definition, metrics = load_label(LABEL), wh.table("hashtag_metrics")
    videos = wh.table("video_observations")
    begin = perf_counter()
    labels = wh.stage(viral_labels(metrics, definition, platform=PLATFORM, videos=videos, stage=wh.stage))
    seconds = perf_counter() - begin
    counts = labels.aggregate(n=labels.count(), positives=labels.is_viral.cast("int64").sum()).to_polars()
    grown = growths(metrics, definition.parameters, GrowthConstants(None, 1000.0), stage=wh.stage)
    hot = grown.filter(grown.growth >= definition.parameters.multiple).count().to_pyarrow().as_py()
    return {
        "seconds": seconds,
        "labels": counts["n"].item(),
        "positives": counts["positives"].item(),
        "hot_hours": hot,
        "close": wh.close(),
    }


if __name__ == "__main__":
    task = {"prepare": _prepare, "window": _window, "labels": _labels}[sys.argv[1]]
    figures = task(Path(sys.argv[2]))
    figures["peak_memory_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    sys.stdout.write(json.dumps(figures))
