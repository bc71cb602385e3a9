"""Point-in-time joins: ours through Feast, beside Feast's own offline stores and the bare ASOF join of the engine.

Each measurement runs in a process of its own, which times ``get_historical_features(...).to_arrow()`` (of the bare
join: holding the entity rows, the query, Arrow) without imports, ``apply`` and opening the store. Pairs are
interleaved and the median of their ratios counts; a memory ratio compares the peaks of the whole processes.

Feast joins every feature row of a key that lies within the time to live before it picks one: with Zipf keys on 90
days that is 1.9 billion wide rows. The Zipf rows therefore lie in ten years, 47 million pairs, which it can hold.
The bare ASOF join knows nothing of late data: it returns rows of the future there, and ours is compared with a join of
all pairs instead. Both ClickHouse stores are measured on late data, which each can leave out.
``TRENDDROP_BENCH_SCALE`` (default 1) scales the rows, entities and entity rows.
"""

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

Work = Callable[[], Any]
WEEK_TTL, NO_TTL = 7, 0


@dataclass(frozen=True, slots=True)
class Case:
    """One ratio: the rows, the time to live in days, and who is measured on them."""

    name: str
    shape: dict[str, Any]
    ttl_days: int
    peer: str
    ours: str = "ours_duckdb"
    reference: str | None = None  # who says what is right, where the peer cannot
    compares_memory: bool = False


CASES = (
    Case("feast_duckdb_zipf", {"keys": "zipf", "days": 3652}, WEEK_TTL, "feast_duckdb", compares_memory=True),
    Case("feast_duckdb_no_ttl", {}, NO_TTL, "feast_duckdb", compares_memory=True),
    Case("feast_duckdb_ttl_uniform", {}, WEEK_TTL, "feast_duckdb"),
    Case("bare_asof", {}, NO_TTL, "bare_duckdb"),
    Case("bare_asof_late_data", {"late": 0.1}, NO_TTL, "bare_duckdb", reference="all_pairs"),
    Case("feast_clickhouse", {"late": 0.1}, WEEK_TTL, "feast_clickhouse", ours="ours_clickhouse"),
)


def run(data: Path, *, pairs: int = 3) -> dict[str, Any]:
    """Measure ``pairs`` pairs of every case; a ratio is the peer's seconds (or gigabytes) over ours."""
    result: dict[str, Any] = {"name": "pit", "ours": {}, "peers": {}, "ratios": {}, "equal": True}
    for case in CASES:
        _add(result, case, pairs)
    return result


def _add(result: dict[str, Any], case: Case, pairs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _measure("prepare", case, folder)
        measured = [(_measure(case.peer, case, folder), _measure(case.ours, case, folder)) for _ in range(pairs)]
        right = _measure(case.reference, case, folder) if case.reference else measured[0][0]
    peers, ours = [peer for peer, _ in measured], [our for _, our in measured]
    result["peers"][case.name], result["ours"][case.name] = _figures(peers), _figures(ours)
    result["ratios"][case.name] = median(peer["seconds"] / our["seconds"] for peer, our in measured)
    if case.compares_memory:
        result["ratios"][f"{case.name}_memory"] = median(p["peak_memory_gb"] / o["peak_memory_gb"] for p, o in measured)
    compared = ours if case.reference else [*ours, *peers]
    result["equal"] &= all(one["digest"] == right["digest"] for one in compared)


def _figures(measured: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "seconds": median(one["seconds"] for one in measured),
        "peak_memory_gb": max(one["peak_memory_gb"] for one in measured),
    }


def _measure(what: str, case: Case, folder: str) -> dict[str, Any]:
    command = [sys.executable, __file__, what, json.dumps(asdict(case)), folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"pit {case.name}, {what}: {done.stderr.strip()[-1000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


# --- in the process that measures -----------------------------------------------------------------


def _ours_duckdb(case: Case, folder: Path) -> Work:
    return _ours(case, folder, stores.open_ducklake(folder))


def _ours_clickhouse(case: Case, folder: Path) -> Work:
    return _ours(case, folder, stores.open_clickhouse(folder))


def _ours(case: Case, folder: Path, warehouse: Any) -> Work:
    from trenddrop.feature_store.access import lend

    with lend(warehouse):
        retrieve = _retrieval(stores.ours(SHAPE, folder, ttl=timedelta(days=case.ttl_days)), folder)

    def work() -> Any:
        with lend(warehouse):
            return retrieve()

    return work


def _feast_duckdb(case: Case, folder: Path) -> Work:
    return _retrieval(stores.feast_duckdb(SHAPE, folder, ttl=timedelta(days=case.ttl_days)), folder)


def _feast_clickhouse(case: Case, folder: Path) -> Work:
    return _retrieval(stores.feast_clickhouse(SHAPE, folder, ttl=timedelta(days=case.ttl_days)), folder)


def _retrieval(store: Any, folder: Path) -> Work:
    entity, features = stores.asked(folder).to_pandas(), [f"{stores.VIEW}:{name}" for name in SHAPE.features]
    options = {"filter_by_created_timestamp": True} if SHAPE.late else {}  # ours never reads the future
    return lambda: store.get_historical_features(entity_df=entity, features=features, **options).to_arrow()


def _bare_duckdb(case: Case, folder: Path) -> Work:
    connection, entity = stores.open_ducklake(folder).backend.con, stores.asked(folder).to_pandas()

    def work() -> Any:
        connection.register("entity", entity)
        connection.execute("CREATE TEMP TABLE asked AS SELECT * FROM entity")  # else it plans a nested loop
        return connection.execute(
            f"SELECT a.*, {_values('f')} FROM asked AS a ASOF LEFT JOIN lake.main.{stores.TABLE} AS f "
            f"ON a.{made.KEY} = f.{made.KEY} AND a.{made.EVENT} >= f.{made.EVENT}"
        ).to_arrow_table()

    return work


def _all_pairs(case: Case, folder: Path) -> Work:
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    asked, rows = (f"read_parquet('{folder / name}', file_row_number = true)" for name in (stores.ASKED, stores.ROWS))
    visible = f"f.{made.EVENT} <= a.{made.EVENT} AND f.{made.CREATED} <= a.{made.EVENT}"
    query = (
        f"WITH chosen AS (SELECT a.file_row_number AS n, arg_max(f.file_row_number, f.{made.EVENT}) AS row "
        f"FROM {asked} AS a JOIN {rows} AS f ON a.{made.KEY} = f.{made.KEY} AND {visible} GROUP BY n) "
        f"SELECT a.{made.KEY}, a.{made.EVENT}, {_values('f')} FROM {asked} AS a "
        f"LEFT JOIN chosen ON chosen.n = a.file_row_number LEFT JOIN {rows} AS f ON f.file_row_number = chosen.row"
    )
    return lambda: connection.execute(query).to_arrow_table()


def _prepare(case: Case, folder: Path) -> Work:
    return lambda: stores.prepare(SHAPE, folder, clickhouse=case.ours == "ours_clickhouse")


def _values(alias: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in SHAPE.features)


def _digest(table: Any) -> str:
    """Return a hash of keys, moments and values, in the order of keys and moments; nulls are not numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    moments = table[made.EVENT].cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64())
    table = table.set_column(table.column_names.index(made.EVENT), made.EVENT, moments)
    table = table.sort_by([(made.KEY, "ascending"), (made.EVENT, "ascending")])
    digest = hashlib.sha256("\n".join(table[made.KEY].to_pylist()).encode())
    for name in [made.EVENT, *SHAPE.features]:
        digest.update(pc.is_null(table[name]).to_numpy().tobytes())
        digest.update(pc.fill_null(table[name], 0).to_numpy().tobytes())
    return digest.hexdigest()


def _peak_memory_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    import feature_rows as made
    import stores

    chosen, place = Case(**json.loads(sys.argv[2])), Path(sys.argv[3])
    SHAPE = made.Shape(**chosen.shape).scaled(float(os.environ.get("TRENDDROP_BENCH_SCALE", "1")))
    makers = (_prepare, _ours_duckdb, _ours_clickhouse, _feast_duckdb, _feast_clickhouse, _bare_duckdb, _all_pairs)
    work = {maker.__name__: maker for maker in makers}[f"_{sys.argv[1]}"](chosen, place)
    begin = perf_counter()
    found = work()
    figures: dict[str, Any] = {"seconds": perf_counter() - begin, "peak_memory_gb": _peak_memory_gb()}
    if found is not None:
        figures["digest"] = _digest(found)
    sys.stdout.write("\n" + json.dumps(figures) + "\n")
    sys.stdout.flush()
    os._exit(0)  # an engine may take long to free what it held
