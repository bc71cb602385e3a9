"""How a table lies in ClickHouse: rows with the commit that wrote them, and a view of what is committed.

``hashtags`` is a view for everybody, also outside of TrendDrop. ``hashtags__rows`` holds the rows, finished or not,
each identified by ``(_commit_id, _row)``. ``_commits`` holds one row per finished transaction and ``_deleted`` the
identities of deleted rows with the transaction that deleted them. A row is visible when its transaction is finished
and no finished transaction deleted it; one marker in ``_commits`` thus makes all of a transaction visible at once.
Rows are named by identity and not by a hash of their key, so keys cannot collide and a delete may use any columns.
"""

from collections.abc import Iterable

from trenddrop.schemas import TableSchema
from trenddrop.warehouse.clickhouse.connection import quoted
from trenddrop.warehouse.clickhouse.types import column_type

COMMITS, DELETED, HORIZON = "_commits", "_deleted", "_horizon"
HIDDEN = ("_commit_id", "_row")
STAGE_PREFIX = "_stage_"

BOOKKEEPING = (
    f"CREATE TABLE IF NOT EXISTS {COMMITS} (seq UInt64, commit_id String, claims Array(String), "
    "committed_at DateTime64(6, 'UTC')) ENGINE = ReplacingMergeTree ORDER BY (seq, commit_id)",
    f"CREATE TABLE IF NOT EXISTS {DELETED} (table_name LowCardinality(String), commit_id String, "
    "row_commit_id LowCardinality(String), row UInt64) ENGINE = MergeTree ORDER BY (table_name, commit_id)",
    f"CREATE TABLE IF NOT EXISTS {HORIZON} (seq UInt64) ENGINE = MergeTree ORDER BY seq",
)


def rows_table(name: str) -> str:
    """Return the table that holds a table's rows, finished or not."""
    return f"{name}__rows"


def create_rows_sql(name: str, columns: dict[str, str], layout: TableSchema | None) -> str:
    """Return the statement that creates the table of rows: sorted by key, facts partitioned by month.

    The layout changes how fast a query is, never its answer. The hidden columns come first, so that a column
    added later comes last.
    """
    body = ["`_commit_id` LowCardinality(String)", "`_row` UInt64"]
    body += [f"`{column}` {column_type(dtype)}" for column, dtype in columns.items()]
    body.append("INDEX by_commit _commit_id TYPE minmax")
    if "batch_id" in columns:
        body.append("INDEX by_batch batch_id TYPE bloom_filter")
    key = [column for column in (layout.key if layout else ()) if columns.get(column, "").startswith("!")]
    order = ", ".join(f"`{column}`" for column in key)
    return (
        f"CREATE TABLE IF NOT EXISTS `{rows_table(name)}` ({', '.join(body)}) "
        f"ENGINE = MergeTree {_partition(columns, layout)} ORDER BY ({order})"
    )


def _partition(columns: dict[str, str], layout: TableSchema | None) -> str:
    """Return the monthly partition of a table that grows with time, so that old months leave cheaply."""
    if layout is None or layout.event_timestamp is None:
        return ""
    grows = layout.created_timestamp is not None or layout.name.startswith("raw_")
    if not grows or not columns.get(layout.event_timestamp, "").startswith("!"):
        return ""
    return f"PARTITION BY toYYYYMM(`{layout.event_timestamp}`)"


def create_view_sql(name: str, columns: Iterable[str]) -> str:
    """Return the statement that (re)creates the view of what is committed.

    The newest commit is read once, as a scalar: read twice, a transaction that ends in between would show
    its deletes without its rows.
    """
    visible = visible_sql(name, columns, upto="newest", mine=None)
    return f"CREATE OR REPLACE VIEW `{name}` AS WITH (SELECT ifNull(max(seq), 0) FROM {COMMITS}) AS newest {visible}"


def visible_sql(name: str, columns: Iterable[str], *, upto: str, mine: str | None) -> str:
    """Return the query of the rows visible at commit ``upto``, and to the open transaction ``mine``."""
    finished = f"(SELECT commit_id FROM {COMMITS} WHERE seq <= {upto})"
    written, deleted = f"_commit_id IN {finished}", f"commit_id IN {finished}"
    if mine is not None:
        written, deleted = f"({written} OR _commit_id = {quoted(mine)})", f"({deleted} OR commit_id = {quoted(mine)})"
    names = ", ".join(f"`{column}`" for column in columns)
    return (
        f"SELECT {names} FROM `{rows_table(name)}` WHERE {written} AND (_commit_id, _row) NOT IN "
        f"(SELECT row_commit_id, row FROM {DELETED} WHERE table_name = {quoted(name)} AND {deleted})"
    )
