import codecs

import pytest

from trenddrop.staging.encoding import utf8

TEXT = '{"a": "é 𝄞"}\n{"b": 1}\n'


def decoded(data: bytes, block: int) -> bytes:
    return b"".join(utf8(data[start : start + block] for start in range(0, len(data), block)))


@pytest.mark.parametrize("block", [1, 2, 3, 5, 1000])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_marked_text_is_utf_8_however_it_is_cut_into_blocks(encoding: str, block: int):
    assert decoded(TEXT.encode(encoding), block) == TEXT.encode()


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-32-be"])
def test_the_order_of_bytes_follows_the_mark(encoding: str):
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else codecs.BOM_UTF32_BE
    assert decoded(mark + TEXT.encode(encoding), 7) == TEXT.encode()


def test_what_is_no_text_is_spelt_out_and_spoils_nothing_else():
    broken = codecs.BOM_UTF16_LE + "a\n".encode("utf-16-le") + b"\x00\xd8" + "b\nc".encode("utf-16-le") + b"\x01"
    assert decoded(broken, 4) == rb"a" + b"\n" + rb"\x00\xd8b" + b"\n" + rb"c\x01"


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\xef\xbb", b"caf\xe9\n\0"])
def test_without_a_mark_nothing_changes(data: bytes):
    marks = (b"\xff\xfe", b"\xef\xbb\xbf")
    assert decoded(data, 1) == (b"" if data in marks else data)
