"""The ids of hashtags: every distinct name as written is normalized once."""

import ibis.expr.types as ir
import polars as pl

from trenddrop.core.ids import normalized_name
from trenddrop.sources.source import Parsed
from trenddrop.staging.engine import ParsingEngine

# Characters that normalization leaves alone, but for ASCII capitals: ASCII, Chinese characters, Hangul syllables.
_PLAIN = r"^[ -~\x{4e00}-\x{9fff}\x{ac00}-\x{d7a3}、。《》「」]*$"


def hashtag_names(parsed: Parsed, *, platform: str, engine: ParsingEngine) -> ir.Table:
    """Return ``written``, ``name`` (normalized), ``hashtag_id`` and ``hashtag_no`` of every name in the parsed records.

    ``hashtag_no`` is a number that stands for the id while this group of files is worked on.
    """
    parts = []
    if parsed.hashtags is not None:
        parts.append(parsed.hashtags.select(written="name"))
    if parsed.videos is not None:
        parts.append(parsed.videos.select(written=parsed.videos.tags.unnest()))
    written = parts[0] if len(parts) == 1 else parts[0].union(parts[1])
    distinct = written.filter(written.written.notnull()).distinct().to_pyarrow()["written"]
    names = normalized_names(pl.Series(pl.from_arrow(distinct)))
    numbered = names.with_row_index("place").select(
        "written",
        "name",
        hashtag_id=pl.lit(f"{platform}:") + pl.col("name"),
        hashtag_no=pl.col("place").first().over("name").cast(pl.Int64),
    )
    return engine.hold(numbered.to_arrow())


def normalized_names(written: pl.Series) -> pl.DataFrame:
    """Return ``written`` and ``name`` as :func:`trenddrop.core.ids.normalized_name` gives it, without empty names.

    >>> normalized_names(pl.Series(["#Ａ", " # "])).rows()
    [('#Ａ', 'a')]
    """
    frame = pl.DataFrame({"written": written}, schema={"written": pl.String})
    is_plain = pl.col("written").str.contains(_PLAIN)
    plain = frame.filter(is_plain).with_columns(
        name=pl.col("written").str.strip_chars(" ").str.strip_chars_start("#").str.strip_chars(" ").str.to_lowercase()
    )
    odd = frame.filter(~is_plain)
    odd = odd.with_columns(name=pl.Series([normalized_name(name) for name in odd["written"]], dtype=pl.String))
    return pl.concat([plain, odd]).filter(pl.col("name") != "")
