"""Raw files to normalized tables, beside what DuckDB alone needs to parse the same files into Parquet.

Each measurement runs in a process of its own, which times the work without its imports; pairs are interleaved and the
median of their ratios counts.
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

SOURCE = "weibo_hot_search"


def run(data: Path, *, pairs: int = 3) -> dict[str, Any]:
    """Measure ``pairs`` pairs; ratios are the peer's seconds over ours, and a first over a second ingest."""
    files = sorted(str(path) for path in (data / SOURCE).glob("*.jsonl.zst"))
    measured = [(_measure("duckdb", files), _measure("trenddrop", files)) for _ in range(max(pairs, 3))]
    peers, ours = [peer for peer, _ in measured], [our for _, our in measured]
    return {
        "name": "ingest",
        "ours": {
            "first_s": median(one["first_s"] for one in ours),
            "second_s": median(one["second_s"] for one in ours),
            "peak_memory_gb": max(one["peak_memory_gb"] for one in ours),
            "records": ours[0]["records"],
        },
        "peers": {
            "duckdb_parse_s": median(one["first_s"] for one in peers),
            "peak_memory_gb": max(one["peak_memory_gb"] for one in peers),
        },
        "ratios": {
            "duckdb_parse": median(peer["first_s"] / our["first_s"] for peer, our in measured),
            "second_ingest": median(our["first_s"] / our["second_s"] for our in ours),
        },
        "equal": all(peer["facts"] == our["facts"] for peer, our in measured) and all(o["unchanged"] for o in ours),
    }


def _measure(engine: str, files: list[str]) -> dict[str, Any]:
    command = [sys.executable, __file__, engine, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{engine}: {done.stderr.strip().splitlines()[-1:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _duckdb(files: list[str], folder: Path) -> dict[str, Any]:
    import duckdb

    connection = duckdb.connect()
    target = folder / "parsed.parquet"
    begin = perf_counter()
    connection.execute(
        f"COPY (SELECT * FROM read_json({files!r}, format='newline_delimited')) TO '{target}' (FORMAT parquet)"
    )
    seconds = perf_counter() - begin
    facts = connection.execute(
        f"SELECT count(*), count(*) FILTER (NOT ads), sum(readCount) FILTER (NOT ads) FROM '{target}'"
    ).fetchone()
    assert facts is not None
    return {"first_s": seconds, "facts": [int(fact) for fact in facts]}


def _trenddrop(files: list[str], folder: Path) -> dict[str, Any]:
    from trenddrop.core.settings import Settings
    from trenddrop.core.time import utc_now
    from trenddrop.flow import Workspace, stages
    from trenddrop.warehouse import open_warehouse

    settings = Settings(home=folder / "home")
    workspace = Workspace(settings, open_warehouse(settings), clock=utc_now)
    source, paths = stages.source_named(workspace, SOURCE), [Path(file) for file in files]
    seconds, counts, records = [], [], 0
    for _ in range(2):
        begin = perf_counter()
        records = stages.ingest_files(workspace, source, paths).raw_records
        stages.normalize_batches(workspace)
        seconds.append(perf_counter() - begin)
        counts.append([_rows(workspace, name) for name in ("raw_weibo_data", "hashtag_metrics", "hashtags")])
    observed = workspace.warehouse.table("hashtag_observations")
    facts = observed.aggregate(n=observed.count(), views=observed.view_count.sum()).to_pyarrow().to_pylist()[0]
    return {
        "first_s": seconds[0],
        "second_s": seconds[1],
        "records": records,
        "unchanged": counts[0] == counts[1],
        "facts": [counts[0][0], int(facts["n"]), int(facts["views"])],
    }


def _rows(workspace: Any, name: str) -> int:
    return int(workspace.warehouse.table(name).count().to_pyarrow().as_py())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        measure = {"duckdb": _duckdb, "trenddrop": _trenddrop}[sys.argv[1]]
        figures = measure(sys.argv[2:], Path(scratch))
    figures["peak_memory_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    sys.stdout.write(json.dumps(figures))
