"""Functions of the embedded engine that Ibis has no word for.

Records are parsed in DuckDB whatever engine the warehouse uses, so they are for ``sources`` and ``staging`` only.
"""

from collections.abc import Sequence
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

_INSTANT = dt.Timestamp("UTC", 6)
_builtin = ibis.udf.scalar.builtin


@_builtin(name="json_extract_string", signature=((dt.string, dt.Array(dt.string)), dt.Array(dt.string)))
def _extract_strings(text: Any, paths: Any) -> Any:
    """Return the value at each path as text."""


@_builtin(name="json_extract_string", signature=((dt.string, dt.string), dt.Array(dt.string)))
def _extract_list(text: Any, path: Any) -> Any:
    """Return every value that a path with a wildcard meets, as text."""


@_builtin(name="TRY", signature=((dt.Array(dt.string),), dt.Array(dt.string)))
def _try_list(value: Any) -> Any:
    """Return null where the expression raises."""


@_builtin(name="TRY", signature=((dt.boolean,), dt.boolean))
def _try_boolean(value: Any) -> Any:
    """Return null where the expression raises."""


@_builtin(name="TRY", signature=((dt.string,), dt.string))
def _try_string(value: Any) -> Any:
    """Return null where the expression raises."""


@_builtin(name="json_type", signature=((dt.string, dt.string), dt.string))
def _json_type(text: Any, path: Any) -> Any:
    """Return the JSON type of the value at the path."""


@_builtin(name="json_exists", signature=((dt.string, dt.string), dt.boolean))
def _json_exists(text: Any, path: Any) -> Any:
    """Return whether the path exists, be its value null or not."""


@_builtin(name="json_keys", signature=((dt.string,), dt.Array(dt.string)))
def _json_keys(text: Any) -> Any:
    """Return the keys of the object."""


@_builtin(name="make_timestamptz", signature=((dt.int64,), _INSTANT))
def _make_timestamptz(micros: Any) -> Any:
    """Return the instant so many microseconds after 1970."""


@_builtin(name="epoch_us", signature=((_INSTANT,), dt.int64))
def _epoch_us(moment: Any) -> Any:
    """Return microseconds since 1970."""


@_builtin(name="timezone", signature=((dt.string, dt.Timestamp()), _INSTANT))
def _timezone(zone: Any, local: Any) -> Any:
    """Return the instant at which a clock in the zone shows the local time."""


@_builtin(name="try_strptime", signature=((dt.string, dt.string), dt.Timestamp()))
def _try_strptime(text: Any, pattern: Any) -> Any:
    """Return the local time that the text shows."""


@_builtin(name="md5", signature=((dt.string,), dt.string))
def _md5(text: Any) -> Any:
    """Return 32 hexadecimal characters."""


@_builtin(name="sha256", signature=((dt.binary,), dt.string))
def _sha256(data: Any) -> Any:
    """Return 64 hexadecimal characters."""


@_builtin(name="unhex", signature=((dt.string,), dt.binary))
def _unhex(text: Any) -> Any:
    """Return the bytes that hexadecimal text spells."""


@_builtin(name="hex", signature=((dt.string,), dt.string))
def _hex(text: Any) -> Any:
    """Return the UTF-8 bytes of the text in hexadecimal."""


@_builtin(name="array_to_string", signature=((dt.Array(dt.string), dt.string), dt.string))
def _array_to_string(parts: Any, separator: Any) -> Any:
    """Join texts, leaving out nulls."""


@_builtin(name="trim", signature=((dt.string, dt.string), dt.string))
def _trim(text: Any, characters: Any) -> Any:
    """Remove characters from both ends."""


_SPACE = " \t\n\r\u00a0\u3000"  # to look for them first is much faster than to trim what needs no trimming


def fields(text: ir.StringValue, names: list[str]) -> ir.ArrayValue:
    """Return the named fields as text (``a.b`` goes into objects); null where the text is not JSON."""
    return _try_list(_extract_strings(text, ibis.literal([json_path(name) for name in names], type="array<string>")))


def items(text: ir.StringValue, path: str) -> ir.ArrayValue:
    """Return all values that a JSON path with a wildcard meets; null where the text is not JSON."""
    return _try_list(_extract_list(text, ibis.literal(path)))


def json_type(text: ir.StringValue, name: str) -> ir.StringValue:
    """Return OBJECT, ARRAY, VARCHAR, ... of a field; null where there is none."""
    return _try_string(_json_type(text, ibis.literal(json_path(name))))


def has_field(text: ir.StringValue, name: str) -> ir.BooleanValue:
    """Return whether the field is there, be it null or not; null where the text is not JSON."""
    return _try_boolean(_json_exists(text, ibis.literal(json_path(name))))


def keys(text: ir.StringValue) -> ir.ArrayValue:
    """Return the keys of the outermost object; null where the text is not JSON."""
    return _try_list(_json_keys(text))


def instant(micros: ir.IntegerValue) -> ir.TimestampValue:
    """Return the UTC instant so many microseconds after 1970."""
    return _make_timestamptz(micros)


def epoch_us(moment: ir.TimestampValue) -> ir.IntegerValue:
    """Return microseconds since 1970."""
    return _epoch_us(moment)


def instant_of_local(local: ir.TimestampValue, zone: str) -> ir.TimestampValue:
    """Return the instant at which a clock in the zone shows the local time."""
    return _timezone(ibis.literal(zone), local)


def local_time(text: ir.StringValue, pattern: str) -> ir.TimestampValue:
    """Return the local time that the text shows in a strptime pattern, or null."""
    return _try_strptime(text, ibis.literal(pattern))


def content_hash(text: ir.StringValue) -> ir.StringValue:
    """Return the MD5 of the text in hexadecimal: it tells copies apart from other records, and guards nothing."""
    return _md5(text)


def keyed_hash(text: ir.StringValue, *, key: str) -> ir.StringValue:
    """Return what :func:`trenddrop.core.ids.keyed_hash` returns, for a column."""
    block = key.encode().ljust(64, b"\0")
    if len(block) > 64:
        import hashlib  # noqa: PLC0415 - keys this long are rare

        block = hashlib.sha256(key.encode()).digest().ljust(64, b"\0")
    inner = bytes(byte ^ 0x36 for byte in block).hex()
    outer = bytes(byte ^ 0x5C for byte in block).hex()
    digest = _sha256(_unhex(ibis.literal(inner) + _hex(text)))
    return ibis.literal("u_") + _sha256(_unhex(ibis.literal(outer) + digest)).left(16)


def join_reasons(reasons: Sequence[ir.StringValue]) -> ir.StringValue:
    """Return the reasons that are not null, joined by ``; ``; null where there is none."""
    return _array_to_string(ibis.array(list(reasons)), ibis.literal("; ")).nullif("")


def strip(text: ir.StringValue) -> ir.StringValue:
    """Remove spaces (also wide and unbreakable ones), tabs and line ends from both ends."""
    is_padded = ibis.or_(*(text.startswith(space) | text.endswith(space) for space in _SPACE))
    return ibis.ifelse(is_padded, _trim(text, ibis.literal(_SPACE)), text)


def json_path(name: str) -> str:
    """Return the JSON path of a field name: ``a.b`` goes into objects, other characters are quoted.

    >>> json_path("authorMeta.id")
    '$."authorMeta"."id"'
    """
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return "$" + "".join(f'."{part}"' for part in quoted.split("."))
