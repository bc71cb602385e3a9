"""What only DuckLake promises: several processes, SIGKILL, and a disk that forgets."""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from trenddrop.core.settings import Settings
from trenddrop.schemas import TableSchema
from trenddrop.warehouse import DuckLakeWarehouse, Warehouse, open_warehouse
from trenddrop.warehouse.migrations import MIGRATIONS

WRITER = Path(__file__).with_name("writer.py")
COLUMNS = {"writer": "!string", "n": "!int64", "batch_id": "!string"}
SIDES = [TableSchema(name=name, columns=COLUMNS, key=("n",)) for name in ("left_side", "right_side")]


@pytest.fixture
def folder(settings: Settings) -> Path:
    return settings.home.parent


@pytest.fixture
def reader(wh: Warehouse) -> Warehouse:
    for side in SIDES:
        wh.ensure_table(side)
    return wh


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def start(task: str, folder: Path, writer: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(WRITER), task, str(folder), writer])


def wait_until(paths: list[Path]) -> None:
    deadline = time.monotonic() + 120
    while not all(path.exists() for path in paths):
        assert time.monotonic() < deadline, f"not there: {[path for path in paths if not path.exists()]}"
        time.sleep(0.02)


def count(warehouse: Warehouse, name: str) -> int:
    return warehouse.table(name).count().to_pyarrow().as_py()


def test_three_writers_beside_an_open_reader_lose_nothing_and_double_nothing(
    reader: Warehouse, folder: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    processes += [start("append", folder, writer) for writer in "abc"]
    wait_until([folder / f"ready_{writer}" for writer in "abc"])
    (folder / "go").touch()
    seen = [0]
    while any(process.poll() is None for process in processes):
        seen.append(count(reader, "left_side"))
        time.sleep(0.05)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert seen == sorted(seen)

    left = reader.table("left_side").to_polars()
    expected = {(writer, n): 1 for writer in ("a", "b", "c", "all") for n in range(4)}
    assert Counter(left.select("writer", "n").iter_rows()) == expected
    assert sorted(reader.table("right_side").to_polars()["n"]) == list(range(12))  # one claim: no number twice
    ran = [json.loads((folder / f"ran_{writer}").read_text()) for writer in "abc"]
    expected = [migration.version for migration in MIGRATIONS]
    assert sorted(version for done in ran for version in done) == expected  # each ran in one of the three


def test_sigkill_inside_a_transaction_leaves_all_of_it_or_none(
    reader: Warehouse, folder: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    rng = random.Random(7)
    held = 0
    for _ in range(2):
        process = start("for ever", folder, "killed")
        processes.append(process)
        wait_until([folder / "ready_killed"])
        (folder / "ready_killed").unlink()
        while count(reader, "left_side") <= held:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.2))
        process.kill()
        process.wait()
        held = count(reader, "left_side")
        assert count(reader, "right_side") == held
    reader.compact()  # takes away what the killed left
    reader.transact(lambda: reader.append("left_side", pl.DataFrame({"writer": "me", "n": 1, "batch_id": ""})))
    assert (count(reader, "left_side"), count(reader, "right_side")) == (held + 1, held)
    files = set(reader.table("left_side").to_polars()["writer"])
    assert files == {"killed", "me"}


def test_a_deleted_text_leaves_the_disk_when_history_goes(wh: DuckLakeWarehouse, settings: Settings) -> None:
    wh.ensure_table(SIDES[0])
    small = pl.DataFrame({"writer": ["the person's name", "kept"], "n": [1, 2], "batch_id": ["b", "b"]})
    wh.append("left_side", small)
    wh.append("left_side", pl.concat([small] * 300))
    wh.delete("left_side", pl.DataFrame({"writer": ["the person's name"]}))
    wh.compact(keep_history=False)
    assert count(wh, "left_side") == 301
    for path in settings.home.rglob("*"):
        if path.suffix == ".parquet":
            assert "the person's name" not in str(pl.read_parquet(path).rows())
        elif path.is_file() and path.suffix != ".duckdb_extension":
            assert b"the person's name" not in path.read_bytes(), path


def test_a_home_of_another_installation_opens(settings: Settings) -> None:
    link = settings.home / "extensions" / "sqlite_scanner.duckdb_extension"
    link.unlink()
    link.symlink_to("/another/installation/sqlite.duckdb_extension")
    with closing(open_warehouse(settings)) as warehouse:
        assert count(warehouse, "hashtags") == 0
    assert link.exists()
    assert {path.name for path in link.parent.iterdir()} == {link.name}


def test_a_claim_inside_a_transaction_holds_too(wh: DuckLakeWarehouse) -> None:
    attempts = []

    def body() -> str:
        attempts.append(1)
        return wh.transact(lambda: "done", claim="inner")

    assert wh.transact(body) == "done"
    assert len(attempts) == 2  # the first found no row for the claim and began again
    assert wh.transact(body) == "done"
    assert len(attempts) == 3


def test_a_home_can_be_opened_twice_in_one_process(wh: Warehouse, settings: Settings) -> None:
    wh.ensure_table(SIDES[0])
    other = open_warehouse(settings)
    other.append("left_side", pl.DataFrame({"writer": "x", "n": 1, "batch_id": ""}))
    other.close()
    assert count(wh, "left_side") == 1


def test_no_two_warehouses_spill_into_one_folder(settings: Settings) -> None:
    def spill_folder(warehouse: Warehouse) -> Path:
        query = warehouse.backend.sql("SELECT current_setting('temp_directory') AS folder")
        return Path(query.to_pyarrow()["folder"][0].as_py())

    one, other = open_warehouse(settings), open_warehouse(settings)
    folders = {spill_folder(one), spill_folder(other)}
    assert len(folders) == 2
    assert {folder.parent for folder in folders} == {settings.home / "tmp"}
    one.close()
    other.close()
    assert not list((settings.home / "tmp").iterdir())


def test_the_engine_draws_nothing_on_standard_output(wh):
    (setting,) = wh.backend.con.execute("SELECT current_setting('enable_progress_bar')").fetchone()
    assert setting is False
