"""100 entities x 20 features from the online store, in process: the 99th percentile beside Feast's own SQLite store.

The peer is ``get_online_features`` of Feast's released SQLite store. Ours is measured twice: as the application reads
(``FeatureStoreSession.online_features``, one query; the ratio's key) and through Feast's ``get_online_features`` over
our store; where a redis-server is installed, both also over Redis. The same 10,000 entities hold the same values; the
same requests are asked of all. Each measurement runs in a process of its own, pairs are interleaved, and the median of
their ratios counts.
"""

import hashlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

ENTITIES, FEATURES, ASKED = 10_000, 20, 100
WARM_UP, REQUESTS = 50, 1_000
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
DECLARATIONS = """
from datetime import timedelta
from feast import Entity, FeatureService, FeatureView, Field, PushSource, ValueType
from feast.types import Float64, String
from trenddrop.feature_store.source import WarehouseSource

hashtag = Entity(name="hashtag", join_keys=["hashtag_id"], value_type=ValueType.STRING)
rows = WarehouseSource(table="hashtag_features", timestamp_field="feature_timestamp")
pushed = PushSource(name="pushed", batch_source=rows)
view = FeatureView(
    name="view", entities=[hashtag], source=pushed, ttl=timedelta(days=30),
    schema=[Field(name="hashtag_id", dtype=String), *(Field(name=f"f{i}", dtype=Float64) for i in range(20))],
)
service = FeatureService(name="service", features=[view])
"""
STORES = {
    "feast_sqlite": 'type: sqlite\n  path: "${TRENDDROP_HOME}/online.db"',
    "sqlite": 'type: trenddrop.feature_store.online.HomeOnlineStore\n  home: "${TRENDDROP_HOME}"',
    "redis": 'type: trenddrop.feature_store.online.WideRedisOnlineStore\n  url: "${BENCH_REDIS}"',
}
OURS = ("sqlite", "sqlite_through_feast", "redis", "redis_through_feast")
Ask = Callable[[list[str]], Any]


def run(data: Path, *, pairs: int = 3) -> dict[str, Any]:
    """Measure ``pairs`` rounds of every path; ``data`` is not needed."""
    with tempfile.TemporaryDirectory() as scratch, _redis_server(Path(scratch)) as url:
        names = [name for name in OURS if url is not None or not name.startswith("redis")]
        for store in STORES:
            if url is not None or store != "redis":
                _call("fill", store, scratch, url)
        rounds = [
            {name: _call("measure", name, scratch, url) for name in ("feast_sqlite", *names)}
            for _ in range(max(pairs, 3))
        ]

    def middle(name: str) -> dict[str, float]:
        return {key: median(one[name][key] for one in rounds) for key in ("p50_ms", "p99_ms")}

    def ratio(name: str) -> float:
        return median(one["feast_sqlite"]["p99_ms"] / one[name]["p99_ms"] for one in rounds)

    keys = {"sqlite": "feast_sqlite_100_p99"} | {name: f"feast_sqlite_100_p99_{name}" for name in names[1:]}
    return {
        "name": "online",
        "ours": {name: middle(name) for name in names},
        "peers": {"feast_sqlite": middle("feast_sqlite")},
        "ratios": {keys[name]: ratio(name) for name in names},
        "equal": len({one["facts"] for each in rounds for one in each.values()}) == 1,
    }


def _call(task: str, name: str, scratch: str, url: str | None) -> dict[str, Any]:
    command = [sys.executable, __file__, task, name, scratch, url or ""]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{task} {name}: {done.stderr.strip().splitlines()[-1:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@contextmanager
def _redis_server(folder: Path) -> Iterator[str | None]:
    binary = shutil.which("redis-server")
    if binary is None:
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    server = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait()


def _session(store: str, scratch: Path, url: str) -> Any:
    """Open Feast over a home of its own, with the shipped configuration but for its online store."""
    import os

    from trenddrop.core.settings import Settings
    from trenddrop.feature_store import FeatureStoreSession
    from trenddrop.feature_store.declarations import feature_repo_folder

    os.environ["BENCH_REDIS"] = url
    home, repo = scratch / store, scratch / store / "repo"
    repo.mkdir(parents=True, exist_ok=True)
    (repo / "declarations.py").write_text(DECLARATIONS, encoding="utf-8")
    shipped = (feature_repo_folder() / "feature_store.yaml").read_text(encoding="utf-8")
    before, _, after = shipped.partition("online_store:")
    rest = after[after.index("\nbatch_engine:") :]
    (repo / "feature_store.yaml").write_text(f"{before}online_store:\n  {STORES[store]}{rest}", encoding="utf-8")
    return FeatureStoreSession(Settings(home=home), repo=repo)


def _fill(store: str, scratch: Path, url: str) -> dict[str, Any]:
    session = _session(store, scratch, url)
    session.apply()
    rng = np.random.default_rng(7)
    values = rng.normal(size=(ENTITIES, FEATURES))
    values[rng.random(values.shape) < 0.05] = np.nan
    frame = pd.DataFrame({f"f{i}": values[:, i] for i in range(FEATURES)}).astype(object).where(~np.isnan(values), None)
    frame.insert(0, "hashtag_id", [f"tiktok:h{i}" for i in range(ENTITIES)])
    frame["feature_timestamp"] = NOW - timedelta(hours=3)
    session.feast.push("pushed", frame)
    return {}


def _asker(name: str, session: Any) -> tuple[Ask, Callable[[Any], dict[str, list[float | None]]]]:
    names = [f"f{i}" for i in range(FEATURES)]
    if name in ("sqlite", "redis"):

        def ask(ids: list[str]) -> Any:
            return session.online_features(ids, feature_service="service", moment=datetime.now(UTC))

        return ask, lambda frame: {one: frame[one].to_list() for one in names}
    service = session.feast.get_feature_service("service")

    def ask_feast(ids: list[str]) -> Any:
        return session.feast.get_online_features(features=service, entity_rows=[{"hashtag_id": one} for one in ids])

    return ask_feast, lambda response: {one: response.to_dict()[one] for one in names}


def _measure(name: str, scratch: Path, url: str) -> dict[str, Any]:
    ask, values_of = _asker(name, _session(name.removesuffix("_through_feast"), scratch, url))
    rng = np.random.default_rng(11)
    requests = [[f"tiktok:h{i}" for i in rng.choice(ENTITIES + 100, ASKED, replace=False)] for _ in range(REQUESTS)]
    for ids in requests[:WARM_UP]:
        ask(ids)
    seconds, digest = [], hashlib.sha256()
    for i, ids in enumerate(requests):
        begin = time.perf_counter()
        answer = ask(ids)
        seconds.append(time.perf_counter() - begin)
        if i % 50 == 0:
            digest.update(json.dumps(values_of(answer)).encode())
    p50, p99 = np.percentile(seconds, [50, 99]) * 1_000
    return {"p50_ms": float(p50), "p99_ms": float(p99), "facts": digest.hexdigest()}


if __name__ == "__main__":
    task = {"fill": _fill, "measure": _measure}[sys.argv[1]]
    sys.stdout.write(json.dumps(task(sys.argv[2], Path(sys.argv[3]), sys.argv[4])))
