import base64
import gzip
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from trenddrop.staging.lines import NOT_UTF8, line_chunks, split_lines

Record = tuple[int, str, str | None]


def records(path: Path, *, chunk_bytes: int = 2**28) -> list[Record]:
    return [row for chunk in line_chunks(path, chunk_bytes=chunk_bytes) for row in chunk.rows()]


def write(folder: Path, data: bytes, name: str = "x.jsonl") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n\n \t\n", []),
        (b"a", [(1, "a")]),
        (b"a\nb\n", [(1, "a"), (2, "b")]),
        (b"a\r\n\r\nb\r\n", [(1, "a"), (3, "b")]),
        (b"\xef\xbb\xbfa\n", [(1, "a")]),
        ("é\nü\n".encode("utf-16"), [(1, "é"), (2, "ü")]),
        (b" a \n", [(1, " a ")]),
        (b"a\x00b\n", [(1, "a\x00b")]),
    ],
)
def test_lines(tmp_path: Path, data: bytes, lines: list[tuple[int, str]]) -> None:
    assert records(write(tmp_path, data)) == [(number, text, None) for number, text in lines]


def test_lines_that_are_not_utf8_are_kept_as_base64_beside_good_ones(tmp_path: Path) -> None:
    found = records(write(tmp_path, b"good\n\xff\xfe\r\n\x80\ngood too"))
    assert found == [
        (1, "good", None),
        (2, "base64:" + base64.b64encode(b"\xff\xfe").decode(), NOT_UTF8),
        (3, "base64:" + base64.b64encode(b"\x80").decode(), NOT_UTF8),
        (4, "good too", None),
    ]


@pytest.mark.parametrize("name", ["x.gz", "x.zst", "no_suffix"])
def test_compression_is_known_by_its_first_bytes(tmp_path: Path, name: str) -> None:
    data = b"a\nb\n"
    packed = {"x.gz": gzip.compress(data), "x.zst": zstandard.compress(data), "no_suffix": zstandard.compress(data)}[
        name
    ]
    assert records(write(tmp_path, packed, name)) == [(1, "a", None), (2, "b", None)]


def test_concatenated_members_are_one_stream(tmp_path: Path) -> None:
    assert records(write(tmp_path, gzip.compress(b"a\n") + gzip.compress(b"b\n"))) == [(1, "a", None), (2, "b", None)]
    parts = zstandard.compress(b"a\n") + zstandard.compress(b"b\n")
    assert records(write(tmp_path, parts)) == [(1, "a", None), (2, "b", None)]


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
@pytest.mark.parametrize("fault", ["cut", "corrupt"])
def test_good_lines_before_the_damage_are_kept(tmp_path: Path, kind: str, fault: str) -> None:
    lines = [f"line {number * 7919 % 100_003}" for number in range(60_000)]
    data = "\n".join(lines).encode()
    packed = gzip.compress(data) if kind == "gzip" else zstandard.ZstdCompressor(write_checksum=True).compress(data)
    half = len(packed) * 3 // 4
    packed = packed[:half] if fault == "cut" else packed[:half] + bytes(64) + packed[half + 64 :]
    found = records(write(tmp_path, packed))
    *kept, last = found
    assert last[2] is not None
    assert last[2].startswith(f"file: the {kind} stream ")
    good = [text for _, text, _ in kept[:-1]]  # the last line may be cut off
    assert good == lines[: len(good)]
    assert len(good) > 1000 or fault == "corrupt"


def test_a_file_read_in_pieces_has_the_same_lines(tmp_path: Path) -> None:
    path = write(tmp_path, b"\n".join(b"x" * (number % 40) for number in range(500)))
    assert records(path, chunk_bytes=64) == records(path)


@settings(max_examples=60, deadline=None)
@given(parts=st.lists(st.binary(max_size=12), max_size=20))
def test_no_line_is_lost_and_every_byte_of_bad_ones_is_kept(parts: list[bytes]) -> None:
    frame, count = split_lines(b"\n".join(parts), first=1)
    data = b"\n".join(parts)
    expected = data.split(b"\n") if not data.endswith(b"\n") else data.split(b"\n")[:-1]
    assert count == (len(expected) if data else 0)
    kept = {number: (text, reason) for number, text, reason in frame.rows()}
    for number, line in enumerate(expected if data else [], start=1):
        line = line.rstrip(b"\r")
        try:
            text = line.decode()
        except UnicodeDecodeError:
            assert base64.b64decode(kept[number][0].removeprefix("base64:")).rstrip(b"\r") == line
            continue
        assert kept.get(number, ("", None))[0].strip() == text.strip()
