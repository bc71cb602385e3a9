"""The ids of hashtags: names that the engine could not normalize are normalized here, each distinct one once."""

import ibis
import ibis.expr.types as ir
import polars as pl

from trenddrop.core.ids import normalized_name
from trenddrop.staging.engine import ParsingEngine


def with_hashtag_ids(named: ir.Table, *, platform: str, engine: ParsingEngine) -> ir.Table:
    """Replace ``name`` (as written) and ``plain`` by ``name`` (normalized), ``written`` and ``hashtag_id``.

    Rows whose name is empty once it is normalized are left out.
    """
    named = named.rename(written="name")
    odd = named.filter(named.plain.isnull() & named.written.notnull()).select("written").distinct()
    written = pl.Series(pl.from_arrow(odd.to_pyarrow()["written"]))
    if len(written):
        names = engine.hold(normalized_names(written).to_arrow())
        joined = named.left_join(names, named.written == names.odd)
        named = joined.mutate(name=ibis.coalesce(joined.plain, joined.name)).drop("odd")
    else:
        named = named.mutate(name=named.plain)
    named = named.filter(named.name != "")
    return named.mutate(hashtag_id=ibis.literal(f"{platform}:") + named.name).drop("plain")


def normalized_names(written: pl.Series) -> pl.DataFrame:
    """Return ``odd`` (the name as written) and ``name`` as :func:`trenddrop.core.ids.normalized_name` gives it.

    >>> normalized_names(pl.Series(["＃Ａ"])).rows()
    [('＃Ａ', 'a')]
    """
    names = [normalized_name(name) for name in written]
    return pl.DataFrame({"odd": written, "name": names}, schema={"odd": pl.String, "name": pl.String})
