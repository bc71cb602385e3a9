"""However files are taken in - twice, in any order, by several processes, after a kill - the tables are the same."""

import itertools
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trenddrop.core.settings import Privacy, Settings
from trenddrop.normalized import normalize
from trenddrop.schemas import TABLES, raw_data
from trenddrop.sources import load_source
from trenddrop.staging import ingest
from trenddrop.warehouse import Warehouse, open_warehouse

START = 1_735_725_600
PROVENANCE = {"batch_id", "line_number", "source_endpoint"}  # which of several copies came first
NAMES = [
    "hashtag_observations", "video_observations", "creator_observations", "sound_observations", "hashtags", "videos",
    "creators", "sounds", "hashtag_metrics", "trend_topics",
]  # fmt: skip
Tables = dict[str, list[tuple[Any, ...]]]
Open = Callable[[], Warehouse]


def records(seed: int, hours: int = 12) -> list[str]:
    """Pages and videos over some hours, with copies, late ones, resets, gaps and rubbish among them."""
    rng = random.Random(seed)
    lines: list[str] = []
    for hour, name in itertools.product(range(hours), ("tea", "Calm", "ＳＵＮ", "rain")):
        if rng.random() < 0.2:
            continue
        fetched = START + hour * 3600 + rng.randrange(3000) + (rng.randrange(20_000) if rng.random() < 0.15 else 0)
        views = hour * 100 + rng.randrange(90) - (500 if rng.random() < 0.05 else 0)
        challenge = {"id": name, "title": name, "desc": f"as of {hour}"}
        page = {"challenge": challenge, "stats": {"viewCount": max(views, 0)}, "fetchTime": fetched}
        video = {
            "id": f"{name}{hour % 3}", "text": f"{name} {hour}", "createTime": START - 600 * (hour % 3), "fetchTime": fetched + 60,
            "authorMeta": {"id": str(hour % 2), "name": f"n{hour % 2}", "fans": hour}, "hashtags": [{"name": name}, {"name": "all"}],
            "musicMeta": {"musicId": "m", "musicName": "song"}, "playCount": hour * 10 + rng.randrange(5), "diggCount": hour,
        }  # fmt: skip
        lines += [json.dumps(page), json.dumps(video)]
        if rng.random() < 0.1:
            lines.append(rng.choice([lines[-1], "{", '{"id": 5, "playCount": "x"}', "[]"]))
    return lines


def write(folder: Path, *files: Sequence[str]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number}.jsonl" for number in range(len(files))]
    for path, lines in zip(paths, files, strict=True):
        path.write_text("\n".join(lines) + "\n")
    return paths


def take(wh: Warehouse, paths: Sequence[Path]) -> None:
    source = load_source("tiktok_records")
    ingest(wh, source, paths, privacy=Privacy(), clock=lambda: datetime.now(UTC))
    normalize(wh, clock=lambda: datetime.now(UTC))


def contents(wh: Warehouse) -> Tables:
    """Return the rows of all tables in a fixed order, without what depends on the clock or on the order of the input."""
    found: Tables = {}
    for schema in (raw_data("tiktok"), *(TABLES[name] for name in NAMES)):
        columns = [name for name in schema.columns if name not in schema.clock_columns | PROVENANCE]
        frame = pl.from_arrow(wh.table(schema.name).select(*columns).to_pyarrow())
        assert isinstance(frame, pl.DataFrame)
        found[schema.name] = sorted(frame.rows(), key=repr)
    return found


@pytest.fixture(scope="module")
def half() -> list[list[str]]:
    lines = records(1)
    return [lines[: len(lines) // 2], lines[len(lines) // 2 :]]


@pytest.fixture
def homes(tmp_path: Path, migrated_home: Path) -> Iterator[Open]:
    """Open a fresh DuckLake at each call."""
    opened: list[Warehouse] = []

    def fresh() -> Warehouse:
        home = tmp_path / f"home{len(opened)}"
        shutil.copytree(migrated_home, home, symlinks=True)
        opened.append(open_warehouse(Settings(home=home, threads=2)))
        return opened[-1]

    yield fresh
    for wh in opened:
        wh.close()


@pytest.fixture(scope="module")
def expected(half: list[list[str]], migrated_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """What one undisturbed ingest of everything gives."""
    folder = tmp_path_factory.mktemp("expected")
    shutil.copytree(migrated_home, folder / "home", symlinks=True)
    wh = open_warehouse(Settings(home=folder / "home", threads=2))
    take(wh, write(folder / "in", *half))
    tables = contents(wh)
    wh.close()
    assert all(tables.values()), {name: len(rows) for name, rows in tables.items()}
    return tables


def test_the_same_files_again_change_nothing(
    homes: Open, half: list[list[str]], expected: Tables, tmp_path: Path
) -> None:
    wh = homes()
    paths = write(tmp_path / "in", *half)
    take(wh, paths)
    take(wh, paths)
    assert contents(wh) == expected


def test_the_order_of_files_and_lines_does_not_matter(
    homes: Open, half: list[list[str]], expected: Tables, tmp_path: Path
) -> None:
    wh = homes()
    shuffled = [random.Random(7).sample(lines, len(lines)) for lines in reversed(half)]
    for path in write(tmp_path / "in", *shuffled):
        take(wh, [path])
    assert contents(wh) == expected


def test_overlapping_files_give_each_record_once(
    homes: Open, half: list[list[str]], expected: Tables, tmp_path: Path
) -> None:
    wh = homes()
    lines = [line for part in half for line in part]
    for path in write(tmp_path / "in", lines[20:], lines[:60]):
        take(wh, [path])
    found, wanted = contents(wh), dict(expected)
    for tables in (found, wanted):  # only how many copies there are differs
        tables["raw_tiktok_data"] = [row for row in tables["raw_tiktok_data"] if "duplicate" not in row]
    assert found == wanted


def test_clickhouse_holds_the_same(
    half: list[list[str]], expected: Tables, tmp_path: Path, migrated_clickhouse: Warehouse
) -> None:
    for path in write(tmp_path / "in", *reversed(half)):
        take(migrated_clickhouse, [path])
    found = contents(migrated_clickhouse)
    for name, rows in expected.items():
        assert len(found[name]) == len(rows), name
        assert found[name] == rows, name


WORKER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from trenddrop.core.settings import Privacy, Settings
from trenddrop.normalized import normalize
from trenddrop.sources import load_source
from trenddrop.staging import ingest
from trenddrop.warehouse import open_warehouse

clock = lambda: datetime.now(UTC)
wh = open_warehouse(Settings(home=Path(sys.argv[1]), threads=1))
print("ready", flush=True)
sys.stdin.readline()
ingest(wh, load_source("tiktok_records"), [Path(path) for path in sys.argv[2:]], privacy=Privacy(), clock=clock)
normalize(wh, clock=clock)
print("done", flush=True)
"""


def worker(home: Path, paths: Sequence[Path]) -> "subprocess.Popen[str]":
    """Start a process that waits for a line before it takes the files in."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(home), *map(str, paths)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def test_two_processes_at_once(migrated_home: Path, half: list[list[str]], expected: Tables, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(migrated_home, home, symlinks=True)
    paths = write(tmp_path / "in", *half)
    both = [worker(home, paths), worker(home, paths[::-1])]
    for process in both:
        go(process)
    assert [process.communicate(timeout=120)[0] for process in both] == ["done\n", "done\n"]
    wh = open_warehouse(Settings(home=home, threads=2))
    assert contents(wh) == expected
    wh.close()


def test_a_process_killed_at_any_moment(
    migrated_home: Path, half: list[list[str]], expected: Tables, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(migrated_home, home, symlinks=True)
    paths = write(tmp_path / "in", *half)
    rng = random.Random(time.time_ns())
    for latest in (0.3, 0.8, 1.5, 2.5):
        process = worker(home, paths)
        go(process)
        time.sleep(rng.uniform(0, latest))
        process.kill()
        process.wait(timeout=60)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdout.close()
    last = worker(home, paths)
    go(last)
    assert last.communicate(timeout=120)[0] == "done\n"
    wh = open_warehouse(Settings(home=home, threads=2))
    assert contents(wh) == expected
    wh.close()
