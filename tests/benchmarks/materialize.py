"""Materialisation: the newest row of each entity into the online store, ours beside Feast's default engine and store.

Each measurement runs in a process of its own, which times ``FeatureStore.materialize`` over all rows without imports
and ``apply``; pairs are interleaved and the median of their ratios counts. Afterwards every entity's values are read
back through ``get_online_features`` and compared. ``TRENDDROP_BENCH_SCALE`` (default 1) scales rows and entities.
"""

import contextlib
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

READ_AT_ONCE = 1_000


def run(data: Path, *, pairs: int = 3) -> dict[str, Any]:
    """Measure ``pairs`` pairs; the ratio is Feast's seconds over ours."""
    with tempfile.TemporaryDirectory() as folder:
        _measure("prepare", folder)
        measured = [(_measure("feast", folder), _measure("ours", folder)) for _ in range(pairs)]
    peers, ours = [peer for peer, _ in measured], [our for _, our in measured]
    return {
        "name": "materialize",
        "ours": _figures(ours),
        "peers": {"feast_default": _figures(peers)},
        "ratios": {"feast_default": median(peer["seconds"] / our["seconds"] for peer, our in measured)},
        "equal": len({one["digest"] for one in [*peers, *ours]}) == 1,
    }


def _figures(measured: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "seconds": median(one["seconds"] for one in measured),
        "peak_memory_gb": max(one["peak_memory_gb"] for one in measured),
        "entities": measured[0]["entities"],
    }


def _measure(what: str, folder: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, __file__, what, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"materialize, {what}: {done.stderr.strip()[-1000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


# --- in the process that measures -----------------------------------------------------------------


def _feast(folder: Path) -> dict[str, Any]:
    return _materialized(stores.feast_duckdb(SHAPE, folder, ttl=timedelta(0)))


def _ours(folder: Path) -> dict[str, Any]:
    from trenddrop.feature_store.access import lend

    shutil.rmtree(folder / "home" / "feast", ignore_errors=True)  # the online store of the pair before
    with lend(stores.open_ducklake(folder)):
        return _materialized(stores.ours(SHAPE, folder, ttl=timedelta(0)))


def _materialized(store: Any) -> dict[str, Any]:
    begin = perf_counter()
    with contextlib.redirect_stdout(sys.stderr):  # Feast draws a bar
        store.materialize(made.START, SHAPE.end)
    figures: dict[str, Any] = {"seconds": perf_counter() - begin, "peak_memory_gb": _gigabytes()}
    return figures | _read_back(store)


def _read_back(store: Any) -> dict[str, Any]:
    keys = [f"tag{key:06d}" for key in range(SHAPE.entities)]
    features = [f"{stores.VIEW}:{name}" for name in SHAPE.features]
    digest, found = hashlib.sha256(), 0
    for start in range(0, len(keys), READ_AT_ONCE):
        rows = [{made.KEY: key} for key in keys[start : start + READ_AT_ONCE]]
        values = store.get_online_features(features=features, entity_rows=rows).to_dict()
        digest.update(json.dumps([values[name] for name in [made.KEY, *SHAPE.features]]).encode())
        columns = [values[name] for name in SHAPE.features]
        found += sum(any(value is not None for value in row) for row in zip(*columns, strict=True))
    return {"digest": digest.hexdigest(), "entities": found}


def _gigabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    import feature_rows as made
    import stores

    SHAPE = made.Shape().scaled(float(os.environ.get("TRENDDROP_BENCH_SCALE", "1")))
    if sys.argv[1] == "prepare":
        stores.prepare(SHAPE, Path(sys.argv[2]))
        result: dict[str, Any] = {}
    else:
        result = {"feast": _feast, "ours": _ours}[sys.argv[1]](Path(sys.argv[2]))
    sys.stdout.write("\n" + json.dumps(result))
