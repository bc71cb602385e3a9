import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import ibis.expr.types as ir
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from trenddrop.core.errors import SchemaError
from trenddrop.core.settings import ClickHouseSettings, Settings
from trenddrop.feature_store import point_in_time_join
from trenddrop.feature_store.point_in_time import latest_rows, within_reach
from trenddrop.warehouse import DuckLakeWarehouse, Warehouse
from trenddrop.warehouse.clickhouse import ClickHouseWarehouse

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ENTITY = pl.Schema({"k": pl.String, "event_timestamp": pl.Datetime("us", "UTC")})
FEATURES = pl.Schema(
    {
        "k": pl.String,
        "event": pl.Datetime("us", "UTC"),
        "created": pl.Datetime("us", "UTC"),
        "value": pl.Float64,
        "label": pl.String,
    }
)


class Engine:
    """Holds frames as temporary tables."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse

    def hold(self, frame: pl.DataFrame) -> ir.Table:
        return self.warehouse.stage(frame)


@pytest.fixture(scope="module", params=["ducklake", "clickhouse"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """DuckDB and ClickHouse."""
    if request.param == "ducklake":
        warehouse: Warehouse = DuckLakeWarehouse(Settings(home=tmp_path_factory.mktemp("home")))
    else:
        database = f"asof_{uuid.uuid4().hex}"
        warehouse = ClickHouseWarehouse(ClickHouseSettings(interface="chdb", database=database))
    yield Engine(warehouse)
    warehouse.close()


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def entity(*rows: tuple[str | None, float]) -> pl.DataFrame:
    return pl.DataFrame([(key, at(hour)) for key, hour in rows], schema=ENTITY, orient="row")


def features(*rows: tuple[str | None, float, float, float | None]) -> pl.DataFrame:
    """Rows of (key, event hour, created hour, value)."""
    return pl.DataFrame(
        [(key, at(event), at(created), value, f"v{value}") for key, event, created, value in rows],
        schema=FEATURES,
        orient="row",
    )


def joined(engine: Engine, left: pl.DataFrame, right: pl.DataFrame, **options: object) -> list[object]:
    """The values that the entity rows got, in the order of the entity rows."""
    numbered = left.with_row_index("row")
    keys = {"keys": ["k"], "event_timestamp": "event", "created_timestamp": "created"} | options
    result = point_in_time_join(engine.hold(numbered), engine.hold(right), **keys).to_polars()
    engine.warehouse.release()
    assert len(result) == len(left)
    return result.sort("row")["value"].to_list()


def test_takes_the_newest_row_that_had_happened(engine: Engine):
    rows = features(("a", 1, 1, 10.0), ("a", 2, 2, 20.0), ("a", 4, 4, 40.0))
    assert joined(engine, entity(("a", 0.9), ("a", 1), ("a", 3), ("a", 9)), rows) == [None, 10.0, 20.0, 40.0]


def test_a_row_created_later_is_not_there_yet(engine: Engine):
    rows = features(("a", 1, 1, 10.0), ("a", 2, 6, 20.0))
    assert joined(engine, entity(("a", 3), ("a", 5.9), ("a", 6), ("a", 7)), rows) == [10.0, 10.0, 20.0, 20.0]


def test_a_late_row_never_displaces_a_newer_event(engine: Engine):
    rows = features(("a", 1, 1, 10.0), ("a", 2, 6, 20.0), ("a", 4, 4, 40.0))
    assert joined(engine, entity(("a", 3), ("a", 5), ("a", 7)), rows) == [10.0, 40.0, 40.0]


def test_of_two_late_rows_the_newer_event_wins_whatever_came_first(engine: Engine):
    rows = features(("a", 3, 5, 30.0), ("a", 2, 6, 20.0), ("a", 1, 5, 10.0))
    assert joined(engine, entity(("a", 4.9), ("a", 5), ("a", 7)), rows) == [None, 30.0, 30.0]


def test_a_tie_of_events_goes_to_the_latest_created_that_was_visible(engine: Engine):
    rows = features(("a", 2, 0, 1.0), ("a", 2, 1, 2.0), ("a", 2, 5, 3.0), ("a", 2, 7, 4.0))
    assert joined(engine, entity(("a", 2), ("a", 5), ("a", 6), ("a", 8)), rows) == [2.0, 3.0, 3.0, 4.0]


def test_a_null_of_the_newest_version_stays_null(engine: Engine):
    rows = features(("a", 1, 1, 10.0), ("a", 2, 2, None))
    assert joined(engine, entity(("a", 3)), rows) == [None]


def test_a_row_exactly_as_old_as_the_time_to_live_is_alive(engine: Engine):
    rows = features(("a", 1, 1, 10.0))
    moments = entity(("a", 3), ("a", 3 + 1 / 3600))
    assert joined(engine, moments, rows, ttl=2 * HOUR) == [10.0, None]
    assert joined(engine, moments, rows, ttl=timedelta(microseconds=7_200_000_001)) == [10.0, None]


def test_an_expired_row_does_not_bring_back_an_older_one(engine: Engine):
    rows = features(("a", 1, 1, 10.0), ("a", 2, 2, 20.0))
    assert joined(engine, entity(("a", 9)), rows, ttl=3 * HOUR) == [None]


def test_each_column_may_live_its_own_time(engine: Engine):
    rows = features(("a", 1, 1, 10.0))
    result = point_in_time_join(
        engine.hold(entity(("a", 3))),
        engine.hold(rows),
        keys=["k"],
        event_timestamp="event",
        created_timestamp="created",
        ttl={"value": HOUR, "label": None},
    ).to_polars()
    assert result.select("value", "label").rows() == [(None, "v10.0")]


def test_unknown_and_null_keys_get_nulls_and_stay(engine: Engine):
    rows = features(("a", 1, 1, 10.0), (None, 1, 1, 99.0))
    assert joined(engine, entity(("b", 3), (None, 3), ("a", 3)), rows) == [None, None, 10.0]


def test_duplicate_entity_rows_each_come_back(engine: Engine):
    rows = features(("a", 1, 1, 10.0))
    assert joined(engine, entity(("a", 3), ("a", 3), ("a", 3)), rows) == [10.0, 10.0, 10.0]


def test_equal_feature_rows_do_not_multiply_entity_rows(engine: Engine):
    rows = features(("a", 1, 1, 10.0), ("a", 1, 1, 10.0))
    assert joined(engine, entity(("a", 3)), rows) == [10.0]


def test_composite_keys_do_not_collide(engine: Engine):
    left = pl.DataFrame(
        {"x": ["1", "12"], "y": ["23", "3"], "event_timestamp": [at(3), at(3)]},
        schema_overrides={"event_timestamp": ENTITY["event_timestamp"]},
    )
    right = pl.DataFrame(
        {"x": ["1", "12"], "y": ["23", "3"], "event": [at(1), at(2)], "value": [1.0, 2.0]},
        schema_overrides={"event": ENTITY["event_timestamp"]},
    )
    assert joined(engine, left, right, keys=["x", "y"], created_timestamp=None) == [1.0, 2.0]


def test_keys_may_be_named_differently_on_both_sides(engine: Engine):
    rows = features(("a", 1, 1, 10.0)).rename({"k": "hashtag"})
    assert joined(engine, entity(("a", 3)), rows, keys={"hashtag": "k"}) == [10.0]


def test_without_keys_the_newest_row_of_all_counts(engine: Engine):
    rows = features(("a", 1, 1, 10.0), ("b", 2, 2, 20.0)).drop("k")
    assert joined(engine, entity(("a", 1.5), ("b", 3)), rows, keys=[]) == [10.0, 20.0]


def test_without_a_created_timestamp_a_row_is_known_when_it_happens(engine: Engine):
    rows = features(("a", 1, 9, 10.0)).drop("created")
    assert joined(engine, entity(("a", 1)), rows, created_timestamp=None) == [10.0]


def test_a_null_created_timestamp_means_known_when_it_happened(engine: Engine):
    rows = features(("a", 1, 9, 10.0)).with_columns(created=pl.lit(None, FEATURES["created"]))
    assert joined(engine, entity(("a", 1)), rows) == [10.0]


def test_empty_sides(engine: Engine):
    assert joined(engine, entity(), features(("a", 1, 1, 10.0))) == []
    assert joined(engine, entity(("a", 1)), features()) == [None]


def test_every_missing_column_is_named(engine: Engine):
    with pytest.raises(SchemaError, match=r"lack \['event_timestamp', 'k'\].*lack \['created'\].*\['value'\] stand"):
        joined(
            engine,
            entity(("a", 1)).drop("k", "event_timestamp").with_columns(value=1.0),
            features().drop("created"),
        )


def test_reach_drops_only_what_no_moment_can_choose(engine: Engine):
    rows = engine.hold(features(("a", 0.5, 1, 1.0), ("a", 1, 1, 2.0), ("a", 5, 5, 3.0), ("a", 5.5, 6, 4.0)))
    kept = within_reach(
        rows,
        event_timestamp="event",
        earliest=at(3),
        latest=at(5),
        ttl=2 * HOUR,
    )
    assert sorted(kept.to_polars()["value"]) == [2.0, 3.0]


def test_latest_rows_takes_the_latest_created_of_the_newest_event(engine: Engine):
    rows = engine.hold(features(("a", 1, 9, 1.0), ("a", 2, 2, 2.0), ("a", 2, 3, None), ("b", 1, 1, 4.0)))
    latest = latest_rows(rows, keys=["k"], event_timestamp="event", created_timestamp="created")
    assert sorted(latest.to_polars().select("k", "value").rows()) == [("a", None), ("b", 4.0)]


# --- against a naive loop -------------------------------------------------------------------------

hours = st.integers(0, 8)
keys = st.sampled_from(["a", "b", "c", "d", None])  # each key is a case of its own
entity_rows = st.lists(st.tuples(keys, hours), max_size=25)
feature_rows = st.lists(
    st.tuples(keys, hours, st.one_of(st.none(), hours), st.one_of(st.none(), st.just(1))),
    max_size=50,
    unique_by=lambda row: (row[0], row[1], row[1] if row[2] is None else row[2]),  # the key of a features table
)
ttls = st.one_of(st.none(), st.integers(0, 6).map(lambda hour: hour * HOUR))


def naive(moments: pl.DataFrame, rows: pl.DataFrame, ttl: timedelta | None) -> list[object]:
    found: list[object] = []
    for key, moment in moments.iter_rows():
        best: tuple[datetime, datetime, object] | None = None
        for other, event, created, value, _ in rows.iter_rows():
            known = event if created is None else created
            if key is None or other != key or max(event, known) > moment:
                continue
            if best is None or (event, known) > best[:2]:
                best = (event, known, value)
        alive = best is not None and (ttl is None or best[0] >= moment - ttl)
        found.append(best[2] if best is not None and alive else None)
    return found


@given(entity_rows, feature_rows, ttls)
@examples(max_examples=30, deadline=None)
def test_equals_a_naive_loop(engine: Engine, moments: list, rows: list, ttl: timedelta | None):
    left = entity(*moments)
    right = pl.DataFrame(
        [
            (key, at(event), None if created is None else at(created), value and float(i), json.dumps(i))
            for i, (key, event, created, value) in enumerate(rows)
        ],
        schema=FEATURES,
        orient="row",
    )
    assert joined(engine, left, right, ttl=ttl) == naive(left, right, ttl)


@given(entity_rows, feature_rows, st.integers(0, 8), feature_rows)
@examples(max_examples=10, deadline=None)
def test_rows_not_yet_visible_change_nothing(engine: Engine, moments: list, rows: list, cut: int, later: list):
    """Rows that become visible after a moment leave every value up to that moment as it was."""
    left = entity(*[(key, hour) for key, hour in moments if hour <= cut])
    visible = [(key, event, event if created is None else created, 1.0) for key, event, created, _ in rows]
    future = [(key, event, cut + 1 + (created or 0), 2.0) for key, event, created, _ in later]
    assert joined(engine, left, features(*visible)) == joined(engine, left, features(*visible, *future))
