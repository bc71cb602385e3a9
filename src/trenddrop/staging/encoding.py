"""Bytes as UTF-8, whatever their byte order mark says they are."""

import codecs
from collections.abc import Iterator

_MARKS = (  # those of UTF-32 first: one of them begins with one of UTF-16
    (codecs.BOM_UTF8, None),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LONGEST_MARK = 4


def utf8(blocks: Iterator[bytes]) -> Iterator[bytes]:
    r"""Yield the content without its byte order mark, in UTF-8 where the mark names another encoding.

    Bytes that are no text of that encoding are spelt out, so that they spoil no more than their own record.

    >>> b"".join(utf8(iter([b"\xff\xfea\x00", b"b\x00\x00"])))
    b'ab\\x00'
    """
    start = b""
    for block in blocks:
        start += block
        if len(start) >= _LONGEST_MARK:
            break
    mark, encoding = next(((mark, name) for mark, name in _MARKS if start.startswith(mark)), (b"", None))
    content = start[len(mark) :] if mark else start
    if encoding is None:
        yield content
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="backslashreplace")
    yield decoder.decode(content).encode()
    for block in blocks:
        yield decoder.decode(block).encode()
    yield decoder.decode(b"", final=True).encode()
