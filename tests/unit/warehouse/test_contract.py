"""What every engine promises; both run the same tests."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import ibis
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trenddrop.core.errors import NotFoundError, SchemaError
from trenddrop.schemas import TableSchema, raw_data
from trenddrop.schemas.table import TIMESTAMP
from trenddrop.warehouse import DuckLakeWarehouse, Warehouse
from trenddrop.warehouse.clickhouse import ClickHouseWarehouse

T0 = datetime(2026, 1, 2, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)

THINGS = TableSchema(
    name="things",
    columns={
        "thing_id": "!string",
        "at": f"!{TIMESTAMP}",
        "views": "int64",
        "ratio": "float64",
        "is_good": "boolean",
        "note": "string",
        "tags": "!array<string>",
        "vector": "!array<float32>",
        "seen_at": TIMESTAMP,
        "batch_id": "!string",
    },
    key=("thing_id", "at"),
    event_timestamp="at",
)
PAIRS = TableSchema(name="pairs", columns={"left": "!string", "right": "string", "n": "int64"}, key=("left",))
REQUIRED = ["thing_id", "at", "tags", "vector", "batch_id"]


def thing(thing_id: str = "a", **values: object) -> dict[str, object]:
    row: dict[str, object] = {"thing_id": thing_id, "at": T0, "tags": [], "vector": [], "batch_id": "b1"}
    return row | values


def things(*rows: dict[str, object]) -> pa.Table:
    columns = [column for column in THINGS.columns if any(column in row for row in rows)] or REQUIRED
    schema = pa.schema([(column, THINGS.ibis()[column].to_pyarrow()) for column in columns])
    return pa.Table.from_pylist(list(rows), schema=schema)


def pairs(*rows: tuple[str, str | None, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"left": pl.String, "right": pl.String, "n": pl.Int64}, orient="row")


def rows_of(warehouse: Warehouse, name: str = "things", snapshot: str | None = None) -> list[dict[str, object]]:
    found = warehouse.table(name, snapshot=snapshot).to_pyarrow().to_pylist()
    return sorted(found, key=lambda row: tuple(str(value) for value in row.values()))


def ids(warehouse: Warehouse, snapshot: str | None = None) -> list[object]:
    return [row["thing_id"] for row in rows_of(warehouse, snapshot=snapshot)]


def numbers(warehouse: Warehouse, name: str = "pairs") -> list[object]:
    return sorted(row["n"] for row in rows_of(warehouse, name))


@pytest.fixture
def empty(store: DuckLakeWarehouse | ClickHouseWarehouse) -> Iterator[Warehouse]:
    store.ensure_table(THINGS)
    store.ensure_table(PAIRS)
    yield store
    store.drop_table("things")
    store.drop_table("pairs")


# --- tables ---------------------------------------------------------------------------------------


def test_table_has_exactly_the_columns_and_dtypes_of_its_schema(empty: Warehouse) -> None:
    assert empty.table("things").schema() == THINGS.ibis()
    assert empty.table("things", snapshot=empty.snapshot_id()).schema().names == THINGS.ibis().names


def test_empty_table_has_no_rows_and_keeps_its_types(empty: Warehouse) -> None:
    found = empty.table("things").to_pyarrow()
    assert found.num_rows == 0
    assert found.schema.field("at").type == pa.timestamp("us", "UTC")
    assert empty.append("things", things()) == 0
    assert empty.table("things").count().to_pyarrow().as_py() == 0


def test_unknown_table_names_itself(empty: Warehouse) -> None:
    assert not empty.has_table("nothing")
    with pytest.raises(NotFoundError, match="nothing"):
        empty.table("nothing")
    with pytest.raises(NotFoundError, match="nothing"):
        empty.append("nothing", pairs(("a", "b", 1)))


def test_ensure_table_keeps_what_is_there(empty: Warehouse) -> None:
    empty.append("things", things(thing()))
    empty.ensure_table(THINGS)
    assert ids(empty) == ["a"]


# --- append ---------------------------------------------------------------------------------------


def test_append_keeps_every_value(empty: Warehouse) -> None:
    row = thing(
        views=2**63 - 1, ratio=-0.5, is_good=False, note="x", tags=["b", "a"], vector=[0.5, -1.0], seen_at=T0 + HOUR
    )
    assert empty.append("things", things(row)) == 1
    assert rows_of(empty) == [{column: row[column] for column in THINGS.columns}]


def test_append_takes_arrow_polars_and_expressions(empty: Warehouse) -> None:
    empty.append("things", things(thing("arrow", views=1)))
    empty.append("things", pl.from_arrow(things(thing("polars", views=2))))
    source = empty.table("things").filter(ibis._.thing_id == "arrow").mutate(thing_id=ibis.literal("expression"))
    assert empty.append("things", source) == 1
    assert ids(empty) == ["arrow", "expression", "polars"]


def test_append_takes_a_memtable(empty: Warehouse) -> None:
    assert empty.append("pairs", ibis.memtable(pairs(("a", "b", 1), ("c", None, 2)))) == 2
    assert numbers(empty) == [1, 2]


def test_missing_nullable_columns_are_null_and_never_zero(empty: Warehouse) -> None:
    empty.append("things", things(thing()))
    empty.append("things", empty.table("things").select(REQUIRED).mutate(thing_id=ibis.literal("b")))
    for row in rows_of(empty):
        assert [row[column] for column in ("views", "ratio", "is_good", "note", "seen_at")] == [None] * 5


def test_null_stays_apart_from_zero_empty_and_nan(empty: Warehouse) -> None:
    given_rows = [
        thing("empty", views=0, ratio=0.0, is_good=False, note="", tags=[""]),
        thing("nan", ratio=math.nan),
        thing("null", views=None, ratio=None, is_good=None, note=None, tags=[None, "x"]),
    ]
    empty.append("things", things(*given_rows))
    as_empty, as_nan, as_null = rows_of(empty)
    assert (as_empty["views"], as_empty["ratio"], as_empty["is_good"], as_empty["note"]) == (0, 0.0, False, "")
    assert as_empty["tags"] == [""]
    assert isinstance(as_nan["ratio"], float)
    assert math.isnan(as_nan["ratio"])
    assert (as_null["views"], as_null["ratio"], as_null["is_good"], as_null["note"]) == (None, None, None, None)
    assert as_null["tags"] == [None, "x"]


def test_a_row_without_a_partner_is_null_in_a_join(empty: Warehouse) -> None:
    empty.append("pairs", pairs(("a", "x", 1), ("b", "y", 2)))
    left = empty.table("pairs")
    right = left.filter(left.n == 1).select("left", m="n", word="right")
    found = left.left_join(right, "left").order_by("left").select("m", "word").to_pyarrow().to_pylist()
    assert found == [{"m": 1, "word": "x"}, {"m": None, "word": None}]


def test_columns_are_matched_by_name(empty: Warehouse) -> None:
    empty.append("things", things(thing(views=1)).select(["views", "batch_id", "vector", "tags", "at", "thing_id"]))
    assert rows_of(empty)[0]["views"] == 1


def test_unknown_and_missing_columns_are_named_together(empty: Warehouse) -> None:
    with pytest.raises(SchemaError, match=r"surprise.*thing_id"):
        empty.append("things", things(thing()).drop_columns(["thing_id"]).append_column("surprise", pa.array([1])))


@pytest.mark.parametrize("kind", ["arrow", "expression"])
def test_null_in_a_column_that_is_never_null_is_refused(empty: Warehouse, kind: str) -> None:
    bad = pairs(("a", "b", 1)).with_columns(left=pl.lit(None, pl.String))
    with pytest.raises(SchemaError):
        empty.append("pairs", bad if kind == "arrow" else empty.stage(bad))
    assert rows_of(empty, "pairs") == []


@pytest.mark.parametrize("kind", ["frame", "expression"])
@pytest.mark.parametrize("numbers", [["1", "many"], pl.Series([1, 2**64 - 1], dtype=pl.UInt64), [1.0, 1e300]])
def test_values_that_do_not_fit_are_refused_and_nothing_is_written(
    empty: Warehouse, kind: str, numbers: pl.Series
) -> None:
    bad = pl.DataFrame({"left": ["a", "c"], "right": ["b", "d"], "n": numbers})
    with pytest.raises(SchemaError):
        empty.append("pairs", bad if kind == "frame" else empty.stage(bad))
    assert rows_of(empty, "pairs") == []


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["ünïcodé 🙂 中文", "nul\0inside", "", "'quoted\\' \"both\"", "line\nbreak\r\t", "\u202eright", "e\u0301"]
)
def test_text_survives(empty: Warehouse, text: str) -> None:
    empty.append("things", things(thing(note=text, tags=[text])))
    (row,) = rows_of(empty)
    assert (row["note"], row["tags"]) == (text, [text])
    assert empty.delete("things", pl.DataFrame({"note": [text]})) == 1


def test_huge_values_survive(empty: Warehouse) -> None:
    text = "x" * 3_000_000
    vector = [float(n) for n in range(20_000)]
    empty.append("things", things(thing(note=text, views=-(2**63), ratio=1.7e308, vector=vector)))
    (row,) = rows_of(empty)
    assert (row["note"], row["views"], row["ratio"], row["vector"]) == (text, -(2**63), 1.7e308, vector)


def test_moments_are_kept_in_utc_to_the_microsecond(empty: Warehouse) -> None:
    tokyo = timezone(timedelta(hours=9))
    moments = [datetime(2026, 3, 29, 10, 30, 0, 123456, tzinfo=tokyo), datetime(1970, 1, 1, tzinfo=UTC)]
    table = pa.table(
        {
            "thing_id": ["a", "b"],
            "at": pa.array(moments, pa.timestamp("us", "Asia/Tokyo")),
            "tags": pa.array([[], []], pa.list_(pa.string())),
            "vector": pa.array([[], []], pa.list_(pa.float32())),
            "batch_id": ["b1", "b1"],
        }
    )
    empty.append("things", table)
    assert [row["at"] for row in rows_of(empty)] == [moment.astimezone(UTC) for moment in moments]


def test_a_moment_without_a_zone_is_utc(empty: Warehouse) -> None:
    naive = things(thing()).set_column(1, "at", pa.array([T0.replace(tzinfo=None)], pa.timestamp("us")))
    empty.append("things", naive)
    assert rows_of(empty)[0]["at"] == T0


def test_moments_compare_and_shift_in_the_engine(empty: Warehouse) -> None:
    empty.append("things", things(thing("a"), thing("b", at=T0 + HOUR)))
    table = empty.table("things")
    late = table.filter(table.at > ibis.timestamp(T0)).select("thing_id", epoch=table.at.epoch_seconds())
    assert late.to_pyarrow().to_pylist() == [{"thing_id": "b", "epoch": int((T0 + HOUR).timestamp())}]


# --- delete ---------------------------------------------------------------------------------------


def test_delete_takes_any_columns_and_counts_rows(empty: Warehouse) -> None:
    empty.append("pairs", pairs(("a", "x", 1), ("a", "y", 2), ("b", "x", 3)))
    assert empty.delete("pairs", pl.DataFrame({"left": ["a", "a", "none"]})) == 2
    assert numbers(empty) == [3]
    assert empty.delete("pairs", pl.DataFrame({"left": ["a"]})) == 0
    assert empty.delete("pairs", pl.DataFrame({"left": ["b"], "n": [3]})) == 1
    assert numbers(empty) == []


def test_composite_keys_do_not_collide(empty: Warehouse) -> None:
    empty.append("pairs", pairs(("1", "23", 1), ("12", "3", 2), ("123", "", 3), ("", "123", 4)))
    assert empty.delete("pairs", pl.DataFrame({"left": ["12"], "right": ["3"]})) == 1
    assert numbers(empty) == [1, 3, 4]


def test_null_keys_equal_null_and_nothing_else(empty: Warehouse) -> None:
    empty.append("pairs", pairs(("a", None, 1), ("a", "", 2), ("b", None, 3)))
    keys = pl.DataFrame({"left": ["a"], "right": [None]}, schema={"left": pl.String, "right": pl.String})
    assert empty.delete("pairs", keys) == 1
    assert numbers(empty) == [2, 3]


def test_delete_takes_an_expression_over_the_same_table(empty: Warehouse) -> None:
    empty.append("pairs", pairs(("a", "x", 1), ("b", "y", 2)))
    table = empty.table("pairs")
    assert empty.delete("pairs", table.filter(table.n > 1).select("left")) == 1
    assert numbers(empty) == [1]


def test_delete_by_an_unknown_column_is_refused(empty: Warehouse) -> None:
    with pytest.raises(SchemaError, match="middle"):
        empty.delete("pairs", pl.DataFrame({"middle": ["a"]}))


# --- transactions ---------------------------------------------------------------------------------


def test_transaction_over_several_tables_becomes_visible_together(empty: Warehouse) -> None:
    def body() -> str:
        empty.append("things", things(thing()))
        empty.append("pairs", pairs(("a", "x", 1)))
        empty.append("pairs", pairs(("b", "x", 2)))
        return "done"

    assert empty.transact(body) == "done"
    assert (ids(empty), numbers(empty)) == (["a"], [1, 2])


def test_exception_in_the_body_leaves_nothing_and_comes_out(empty: Warehouse) -> None:
    empty.append("pairs", pairs(("a", "x", 1)))

    def body() -> None:
        empty.append("things", things(thing()))
        empty.delete("pairs", pl.DataFrame({"left": ["a"]}))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        empty.transact(body, claim="test")
    assert (ids(empty), numbers(empty)) == ([], [1])
    empty.append("pairs", pairs(("b", "x", 2)))
    assert numbers(empty) == [1, 2]


def test_upsert_replaces_rows(empty: Warehouse) -> None:
    empty.append("pairs", pairs(("a", "x", 1), ("b", "x", 2)))

    def upsert() -> None:
        empty.delete("pairs", pl.DataFrame({"left": ["a", "c"]}))
        empty.append("pairs", pairs(("a", "y", 10), ("c", "y", 30)))

    empty.transact(upsert)
    empty.transact(upsert)
    assert numbers(empty) == [2, 10, 30]


def test_delete_in_a_transaction_sees_its_own_appends(empty: Warehouse) -> None:
    def body() -> int:
        empty.append("pairs", pairs(("a", "x", 1), ("b", "x", 2)))
        return empty.delete("pairs", pl.DataFrame({"left": ["a"]}))

    assert empty.transact(body) == 1
    assert numbers(empty) == [2]


def test_a_transaction_inside_a_transaction_is_part_of_it(empty: Warehouse) -> None:
    def body() -> None:
        empty.transact(lambda: empty.append("pairs", pairs(("a", "x", 1))), claim="inner")
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - the body's own
        empty.transact(body, claim="outer")
    assert numbers(empty) == []


# --- batches --------------------------------------------------------------------------------------


def test_the_same_batch_is_appended_once(empty: Warehouse) -> None:
    batch = things(thing("a"), thing("b"))
    assert empty.append_batch("things", batch, batch_id="b1") == 2
    assert empty.append_batch("things", batch, batch_id="b1") == 0
    other = things(thing("c", batch_id="b'2"))
    assert empty.append_batch("things", other, batch_id="b'2") == 1
    assert empty.append_batch("things", other, batch_id="b'2") == 0
    assert ids(empty) == ["a", "b", "c"]


def test_the_same_batch_within_one_transaction_is_appended_once(empty: Warehouse) -> None:
    batch = things(thing("a"))

    def body() -> list[int]:
        return [empty.append_batch("things", batch, batch_id="b1") for _ in range(2)]

    assert empty.transact(body) == [1, 0]
    assert ids(empty) == ["a"]


# --- snapshots ------------------------------------------------------------------------------------


def test_a_snapshot_repeats_what_it_held(empty: Warehouse) -> None:
    empty.append("things", things(thing("a", views=1), thing("b", views=2)))
    before = empty.snapshot_id()
    empty.append("things", things(thing("c")))
    empty.delete("things", pl.DataFrame({"thing_id": ["a"]}))
    after = empty.snapshot_id()
    empty.delete("things", pl.DataFrame({"thing_id": ["b"]}))
    assert (ids(empty, before), ids(empty, after), ids(empty)) == (["a", "b"], ["b", "c"], ["c"])
    assert [row["views"] for row in rows_of(empty, snapshot=before)] == [1, 2]


def test_a_snapshot_joins_the_present(empty: Warehouse) -> None:
    empty.append("pairs", pairs(("a", "x", 1)))
    before = empty.snapshot_id()
    empty.append("pairs", pairs(("b", "x", 2)))
    old, new = empty.table("pairs", snapshot=before), empty.table("pairs")
    assert new.anti_join(old, "left").select("n").to_pyarrow().to_pylist() == [{"n": 2}]


@pytest.mark.parametrize("snapshot", ["999999", "-1", "yesterday", "1; DROP TABLE pairs"])
def test_an_unknown_snapshot_is_named(empty: Warehouse, snapshot: str) -> None:
    with pytest.raises(NotFoundError, match=snapshot):
        empty.table("pairs", snapshot=snapshot)


# --- upkeep ---------------------------------------------------------------------------------------


def test_compaction_keeps_rows_and_snapshots(empty: Warehouse) -> None:
    for number in range(6):
        empty.append("pairs", pairs(("a", "x", number)))
    before = empty.snapshot_id()
    empty.delete("pairs", pl.DataFrame({"n": [0, 1]}))
    empty.compact()
    assert numbers(empty) == [2, 3, 4, 5]
    assert empty.table("pairs", snapshot=before).count().to_pyarrow().as_py() == 6
    empty.append("pairs", pairs(("a", "x", 6)))
    assert numbers(empty) == [2, 3, 4, 5, 6]


def test_compaction_without_history_forgets_old_snapshots(empty: Warehouse) -> None:
    empty.append("pairs", pairs(("a", "x", 1), ("b", "x", 2)))
    before = empty.snapshot_id()
    empty.delete("pairs", pl.DataFrame({"n": [1]}))
    empty.compact(keep_history=False)
    assert numbers(empty) == [2]
    with pytest.raises(NotFoundError, match="snapshot"):
        empty.table("pairs", snapshot=before)


def test_rows_past_their_retention_expire(store: Warehouse) -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    raw = raw_data("contract")
    store.ensure_table(raw)
    store.append(
        raw.name,
        pl.DataFrame(
            {
                "id": ["old", "edge", "new"],
                "entity_type": "video",
                "raw_json": "{}",
                "source_endpoint": "file",
                "batch_id": "b",
                "line_number": 1,
                "processing_status": "processed",
                "content_hash": "h",
                "created_at": [now - timedelta(days=30, seconds=1), now - timedelta(days=30), now],
            }
        ),
    )
    deleted = store.expire(now=now)
    assert deleted[raw.name] == 1
    assert deleted["hashtag_metrics"] == 0
    assert "schema_versions" not in deleted
    assert sorted(row["id"] for row in rows_of(store, raw.name)) == ["edge", "new"]
    assert store.expire(now=now)[raw.name] == 0


# --- stage ----------------------------------------------------------------------------------------


def test_staged_rows_join_and_last_until_released(empty: Warehouse) -> None:
    empty.append("pairs", pairs(("a", "x", 1), ("b", "y", 2)))
    keys = empty.stage(pl.DataFrame({"left": ["b", "z"], "weight": [0.5, None]}))
    assert keys.count().to_pyarrow().as_py() == 2
    assert empty.table("pairs").join(keys, "left").select("n", "weight").to_pyarrow().to_pylist() == [
        {"n": 2, "weight": 0.5}
    ]
    held = empty.stage(empty.table("pairs").aggregate(total=lambda t: t.n.sum()))
    empty.append("pairs", pairs(("c", "z", 3)))
    assert held.to_pyarrow().to_pylist() == [{"total": 3}]
    empty.release()
    with pytest.raises(Exception, match=r"(?i)exist|unknown"):
        held.to_pyarrow()


def test_stage_keeps_nulls_types_and_no_rows(empty: Warehouse) -> None:
    frame = pl.DataFrame(
        {
            "moment": [T0, None],
            "text": ["a", None],
            "flag": [True, None],
            "number": pl.Series([1, None], dtype=pl.Int32),
            "kind": pl.Series(["x", None], dtype=pl.Categorical),
            "nothing": [None, None],
        }
    )
    staged = empty.stage(frame)
    assert (
        staged.select("moment", "text", "flag", "number", "kind").to_pyarrow().to_pylist()
        == frame.drop("nothing").to_dicts()
    )
    assert staged.nothing.count().to_pyarrow().as_py() == 0
    assert empty.stage(frame.head(0)).count().to_pyarrow().as_py() == 0
    assert empty.stage(empty.table("things")).schema().names == THINGS.ibis().names


def test_stage_of_an_outer_join_holds_nulls(empty: Warehouse) -> None:
    empty.append("pairs", pairs(("a", "x", 1), ("b", "y", 2)))
    table = empty.table("pairs")
    right = table.filter(table.n == 1).select(key="left", word="right")
    staged = empty.stage(table.left_join(right, table.left == right.key))
    assert sorted(staged.key.to_pyarrow().to_pylist(), key=str) == [None, "a"]


def test_memtables_work_in_expressions(empty: Warehouse) -> None:
    empty.append("pairs", pairs(("a", "x", 1), ("b", "y", 2)))
    wanted = ibis.memtable({"left": ["b", "c"], "weight": [1.5, None]})
    joined = empty.table("pairs").join(wanted, "left").select("n", "weight")
    assert joined.to_pyarrow().to_pylist() == [{"n": 2, "weight": 1.5}]
    assert joined.to_polars().to_dicts() == [{"n": 2, "weight": 1.5}]
    assert joined.execute().to_dict("records") == [{"n": 2, "weight": 1.5}]


# --- any history ----------------------------------------------------------------------------------


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    history=st.lists(
        st.lists(st.tuples(st.sampled_from(["add", "drop"]), st.sampled_from("abc"), st.integers(0, 3)), max_size=2),
        max_size=4,
    ),
    compact_after=st.sampled_from([None, None, None, 1]),
)
def test_any_history_reads_like_a_list(
    empty: Warehouse, history: list[list[tuple[str, str, int]]], compact_after: int | None
) -> None:
    expected = [(row["left"], row["n"]) for row in rows_of(empty, "pairs")]
    held = [(empty.snapshot_id(), sorted(expected))]
    for step, transaction in enumerate(history):

        def body(transaction: list[tuple[str, str, int]] = transaction) -> None:
            for kind, left, number in transaction:
                if kind == "add":
                    empty.append("pairs", pairs((left, None, number)))
                else:
                    empty.delete("pairs", pl.DataFrame({"left": [left], "n": [number]}))

        empty.transact(body)
        for kind, left, number in transaction:
            expected = (
                [*expected, (left, number)] if kind == "add" else [row for row in expected if row != (left, number)]
            )
        held.append((empty.snapshot_id(), sorted(expected)))
        if step == compact_after:
            empty.compact()
    for snapshot, rows in held:
        assert sorted((row["left"], row["n"]) for row in rows_of(empty, "pairs", snapshot)) == rows
