import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trenddrop.staging.rows import csv_chunks, parquet_chunks


def rows(chunks: Any) -> list[tuple[int, Any, str | None]]:
    return [
        (number, json.loads(text) if reason is None else text, reason)
        for chunk in chunks
        for number, text, reason in chunk.rows()
    ]


def csv(folder: Path, text: str | bytes) -> list[tuple[int, Any, str | None]]:
    path = folder / "x.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return rows(csv_chunks(path))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_seen_from_the_header(tmp_path: Path, delimiter: str) -> None:
    text = "tag,views\ntea,5\n\ncoffee,\n".replace(",", delimiter)
    assert csv(tmp_path, text) == [(2, {"tag": "tea", "views": "5"}, None), (4, {"tag": "coffee", "views": ""}, None)]


def test_quoted_fields(tmp_path: Path) -> None:
    found = csv(tmp_path, '"tag",note\n"a, b","say ""hi"""\nc,5" screen\n"two\nlines",x\n')
    assert [record for _, record, _ in found] == [
        {"tag": "a, b", "note": 'say "hi"'}, {"tag": "c", "note": '5" screen'}, {"tag": "two\nlines", "note": "x"},
    ]  # fmt: skip


def test_malformed_rows_are_kept_as_they_stand_beside_good_ones(tmp_path: Path) -> None:
    found = csv(tmp_path, b'tag,views\na,1\nb\nc,2,3\n"open,4\nd,5\n\xff,6\n')
    assert [(number, record) for number, record, reason in found if reason is None] == [
        (2, {"tag": "a", "views": "1"}), (6, {"tag": "d", "views": "5"}),
    ]  # fmt: skip
    bad = [(number, text) for number, text, reason in found if reason is not None]
    assert bad == [(3, "b"), (4, "c,2,3"), (5, '"open,4'), (7, "base64:/yw2")]
    assert "does not have the 2 fields of the header" in str(found[1][2])


def test_names_that_repeat_or_are_empty_are_told_apart(tmp_path: Path) -> None:
    assert csv(tmp_path, "a,a,\n1,2,3\n")[0][1] == {"a": "1", "a_2": "2", "column_3": "3"}


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("a,a_2,a", ["a", "a_2", "a_3"]),
        ("a,a,a_2", ["a", "a_3", "a_2"]),
        ("a,a,a_2,a_2,a", ["a", "a_3", "a_2", "a_2_2", "a_4"]),
        ("column_2,", ["column_2", "column_2_2"]),
        (",,column_2", ["column_1", "column_2_2", "column_2"]),
    ],
)
def test_a_name_with_a_number_is_never_one_that_is_given(tmp_path: Path, header: str, names: list[str]) -> None:
    ((_, record, reason),) = csv(tmp_path, f"{header}\n{header}\n")
    assert (list(record), list(record.values()), reason) == (names, header.split(","), None)


@pytest.mark.parametrize("text", ["", "tag,views\n"])
def test_without_rows_there_are_no_records(tmp_path: Path, text: str) -> None:
    assert csv(tmp_path, text) == []


def test_parquet_rows_become_json(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    frame = pl.DataFrame(
        {
            "tag": ["tea", None], "at": [datetime(2025, 1, 1, 10, tzinfo=UTC), None], "day": [date(2025, 1, 1), None],
            "views": [1.5, float("nan")], "raw": [b"text", b"\xff"], "tags": [["a"], []], "n": [1, 2**62],
        }
    )  # fmt: skip
    frame.write_parquet(path)
    (one, first, _), (two, second, _) = rows(parquet_chunks(path))
    assert (one, two) == (1, 2)
    assert (first["tag"], first["day"], first["views"], first["tags"], first["n"]) == (
        "tea",
        "2025-01-01",
        1.5,
        ["a"],
        1,
    )
    assert first["at"].startswith("2025-01-01 10:00:00") or first["at"].startswith("2025-01-01T10:00:00")
    assert (second["views"], second["n"], second["raw"]) == (None, 2**62, "/w==")


def test_a_broken_parquet_file_is_one_failed_record(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1" + b"rubbish" * 20)
    ((_, _, reason),) = rows(parquet_chunks(path))
    assert str(reason).startswith("file: is not a readable Parquet file")
