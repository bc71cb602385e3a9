"""Malformed input at the command line: never a traceback, and no good record beside it is lost."""

import gzip
import io
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

import trenddrop.cli.commands  # noqa: F401 - registers the commands
from trenddrop.cli.app import main
from trenddrop.core.settings import Settings
from trenddrop.warehouse import open_warehouse

HOUR_S = 3600
START_S = 1_767_600_000  # 2026-01-05 08:00


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    def document(self) -> dict[str, Any]:
        """Return the one JSON object of a success."""
        assert self.code == 0, self.err
        assert self.err == ""
        return dict(json.loads(self.out))

    def mistake(self) -> str:
        """Return the one line that a user's mistake is told in."""
        assert self.code == 2, (self.code, self.err)
        assert self.out == ""
        (line,) = self.err.splitlines()
        assert line.startswith("trenddrop: ")
        assert "Traceback" not in line
        return line


def trenddrop(*arguments: object, home: Path) -> Said:
    """Run the command line in this process."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["trenddrop", *map(str, arguments), "--home", str(home), "--json"]
    try:
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = before
    return Said(int(ended.value.code or 0), out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def fresh_home(migrated_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home for mistakes: nothing is ever written to it."""
    home = tmp_path_factory.mktemp("mistakes") / "home"
    shutil.copytree(migrated_home, home, symlinks=True)
    yield home
    warehouse = open_warehouse(Settings(home=home, threads=1))
    assert warehouse.table("ingestion_batches").count().to_pyarrow().as_py() == 0
    warehouse.close()


# --- lines of JSON: one file per kind of malformed record, with good records of its own around it --------------------


def page(name: str, hour: int = 0, **changes: Any) -> bytes:
    """One good record: a hashtag's page as scrapers write it."""
    record = {
        "challenge": {"id": f"{name}-{hour}", "title": name},
        "stats": {"viewCount": 1000 + hour, "videoCount": 10},
        "fetchTime": START_S + hour * HOUR_S,
    }
    return json.dumps(record | changes, ensure_ascii=False).encode()


def odd_page(name: str, views: str = "5", moment: str = str(START_S)) -> bytes:
    return (
        f'{{"challenge":{{"id":"1","title":"{name}"}},"stats":{{"viewCount":{views}}},"fetchTime":{moment}}}'.encode()
    )


BETWEEN: dict[str, list[bytes]] = {  # each of these fails, and the good records around it do not
    "truncated": [page("x")[:40], page("x")[:-1], b"{"],
    "no_object": [b"[1, 2]", b'"text"', b"12", b"null", b"true"],
    "wrong_types": [page("x", fetchTime={}), page("x", fetchTime=True), page("x", stats={"viewCount": "many"})],
    "empty_object": [b"{}", b'{"challenge": null}'],
    "huge_counts": [odd_page("x", "1e400"), odd_page("x", "1" + "0" * 40), odd_page("x", str(2**63))],
    "no_numbers": [odd_page("x", "NaN"), odd_page("x", "Infinity"), odd_page("x", "-5"), odd_page("x", "0x10")],
    "huge_times": [odd_page("x", moment=m) for m in ("1e400", "1" + "0" * 40, str(2**63 - 1), "-1", '"2026-13-45"')],
    "nul_bytes": [b"\0\0\0", odd_page("a\0b"), b"\0" + page("x")],
    "latin_1": ['{"challenge":{"id":"1","title":"café"}}'.encode("latin-1"), b"\xff", b"\xc3\x28"],
    "lone_surrogate": [odd_page("\\ud800")],
    "no_name": [odd_page(""), odd_page("###"), odd_page("\\u3000")],
    "deep": [b"[" * 100_000, b'{"a":' * 5000 + b"1" + b"}" * 5000],
    "binary": [bytes(set(range(256)) - {10, 13}) * 3],
}
GOOD = 3


def good_lines(name: str) -> list[bytes]:
    return [page(name, hour) for hour in range(GOOD)]


def mixed(name: str) -> bytes:
    first, *rest = good_lines(name)
    return b"\n".join([first, *BETWEEN[name], *rest]) + b"\n"


def text(name: str) -> bytes:
    return b"\n".join(good_lines(name)) + b"\n"


def long_text(name: str) -> bytes:
    """Return more than one block of compressed lines."""
    return b"".join(page(name, hour, note=os.urandom(60).hex()) + b"\n" for hour in range(4000))


# of each file: name, content, processed at least, failed; a number of processed records that is not exact is negative
FILES: list[tuple[str, bytes, int, int]] = [
    *((f"{name}.jsonl", mixed(name), GOOD, len(lines)) for name, lines in BETWEEN.items()),
    ("utf_16.jsonl", text("utf_16").decode().encode("utf-16"), GOOD, 0),
    ("utf_16_be.jsonl", b"\xfe\xff" + text("utf_16_be").decode().encode("utf-16-be"), GOOD, 0),
    ("utf_32.jsonl", text("utf_32").decode().encode("utf-32"), GOOD, 0),
    ("utf_16_cut.jsonl", text("utf_16_cut").decode().encode("utf-16")[:-3], GOOD - 1, 1),
    ("utf_16_unmarked.jsonl", text("utf_16_unmarked").decode().encode("utf-16-le"), 0, GOOD + 1),
    ("mark.jsonl", b"\xef\xbb\xbf" + text("mark"), GOOD, 0),
    ("windows.jsonl", text("windows").replace(b"\n", b"\r\n"), GOOD, 0),
    ("blank.jsonl", b"\n \n" + text("blank").replace(b"\n", b"\n\t\n\r\n") + b"\n", GOOD, 0),
    ("only_blank.jsonl", b"\n \n\t\r\n\n", 0, 0),
    ("empty.jsonl", b"", 0, 0),
    ("unfinished.jsonl", text("unfinished") + page("x")[:30], GOOD, 1),
    ("no_end.jsonl", text("no_end").rstrip(), GOOD, 0),
    ("array.jsonl", b"[" + b",".join(good_lines("array")) + b"]", 0, 1),
    ("named.csv", text("named"), GOOD, 0),
    ("named.parquet", text("named_parquet"), 0, 1),
    ("named.exe", text("named_exe"), GOOD, 0),
    ("not_compressed.jsonl.gz", text("not_compressed"), GOOD, 0),
    ("compressed.jsonl", gzip.compress(text("compressed")), GOOD, 0),
    ("two_members.gz", gzip.compress(text("member_1")) + gzip.compress(text("member_2")), 2 * GOOD, 0),
    ("cut.jsonl.gz", gzip.compress(long_text("cut_gz"))[:-4000], -2000, 2),
    ("cut.jsonl.zst", zstandard.compress(long_text("cut_zst"))[:-4000], -500, 2),
    ("cut_head.gz", b"\x1f\x8b", 0, 1),
    ("no_gzip.gz", b"\x1f\x8b" + b"\x99" * 100, 0, 1),
    ("no_zstd.zst", b"\x28\xb5\x2f\xfd" + b"\x99" * 100, 0, 1),
    ("no_parquet.jsonl", b"PAR1" + text("no_parquet"), 0, 1),
    ("caf\udce9.jsonl", text("file_name"), GOOD, 0),
]


@pytest.fixture(scope="module")
def taken(
    migrated_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], pl.DataFrame, pl.DataFrame]:
    """What one ingest of all files said, its batches by file name, and its raw records."""
    folder = tmp_path_factory.mktemp("malformed")
    home = folder / "home"
    shutil.copytree(migrated_home, home, symlinks=True)
    for name, content, *_ in FILES:
        (folder / name).write_bytes(content)
    inputs = [word for name, *_ in FILES for word in ("--input", folder / name)]
    document = trenddrop("ingest", "--source", "tiktok_records", *inputs, home=home).document()
    warehouse = open_warehouse(Settings(home=home, threads=1))
    batches = warehouse.table("ingestion_batches").to_polars()
    raw = warehouse.table("raw_tiktok_data").to_polars().sort("line_number")
    warehouse.close()
    named = batches.with_columns(file=pl.col("source_uri").str.split("/").list.last())
    return document, named, raw


@pytest.mark.parametrize(("file", "processed", "failed"), [(name, *counts) for name, _, *counts in FILES])
def test_malformed_records_fail_and_those_beside_them_do_not(taken, file: str, processed: int, failed: int):
    shown = file.encode(errors="surrogateescape").decode(errors="backslashreplace")
    batch = taken[1].row(by_predicate=pl.col("file") == shown, named=True)
    counts = [batch[f"{status}_records"] for status in ("processed", "failed", "duplicate")]
    assert sum(counts) == batch["total_records"]
    if processed < 0:  # as much as the compressed blocks before the cut hold
        assert counts[0] >= -processed
        assert 1 <= counts[1] <= failed
    else:
        assert counts == [processed, failed, 0]


def test_the_summary_counts_every_record(taken):
    document, batches, raw = taken
    assert document["processed"] + document["failed"] + document["duplicates"] == document["raw_records"]
    assert document["raw_records"] == batches["total_records"].sum() == raw.height


def test_what_failed_keeps_its_text_and_says_why(taken):
    _, batches, raw = taken
    failed = raw.filter(pl.col("processing_status") == "failed")
    assert failed["error_message"].null_count() == 0
    for name in ("truncated", "huge_counts", "nul_bytes", "deep"):
        (batch_id,) = batches.filter(pl.col("file") == f"{name}.jsonl")["batch_id"]
        kept = failed.filter(pl.col("batch_id") == batch_id)["raw_json"].to_list()
        assert kept == [line.decode() for line in BETWEEN[name]]


# --- rows of CSV and Parquet, by a mapping --------------------

MAPPING = {
    "kind": "series",
    "platform": "probe",
    "hashtag": "tag",
    "time": "at",
    "counters": {"view_count": "views"},
}
ROWS = b"tag,at,views\n{0}a,2026-01-01T01:00:00Z,5\n{0}b,2026-01-01T01:00:00Z,7\n{0}c,2026-01-01T02:00:00Z,1.2M\n"
GROUP = 1000  # rows of a Parquet row group


def rows(name: str) -> bytes:
    return ROWS.replace(b"{0}", name.encode())


def wide(name: str, fields: int = 1500) -> bytes:
    header = ["tag", "at", "views", *(f"f{number}" for number in range(fields))]
    start = [name, "2026-01-01T01:00:00Z", "5"]
    good, short = [*start, *['"1,2"'] * fields], [*start, *["1"] * (fields - 1)]
    return "\n".join(",".join(row) for row in (header, good, short)).encode()


def parquet(name: str, count: int = GOOD, **columns: Any) -> bytes:
    tags, moments = [f"{name}{number}" for number in range(count)], ["2026-01-01T01:00:00Z"] * count
    values = {"tag": tags, "at": moments, "views": list(range(count))} | columns
    sink = io.BytesIO()
    pq.write_table(pa.table(values), sink, row_group_size=GROUP, write_page_checksum=True)
    return sink.getvalue()


def corrupt(content: bytes) -> bytes:
    """Damage the second of three row groups."""
    start = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(1).column(2).data_page_offset + 100
    return content[:start] + bytes(byte ^ 0xFF for byte in content[start : start + 9]) + content[start + 9 :]


TABLES: list[tuple[str, bytes, int, int]] = [
    ("good.csv", rows("good"), 3, 0),
    ("ragged.csv", rows("ragged").replace(b",7", b",7,8") + b"d\ne,f\n,,\n", 2, 4),
    ("open_quote.csv", rows("quote").replace(b"quoteb", b'"quoteb'), 2, 1),
    ("quoted.csv", rows("quoted").replace(b"quotedb", b'"quoted,\nb"').replace(b"views", b'"views"'), 3, 0),
    ("comma_in_header.csv", rows("comma").replace(b"views", b'views,"a,b"').replace(b"Z,5", b"Z,5,6"), 1, 2),
    ("utf_16.csv", rows("utf_16").decode().encode("utf-16"), 3, 0),
    ("mark.csv", b"\xef\xbb\xbf" + rows("mark"), 3, 0),
    ("latin_1.csv", rows("latin").replace(b"latinb", b"caf\xe9"), 2, 1),
    ("latin_1_header.csv", rows("header").replace(b"views", b"views,caf\xe9").replace(b"Z,5", b"Z,5,6"), 1, 2),
    ("old_mac.csv", rows("mac").replace(b"\n", b"\r"), 3, 0),
    ("windows.csv", rows("windows").replace(b"\n", b"\r\n"), 3, 0),
    ("huge.csv", rows("huge").replace(b",5", b",1e400").replace(b",7", b"," + b"9" * 41), 1, 2),
    ("times.csv", rows("times").replace(b"2026-01-01T02", b"2026-01-01T25"), 2, 1),
    ("wide.csv", wide("wide"), 1, 1),
    ("blank_first.csv", b"\n\n" + rows("blank"), 3, 0),
    ("header_only.csv", b"tag,at,views\n", 0, 0),
    ("empty.csv", b"", 0, 0),
    ("cut.csv.gz", gzip.compress(rows("cut"))[:-9], 3, 1),
    ("good.parquet", parquet("pq"), 3, 0),
    ("named.jsonl", parquet("named"), 3, 0),
    ("packed.parquet.zst", zstandard.compress(parquet("packed")), 3, 0),
    ("nulls.parquet", parquet("nulls", tag=["n", None, ""]), 1, 2),
    ("cut.parquet", parquet("cut_pq")[:-10], 0, 1),
    ("corrupt.parquet", corrupt(parquet("corrupt", 3 * GROUP)), 2 * GROUP, 1),
    ("nested.parquet", parquet("nested", views=[b"\xff\xfe", b"x", None], at=[{"a": 1}] * 3), 0, 3),
    ("no_rows.parquet", parquet("none", 0), 0, 0),
]


@pytest.fixture(scope="module")
def rows_taken(migrated_home: Path, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """The batches of one ingest of all tables."""
    folder = tmp_path_factory.mktemp("tables")
    home = folder / "home"
    shutil.copytree(migrated_home, home, symlinks=True)
    (folder / "mapping.yaml").write_text(json.dumps(MAPPING))
    for name, content, *_ in TABLES:
        (folder / name).write_bytes(content)
    inputs = [word for name, *_ in TABLES for word in ("--input", folder / name)]
    document = trenddrop("ingest", "--source", folder / "mapping.yaml", *inputs, home=home).document()
    assert document["processed"] + document["failed"] + document["duplicates"] == document["raw_records"]
    warehouse = open_warehouse(Settings(home=home, threads=1))
    batches = warehouse.table("ingestion_batches").to_polars()
    warehouse.close()
    return batches.with_columns(file=pl.col("source_uri").str.split("/").list.last())


@pytest.mark.parametrize(("file", "processed", "failed"), [(name, *counts) for name, _, *counts in TABLES])
def test_malformed_rows_fail_and_those_beside_them_do_not(rows_taken, file: str, processed: int, failed: int):
    batch = rows_taken.row(by_predicate=pl.col("file") == file, named=True)
    counts = [batch[f"{status}_records"] for status in ("processed", "failed", "duplicate")]
    assert sum(counts) == batch["total_records"]
    assert counts == [processed, failed, 0]


# --- what is no readable input at all, and wrong configs: one line, exit code 2, nothing written --------------------


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """A folder with a good file, and much that is none."""
    (tmp_path / "good.jsonl").write_bytes(text("good"))
    (tmp_path / "good.csv").write_bytes(rows("good"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "pool")
    (tmp_path / "pool").symlink_to(tmp_path / "loop")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "locked.jsonl").write_bytes(text("locked"))
    (tmp_path / "locked.jsonl").chmod(0)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing.jsonl", "no such file"),
        ("folder", "is a directory"),
        ("loop", "loop"),
        ("dangling", "no such file"),
        ("pipe", "not a regular file"),
        ("x" * 300, "cannot be read"),
        ("good.jsonl/inside", "inside"),
        pytest.param(
            "locked.jsonl",
            "Permission denied",
            marks=pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything"),
        ),
    ],
)
def test_a_path_that_is_no_file_stops_before_anything_is_written(inputs: Path, fresh_home: Path, name: str, says: str):
    paths = ("--input", inputs / "good.jsonl", "--input", inputs / name)
    assert says in trenddrop("ingest", "--source", "tiktok_records", *paths, home=fresh_home).mistake()


def changed(**changes: Any) -> bytes:
    return json.dumps(MAPPING | changes).encode()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (changed(counters={"view_count": "nope"}), "'nope' (as counters.view_count)"),
        (changed(time="when"), "'when' (as time)"),
        (changed(hashtag='na"me\\'), "as hashtag"),
        (changed(counters={"view_count": "a.b.c"}), "a.b.c"),
        (changed(counters={"view_count": "*"}), "pattern"),
        (changed(bogus=1), "bogus"),
        (changed(filters=[{"field": "tag", "op": "matches", "value": "("}]), "missing )"),
        (changed(time={"field": "at", "format": "%Q"}), "%Q"),
        (changed(time={"field": "at", "timezone": "Mars"}), "Mars"),
        (changed(platform=5), "platform"),
        (changed(kind="nope"), "kind"),
        (b"{a: [}", "YAML"),
        (b"- 1\n", "mapping"),
        (b"", "mapping"),
        (b"platform: caf\xe9\n", "utf-8"),
        (b"a\0b: 1\n", "YAML"),
    ],
)
def test_a_wrong_mapping_stops_before_anything_is_written(
    inputs: Path, fresh_home: Path, content: bytes, says: str, tmp_path: Path
):
    (tmp_path / "mapping.yaml").write_bytes(content)
    arguments = ("--source", tmp_path / "mapping.yaml", "--input", inputs / "good.csv")
    assert says in trenddrop("ingest", *arguments, home=fresh_home).mistake()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--source"),
        (("--source", "nowhere"), "--input"),
        (("--source", "nowhere", "--input", "x"), "weibo_hot_search"),
        (("--source", "nowhere.yaml", "--input", "x"), "nowhere.yaml"),
        (("--bogus",), "--bogus"),
        (("--source", "tiktok_records", "--input", "x", "--fetched-at", "1e400"), "1e400"),
        (("--source", "tiktok_records", "--input", "x", "--fetched-at", "99999-01-01"), "99999"),
    ],
)
def test_a_wrong_option_is_told_in_one_line(fresh_home: Path, arguments: Sequence[str], says: str):
    assert says in trenddrop("ingest", *arguments, home=fresh_home).mistake()


@pytest.mark.parametrize(("option", "says"), [("--model", "YAML"), ("--label", "YAML")])
def test_a_wrong_recipe_stops_a_run_before_anything_is_written(inputs: Path, fresh_home: Path, option: str, says: str):
    (inputs / "broken.yaml").write_bytes(b"{a: [}")
    arguments = ("--source", "tiktok_records", "--input", inputs / "good.jsonl", option, inputs / "broken.yaml")
    assert says in trenddrop("run", *arguments, home=fresh_home).mistake()


@pytest.mark.parametrize("content", [b'{"video_id":', b"[1, 2]", b'{"video_id":"caf\xe9"}', b"\0", b"[" * 100_000])
def test_videos_that_cannot_be_read_are_told_in_one_line(fresh_home: Path, tmp_path: Path, content: bytes):
    path = tmp_path / "videos.json"
    path.write_bytes(content)
    assert "videos.json" in trenddrop("match", path, home=fresh_home).mistake()


def test_a_home_that_is_a_file_is_told_in_one_line(tmp_path: Path):
    (tmp_path / "home").touch()
    assert "--home" in trenddrop("doctor", home=tmp_path / "home").mistake()


def test_a_run_on_garbage_says_which_check_failed(tmp_path: Path, migrated_home: Path):
    shutil.copytree(migrated_home, tmp_path / "home", symlinks=True)
    (tmp_path / "garbage.jsonl").write_bytes(os.urandom(2000) + b"\n\0\n")
    arguments = ("--source", "tiktok_records", "--input", tmp_path / "garbage.jsonl")
    assert "some_hashtags" in trenddrop("run", *arguments, home=tmp_path / "home").mistake()
