from pathlib import Path

import pytest

from trenddrop.staging.records import format_of


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jsonl", "jsonl"),
        ("a.jsonl.zst", "jsonl"),
        ("a.csv", "csv"),
        ("a.CSV.gz", "csv"),
        ("a.tsv", "csv"),
        ("a", "jsonl"),
    ],
)
def test_the_format_is_seen_from_the_name(name: str, kind: str) -> None:
    assert format_of(Path(name)) == kind


def test_parquet_is_seen_from_the_content(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"PAR1...")
    assert format_of(tmp_path / "data") == "parquet"
