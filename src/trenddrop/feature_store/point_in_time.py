"""The point-in-time join: what was known at each moment, and nothing that came later.

A feature row is visible from ``max(event_timestamp, created_timestamp)``. For an entity row at T the join takes
the visible row with the greatest event timestamp, of those with the same one the latest created, unless its event
lies more than the time to live before T.

How it stays at the cost of an ASOF join:

1. Rows created no later than they happened (``on time``) become visible in the order of their events, so one
   ASOF join over the event timestamp finds the newest visible one. Late rows are few. Each becomes visible when
   it is created, and only those newer than every late row before them can ever be chosen; a second ASOF join
   finds the newest of these. The greater of the two events is the answer.
2. Both ASOF joins carry the keys and the timestamps only. The features are then fetched by an equality join on
   the keys and the chosen event timestamp, so wide rows are never sorted.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

import ibis
import ibis.expr.types as ir

from trenddrop.core.errors import SchemaError
from trenddrop.schemas.table import TIMESTAMP

Keys: TypeAlias = Sequence[str] | Mapping[str, str]
TimeToLive: TypeAlias = timedelta | None | Mapping[str, timedelta | None]

_AT, _EVENT, _CREATED = "__at", "__event", "__created"


def point_in_time_join(  # noqa: PLR0913 - the names of columns, each by keyword
    entity: ir.Table,
    features: ir.Table,
    *,
    keys: Keys,
    event_timestamp: str,
    created_timestamp: str | None = None,
    ttl: TimeToLive = None,
    at: str = "event_timestamp",
) -> ir.Table:
    """Return the entity rows, each with the feature values that were visible at its moment ``at``.

    Every entity row comes back once, duplicates too, in no particular order; where nothing was visible the
    features are null. ``keys`` names the join keys, or maps a key of ``features`` to the column of ``entity`` that
    holds it; a null key matches nothing. A row exactly ``ttl`` old is still alive (as in Feast); a mapping gives
    each feature column its own time to live. A missing created timestamp means that the row was known when it
    happened. Timestamps without a zone are taken in the zone of the engine's session (UTC in our warehouses).

    Both tables must live in one backend. Materialise ``entity`` there first: DuckDB plans a nested loop over a
    left side that it takes for tiny. Raises SchemaError for columns that are missing or stand in both tables.
    """
    pairs = dict(keys) if isinstance(keys, Mapping) else {key: key for key in keys}
    join_keys = [f"__key_{i}" for i in range(max(len(pairs), 1))]
    found, columns = _found(
        entity,
        features,
        pairs=pairs,
        ids=None,
        event_timestamp=event_timestamp,
        created_timestamp=created_timestamp,
        ttl=ttl,
        at=at,
    )
    keyed = entity.mutate(
        **{f"__left_{i}": value for i, value in enumerate(_key_values(entity, list(pairs.values())))},
        __left_at=_utc(entity[at]),
    )
    matches = [keyed[f"__left_{i}"] == found[name] for i, name in enumerate(join_keys)]
    joined = keyed.left_join(found, [*matches, keyed["__left_at"] == found[_AT]])
    return joined.select(*entity.columns, *columns)


def visible_rows(  # noqa: PLR0913 - the names of columns, each by keyword
    entity: ir.Table,
    features: ir.Table,
    *,
    row: str,
    keys: Mapping[str, str],
    event_timestamp: str,
    created_timestamp: str | None = None,
    ttl: TimeToLive = None,
    at: str = "event_timestamp",
) -> ir.Table:
    """Return the point-in-time join of numbered entity rows as (``row``, features), only where something was visible.

    ``row`` is a column of ``entity`` without duplicates; with it the join need not find the entity rows again.
    """
    found, columns = _found(
        entity,
        features,
        pairs=keys,
        ids=row,
        event_timestamp=event_timestamp,
        created_timestamp=created_timestamp,
        ttl=ttl,
        at=at,
    )
    return found.select(row, *columns)


def _found(  # noqa: PLR0913 - the names of columns, each by keyword
    entity: ir.Table,
    features: ir.Table,
    *,
    pairs: Mapping[str, str],
    ids: str | None,
    event_timestamp: str,
    created_timestamp: str | None,
    ttl: TimeToLive,
    at: str,
) -> tuple[ir.Table, list[str]]:
    """Return the features visible at each moment, by ``ids`` or by (keys, moment), and the features' names."""
    stamps = {event_timestamp, created_timestamp} - {None}
    columns = [name for name in features.columns if name not in pairs and name not in stamps]
    _check_columns(entity, features, pairs=pairs, stamps=stamps, columns=columns, at=at)
    join_keys = [f"__key_{i}" for i in range(max(len(pairs), 1))]
    moments = entity.select(
        *([ids] if ids else []),
        **dict(zip(join_keys, _key_values(entity, list(pairs.values())), strict=True)),
        __at=_utc(entity[at]),
    ).drop_null([*join_keys, _AT])
    known = _known(
        features,
        dict(zip(join_keys, _key_values(features, list(pairs)), strict=True)),
        event_timestamp=event_timestamp,
        created_timestamp=created_timestamp,
        columns=columns,
    )
    chosen = _chosen_events(moments if ids else moments.distinct(), known, join_keys, has_late=bool(created_timestamp))
    lives = {name: _ttl_of(ttl, name) for name in columns}
    return _fetch(chosen, known, join_keys, ids=[ids] if ids else [*join_keys, _AT], ttl=lives), columns


def _key_values(table: ir.Table, names: Sequence[str]) -> list[ir.Value]:
    """Return the key columns; one constant where there are none, as ClickHouse's ASOF join needs a key."""
    return [table[name] for name in names] or [ibis.literal(1)]


def within_reach(
    features: ir.Table, *, event_timestamp: str, earliest: datetime, latest: datetime, ttl: timedelta | None = None
) -> ir.Table:
    """Drop the feature rows that no moment in [earliest, latest] can choose, so that the engine skips their files."""
    event = _utc(features[event_timestamp])
    reach = event <= moment(latest)
    return features.filter(reach if ttl is None else reach & (event >= moment(earliest - ttl)))


def moment(value: datetime) -> ir.TimestampScalar:
    """Return a UTC instant as a literal of the engine."""
    return ibis.literal(value, type=TIMESTAMP)


def latest_rows(
    features: ir.Table, *, keys: Sequence[str], event_timestamp: str, created_timestamp: str | None = None
) -> ir.Table:
    """Return the newest row per key: greatest event timestamp, of those with the same one the latest created.

    Rows without a key or without an event timestamp are left out. Only the few rows at the newest event timestamps are
    ranked, so that an engine does not sort wide rows.
    """
    newest = _with_newest_event(features, keys, event_timestamp)
    order = [] if created_timestamp is None else [newest[created_timestamp].desc(nulls_first=False)]
    window = ibis.window(group_by=list(keys), order_by=order)
    return newest.mutate(__rank=ibis.row_number().over(window)).filter(ibis._["__rank"] == 0).drop("__rank")


def _with_newest_event(features: ir.Table, keys: Sequence[str], event_timestamp: str) -> ir.Table:
    if not keys:
        return features.filter(features[event_timestamp] == features[event_timestamp].max())
    newest = features.group_by(*keys).aggregate(__newest=features[event_timestamp].max())
    newest = newest.rename({f"__of_{key}": key for key in keys})
    same = [features[key] == newest[f"__of_{key}"] for key in keys]
    joined = features.inner_join(newest, [*same, features[event_timestamp] == newest["__newest"]])
    return joined.select(*features.columns)


def _check_columns(
    entity: ir.Table,
    features: ir.Table,
    *,
    pairs: Mapping[str, str],
    stamps: set[str | None],
    columns: Sequence[str],
    at: str,
) -> None:
    problems = []
    if missing := sorted({*pairs.values(), at} - set(entity.columns)):
        problems.append(f"the entity rows lack {missing}")
    if missing := sorted({*pairs, *(name for name in stamps if name)} - set(features.columns)):
        problems.append(f"the features lack {missing}")
    if both := sorted(set(columns) & set(entity.columns)):
        problems.append(f"{both} stand in both tables; rename one side")
    if problems:
        raise SchemaError(f"point-in-time join: {'; '.join(problems)}")


def _known(
    features: ir.Table,
    keys: Mapping[str, ir.Value],
    *,
    event_timestamp: str,
    created_timestamp: str | None,
    columns: Sequence[str],
) -> ir.Table:
    """Return the feature rows under internal names of keys and times."""
    event = _utc(features[event_timestamp])
    created = event if created_timestamp is None else _utc(features[created_timestamp])
    if created.type().nullable:
        created = created.coalesce(event)
    renamed = features.select(**keys, __event=event, __created=created, **{name: features[name] for name in columns})
    return renamed.filter(renamed[_EVENT].notnull()) if event.type().nullable else renamed


def _utc(column: ir.Value) -> ir.Value:
    """Return the moments in UTC; a cast that changes nothing would keep an engine from skipping files and granules."""
    known = ibis.dtype(TIMESTAMP)
    return column if column.type() in (known, known.copy(nullable=False)) else column.cast(TIMESTAMP)


def _chosen_events(moments: ir.Table, known: ir.Table, keys: Sequence[str], *, has_late: bool) -> ir.Table:
    """Return each moment with the event timestamp of the row to take, null where nothing was visible."""
    stamps = known.select(*keys, _EVENT, _CREATED)
    on_time = stamps.filter(stamps[_CREATED] <= stamps[_EVENT]) if has_late else stamps
    on_time = on_time.select(**{f"__r_{key}": on_time[key] for key in keys}, __on_time=on_time[_EVENT])
    picked = _asof(moments, on_time, keys, "__on_time")
    if not has_late:
        return picked.select(*moments.columns, __chosen=picked["__on_time"])
    late = _late_leaders(stamps.filter(stamps[_CREATED] > stamps[_EVENT]), keys)
    late = late.select(**{f"__r_{key}": late[key] for key in keys}, __late_visible=late[_CREATED], __late=late[_EVENT])
    picked = _asof(picked.select(*moments.columns, "__on_time"), late, keys, "__late_visible")
    late_wins = picked["__late"].notnull() & (picked["__on_time"].isnull() | (picked["__late"] >= picked["__on_time"]))
    return picked.select(*moments.columns, __chosen=ibis.ifelse(late_wins, picked["__late"], picked["__on_time"]))


def _asof(left: ir.Table, right: ir.Table, keys: Sequence[str], stamp: str) -> ir.Table:
    matches = [left[key] == right[f"__r_{key}"] for key in keys]
    joined = left.asof_join(right, left[_AT] >= right[stamp], matches)
    return joined.select(*left.columns, *(name for name in right.columns if not name.startswith("__r_")))


def _late_leaders(late: ir.Table, keys: Sequence[str]) -> ir.Table:
    """Keep the late rows that are newer than every late row visible before them; no other can ever be chosen."""
    earlier = ibis.window(
        group_by=list(keys), order_by=[late[_CREATED].asc(), late[_EVENT].desc()], preceding=(None, 1), following=None
    )
    ranked = late.mutate(__newest=late[_EVENT].max().over(earlier))
    leads = ranked["__newest"].isnull() | (ranked[_EVENT] >= ranked["__newest"])
    return ranked.filter(leads).select(*keys, _EVENT, _CREATED)


def _fetch(
    chosen: ir.Table,
    known: ir.Table,
    keys: Sequence[str],
    *,
    ids: Sequence[str],
    ttl: Mapping[str, timedelta | None],
) -> ir.Table:
    """Return the features of each moment's chosen row: its latest version visible then, if it is still alive."""
    moment = chosen.select(**{f"__m_{name}": chosen[name] for name in chosen.columns})
    matches = [known[key] == moment[f"__m_{key}"] for key in keys]
    versions = known.join(moment, [*matches, known[_EVENT] == moment["__m___chosen"]])
    versions = versions.filter(versions[_CREATED] <= versions[f"__m_{_AT}"])
    if ttl and None not in ttl.values():  # older than any column lives
        longest = max(span for span in ttl.values() if span is not None)
        versions = versions.filter(_is_alive(versions, longest))
    newest = ibis.window(group_by=[f"__m_{name}" for name in ids], order_by=versions[_CREATED].desc())
    versions = versions.mutate(__rank=ibis.row_number().over(newest))
    versions = versions.filter(versions["__rank"] == 0)
    spans = set(ttl.values())
    values = {
        name: versions[name]
        if span is None or len(spans) == 1
        else ibis.ifelse(_is_alive(versions, span), versions[name], ibis.null())
        for name, span in ttl.items()
    }
    return versions.select(**{name: versions[f"__m_{name}"] for name in ids}, **values)


def _is_alive(versions: ir.Table, span: timedelta) -> ir.BooleanValue:
    age = versions[f"__m_{_AT}"].delta(versions[_EVENT], unit="microsecond")  # ClickHouse has no interval this fine
    return age <= span // timedelta(microseconds=1)


def _ttl_of(ttl: TimeToLive, name: str) -> timedelta | None:
    return ttl.get(name) if isinstance(ttl, Mapping) else ttl
