"""A full retrain with fixed tuning, beside what ``lightgbm.train`` alone needs for the same trees on the same matrix.

Ours also splits, chooses the number of trees, calibrates and checks its rows. Each measurement runs in a process of its
own, which times the work without its imports; pairs are interleaved and the median of their ratios counts.
"""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Any

ROWS, FEATURES, ROUNDS = 500_000, 60, 200
TOPICS = 20_000
PER_HOUR = 100
SEED = 7


def bare_lightgbm(*, pairs: int = 3, rows: int = ROWS) -> dict[str, Any]:
    """Return the medians; ``ratio`` is LightGBM's seconds over ours."""
    measured = [(_measure("lightgbm", rows), _measure("trenddrop", rows)) for _ in range(max(pairs, 1))]
    return {
        "ours": median(our["seconds"] for _, our in measured),
        "peer": median(peer["seconds"] for peer, _ in measured),
        "ratio": median(peer["seconds"] / our["seconds"] for peer, our in measured),
        "equal": len({our["trees"] for _, our in measured}) == 1,  # every retrain gave the same model
    }


def _measure(engine: str, rows: int) -> dict[str, Any]:
    command = [sys.executable, __file__, engine, str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{engine}: {done.stderr.strip().splitlines()[-1:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _matrix(rows: int) -> tuple[Any, Any]:
    import numpy as np

    rng = np.random.default_rng(SEED)
    matrix = rng.standard_normal((rows, FEATURES))
    matrix[rng.random(matrix.shape) < 0.05] = np.nan  # noqa: PLR2004 - as many unknown as real features have
    odds = np.nan_to_num(matrix[:, 0]) + np.nan_to_num(matrix[:, 1] * matrix[:, 2]) - 3.5
    return matrix, rng.random(rows) < 1 / (1 + np.exp(-odds))


def _lightgbm(rows: int) -> dict[str, Any]:
    import lightgbm as lgb

    from trenddrop.modeling.boost import fixed_params

    matrix, viral = _matrix(rows)
    params = fixed_params(_spec(), _threads())
    begin = perf_counter()
    booster = lgb.train(params, lgb.Dataset(matrix, viral.astype(float), params=params), ROUNDS)
    return {"seconds": perf_counter() - begin, "trees": str(booster.num_trees())}


def _trenddrop(rows: int) -> dict[str, Any]:
    import polars as pl

    from trenddrop.modeling import fingerprint, fit

    matrix, viral = _matrix(rows)
    names = [f"feature_{i}" for i in range(FEATURES)]
    start = datetime(2025, 1, 1, tzinfo=UTC)
    frame = pl.DataFrame(matrix, schema=names).with_columns(
        hashtag_id=pl.format("tiktok:topic{}", pl.int_range(rows) % TOPICS),
        event_timestamp=pl.lit(start) + (pl.int_range(rows) // PER_HOUR) * timedelta(hours=1),
        is_viral_6h=pl.Series(viral),
    )
    begin = perf_counter()
    model = fit(frame, _spec(), features=names, threads=_threads())
    return {"seconds": perf_counter() - begin, "trees": fingerprint(model)}


def _spec() -> Any:
    from trenddrop.modeling import load_spec
    from trenddrop.modeling.spec import Rounds

    tuned = load_spec("viral_lightgbm")
    return tuned.model_copy(update={"horizons": (6,), "rounds": Rounds(maximum=ROUNDS, early_stopping=ROUNDS)})


def _threads() -> int:
    import os

    return os.cpu_count() or 1


if __name__ == "__main__":
    work = {"lightgbm": _lightgbm, "trenddrop": _trenddrop}[sys.argv[1]]
    print(json.dumps(work(int(sys.argv[2]))))  # noqa: T201
