"""What users of Feast rely on in an offline store, over both engines and tables of the test's own."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from trenddrop.core.errors import ConfigError, InputError, SchemaError
from trenddrop.core.settings import ClickHouseSettings, Settings
from trenddrop.feature_store import FeatureStoreSession
from trenddrop.feature_store.access import lend
from trenddrop.schemas import TableSchema
from trenddrop.schemas.table import TIMESTAMP
from trenddrop.warehouse import DuckLakeWarehouse, Warehouse
from trenddrop.warehouse.clickhouse import ClickHouseWarehouse

pytestmark = pytest.mark.filterwarnings(  # Feast says so of what it calls experimental
    "ignore:Saving dataset is an experimental feature:RuntimeWarning",
    "ignore:Retrieving datasets is an experimental feature:RuntimeWarning",
    "ignore:On demand feature view is an experimental feature:RuntimeWarning",
)

START = datetime(2026, 1, 1, tzinfo=UTC)
STAMP = pl.Datetime("us", "UTC")


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


VISITS = TableSchema(
    name="visits",
    columns={
        "country": "!string",
        "store": "!string",
        "happened": f"!{TIMESTAMP}",
        "learned": f"!{TIMESTAMP}",
        "n": "int64",
        "revenue": "float64",
        "is_open": "boolean",
        "note": "string",
    },
    key=("country", "store", "happened", "learned"),
)
PRICES = TableSchema(
    name="prices",
    columns={"store": "!string", "happened": f"!{TIMESTAMP}", "price": "float64"},
    key=("store", "happened"),
)


@pytest.fixture(scope="module")
def clickhouse() -> Iterator[Warehouse]:
    name = f"feast_{uuid.uuid4().hex}"
    warehouse = ClickHouseWarehouse(ClickHouseSettings(interface="chdb", database=name))
    yield warehouse
    warehouse.close()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("feast") / "home", threads=2)


@pytest.fixture(scope="module")
def ducklake(settings: Settings) -> Iterator[Warehouse]:
    warehouse = DuckLakeWarehouse(settings)
    yield warehouse
    warehouse.close()


@pytest.fixture(scope="module", params=["ducklake", "clickhouse"])
def shop(request: pytest.FixtureRequest) -> Warehouse:
    """A warehouse with the visits and prices of stores whose composite keys look alike when glued together."""
    warehouse: Warehouse = request.getfixturevalue(request.param)
    warehouse.ensure_table(VISITS)
    warehouse.ensure_table(PRICES)
    visits = [
        ("1", "23", at(1), at(1), 10, 1.5, True, "x"),
        ("12", "3", at(2), at(2), 20, None, False, None),
        ("1", "23", at(3), at(6), None, 3.5, None, "late"),
    ]
    warehouse.append("visits", pl.DataFrame(visits, schema=list(VISITS.columns), orient="row"))
    prices = [("23", at(0), 5.0), ("3", at(4), 7.0)]
    warehouse.append("prices", pl.DataFrame(prices, schema=list(PRICES.columns), orient="row"))
    return warehouse


@pytest.fixture(scope="module")
def session(shop: Warehouse, settings: Settings) -> FeatureStoreSession:
    """Feast with views of its own over the shop's tables."""
    from feast import Entity, FeatureService, FeatureView, Field, RequestSource, ValueType
    from feast.on_demand_feature_view import on_demand_feature_view
    from feast.types import Bool, Float64, Int64, String

    from trenddrop.feature_store.source import WarehouseSource

    country = Entity(name="country", join_keys=["country"], value_type=ValueType.STRING)
    store = Entity(name="store", join_keys=["store_id"], value_type=ValueType.STRING)
    visits = FeatureView(
        name="visits",
        entities=[country, store],
        schema=[
            Field(name="country", dtype=String),
            Field(name="store_id", dtype=String),
            Field(name="visitors", dtype=Int64),
            Field(name="revenue", dtype=Float64),
            Field(name="is_open", dtype=Bool),
            Field(name="note", dtype=String),
        ],
        source=WarehouseSource(
            table="visits",
            timestamp_field="happened",
            created_timestamp_column="learned",
            field_mapping={"store": "store_id", "n": "visitors"},
        ),
        ttl=timedelta(hours=4),
    )
    prices = FeatureView(
        name="prices",
        entities=[store],
        schema=[Field(name="store_id", dtype=String), Field(name="price", dtype=Float64)],
        source=WarehouseSource(
            name="prices_in_cents",
            query="SELECT store, happened, price * 100 AS price FROM prices",
            timestamp_field="happened",
            field_mapping={"store": "store_id"},
        ),
        ttl=timedelta(0),
    )
    doubled_source = RequestSource(name="factors", schema=[Field(name="factor", dtype=Float64)])

    @on_demand_feature_view(
        sources=[visits, doubled_source], schema=[Field(name="scaled", dtype=Float64)], mode="pandas"
    )
    def scaled(inputs: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"scaled": inputs["revenue"] * inputs["factor"]})

    service = FeatureService(name="shop_v1", features=[visits, prices])
    session = FeatureStoreSession(settings)
    with lend(shop):
        session.feast.apply([country, store, visits, prices, scaled, service])
    return session


ENTITY = pl.DataFrame(
    {
        "country": ["1", "12", "1", "1", None, "9"],
        "store_id": ["23", "3", "23", "23", "3", "23"],
        "event_timestamp": pl.Series([at(2), at(2), at(6), at(8), at(5), at(5)], dtype=STAMP),
    }
)
REFS = ["visits:visitors", "visits:revenue", "visits:is_open", "visits:note", "prices:price"]
EXPECTED = {
    "visitors": [10, 20, None, None, None, None],
    "revenue": [1.5, None, 3.5, None, None, None],
    "is_open": [True, False, None, None, None, None],
    "note": ["x", None, "late", None, None, None],
    "price": [500.0, None, 500.0, 500.0, 700.0, 500.0],
}


def retrieve(session: FeatureStoreSession, shop: Warehouse, entity: Any, **options: Any) -> pl.DataFrame:
    with lend(shop):
        job = session.feast.get_historical_features(entity_df=entity, **({"features": REFS} | options))
        frame = pl.from_arrow(job.to_arrow())
    assert isinstance(frame, pl.DataFrame)
    return frame


@pytest.mark.parametrize("kind", ["polars", "arrow", "pandas", "naive pandas", "sql"])
def test_entity_rows_of_every_kind(session: FeatureStoreSession, shop: Warehouse, kind: str):
    """Composite keys, mapped fields, two views over different entities, late data, time to live, nulls."""
    entity: Any = {
        "polars": lambda: ENTITY,
        "arrow": ENTITY.to_arrow,
        "pandas": ENTITY.to_pandas,
        "naive pandas": lambda: ENTITY.with_columns(pl.col("event_timestamp").dt.replace_time_zone(None)).to_pandas(),
        "sql": lambda: "SELECT country, store AS store_id, happened AS event_timestamp FROM visits",
    }[kind]()
    frame = retrieve(session, shop, entity)
    if kind == "sql":
        rows = sorted(frame.select("country", "visitors", "price").rows())
        assert rows == [("1", 10, 500.0), ("1", 10, 500.0), ("12", 20, None)]
        return
    assert frame.select(list(EXPECTED)).to_dict(as_series=False) == EXPECTED
    assert frame["event_timestamp"].to_list() == ENTITY["event_timestamp"].to_list()


def test_full_names_and_a_service(session: FeatureStoreSession, shop: Warehouse):
    service = session.feast.get_feature_service("shop_v1")
    frame = retrieve(session, shop, ENTITY, features=service, full_feature_names=True)
    assert frame.columns[3:] == [
        "visits__visitors",
        "visits__revenue",
        "visits__is_open",
        "visits__note",
        "prices__price",
    ]
    assert frame["visits__visitors"].to_list() == EXPECTED["visitors"]


def test_one_view_twice_under_two_names(session: FeatureStoreSession, shop: Warehouse):
    from feast import FeatureService

    prices = session.feast.get_feature_view("prices")
    twice = FeatureService(
        name="both_ends",
        features=[
            prices.with_name("origin").with_join_key_map({"store_id": "origin_id"}),
            prices.with_name("target").with_join_key_map({"store_id": "target_id"}),
        ],
    )
    with lend(shop):
        session.feast.apply([twice])
    entity = pl.DataFrame({"origin_id": ["23"], "target_id": ["3"], "event_timestamp": [at(5)]})
    frame = retrieve(session, shop, entity, features=twice, full_feature_names=True)
    assert frame.select("origin__price", "target__price").rows() == [(500.0, 700.0)]


def test_on_demand_views_run_over_the_result(session: FeatureStoreSession, shop: Warehouse):
    entity = ENTITY.with_columns(factor=2.0).to_pandas()
    frame = retrieve(session, shop, entity, features=["visits:revenue", "scaled:scaled"])
    assert frame["scaled"].fill_nan(None).to_list() == [3.0, None, 7.0, None, None, None]


def test_without_entity_rows_every_moment_at_which_something_became_known(
    session: FeatureStoreSession, shop: Warehouse
):
    options = {"features": ["visits:visitors", "visits:note"], "start_date": at(0), "end_date": at(7)}
    frame = retrieve(session, shop, None, **options).sort("event_timestamp")
    assert frame.select("country", "store_id", "event_timestamp", "visitors", "note").rows() == [
        ("1", "23", at(1), 10, "x"),
        ("12", "3", at(2), 20, None),
        ("1", "23", at(6), None, "late"),
    ]


def test_views_of_different_entities_need_entity_rows(session: FeatureStoreSession, shop: Warehouse):
    with pytest.raises(SchemaError, match="need an entity dataframe"):
        retrieve(session, shop, None, start_date=at(0), end_date=at(7))


def test_the_metadata_of_a_job(session: FeatureStoreSession, shop: Warehouse):
    with lend(shop):
        job = session.feast.get_historical_features(entity_df=ENTITY.to_pandas(), features=REFS)
        assert "ASOF" in job.to_sql()
    assert job.metadata is not None
    assert job.metadata.features == REFS
    assert job.metadata.keys == ["country", "store_id"]
    assert (job.metadata.min_event_timestamp, job.metadata.max_event_timestamp) == (at(2), at(8))


def test_a_dataset_is_saved_and_read_back(session: FeatureStoreSession, shop: Warehouse):
    from trenddrop.feature_store.source import SavedDatasetWarehouseStorage

    with lend(shop):
        job = session.feast.get_historical_features(entity_df=ENTITY.drop_nulls().to_pandas(), features=REFS)
        storage = SavedDatasetWarehouseStorage(f"dataset_{uuid.uuid4().hex}")
        session.feast.create_saved_dataset(from_=job, name="frozen", storage=storage)
        again = pl.from_pandas(session.feast.get_saved_dataset("frozen").to_df())
        with pytest.raises(InputError, match="allow_overwrite"):
            job.persist(storage)
        job.persist(storage, allow_overwrite=True)
    assert isinstance(again, pl.DataFrame)
    assert len(again) == 5
    assert sorted(again["price"].drop_nans().drop_nulls()) == [500.0, 500.0, 500.0, 500.0]
    assert shop.table(storage.table).count().to_pyarrow().as_py() == 5


def test_rows_are_written_through_a_view(session: FeatureStoreSession, shop: Warehouse):
    row = {"country": ["7"], "store": ["7"], "happened": [at(1)], "learned": [at(1)]}
    values = {"n": [70], "revenue": [7.0], "is_open": [True], "note": ["new"]}
    entity = pl.DataFrame({"country": ["7"], "store_id": ["7"], "event_timestamp": [at(2)]})
    with lend(shop):
        # Feast maps the names of the fields before it writes, so a mapped view takes its own names
        session.feast._get_provider().offline_store.offline_write_batch(
            session.feast.config,
            session.feast.get_feature_view("visits"),
            pl.DataFrame(row | values).to_arrow(),
            None,
        )
    assert retrieve(session, shop, entity, features=["visits:visitors"])["visitors"].to_list() == [70]


def test_a_query_cannot_be_written_or_read_at_a_snapshot(session: FeatureStoreSession, shop: Warehouse):
    prices = session.feast.get_feature_view("prices")
    store = session.feast._get_provider().offline_store
    with pytest.raises(ConfigError, match="cannot be written"):
        store.offline_write_batch(session.feast.config, prices, pl.DataFrame({"price": [1.0]}).to_arrow(), None)
    with lend(shop, snapshot="1"), pytest.raises(ConfigError, match="prices_in_cents.*snapshot"):
        session.feast.get_historical_features(entity_df=ENTITY, features=REFS).to_arrow()


def test_pull_all_takes_a_period(session: FeatureStoreSession, shop: Warehouse):
    view = session.feast.get_feature_view("visits")
    with lend(shop):
        job = session.feast._get_provider().offline_store.pull_all_from_table_or_query(
            session.feast.config, view.batch_source, ["country", "store"], ["n"], "happened", "learned", at(2), at(3)
        )
        assert sorted(job.to_df()["store"]) == ["23", "3"]


def test_composite_keys_online(session: FeatureStoreSession, shop: Warehouse):
    from trenddrop.feature_store.access import reading_at

    with lend(shop):
        session.feast.materialize(at(0), at(2), feature_views=["visits"])
    rows = [{"country": "12", "store_id": "3"}, {"country": "1", "store_id": "23"}, {"country": "12", "store_id": "23"}]
    features = ["visits:visitors", "visits:is_open", "visits:note"]
    with reading_at(at(2)):
        values = session.feast.get_online_features(features=features, entity_rows=rows).to_dict()
    assert (values["visitors"], values["is_open"]) == ([20, 10, None], [False, True, None])
    assert values["note"] == [None, "x", None]


def test_rows_pushed_online_do_not_replace_newer_ones(session: FeatureStoreSession, shop: Warehouse):
    from trenddrop.feature_store.access import reading_at

    for hour, visitors in ((3, 30), (2, 20), (3, 31)):
        values = {"visitors": [visitors], "revenue": [1.0], "is_open": [True], "note": ["pushed"]}
        stamps = {"happened": [at(hour)], "learned": [at(hour)]}
        pushed = pd.DataFrame({"country": ["5"], "store_id": ["5"]} | values | stamps)
        session.feast.write_to_online_store("visits", df=pushed)
        with reading_at(at(4)):
            rows = [{"country": "5", "store_id": "5"}]
            read = session.feast.get_online_features(features=["visits:visitors"], entity_rows=rows).to_dict()
        assert read["visitors"] == [visitors if hour == 3 else 30]


@pytest.mark.parametrize(
    ("options", "fault"),
    [({}, "either a table or a query"), ({"table": "t", "query": "q"}, "either"), ({"query": "q"}, "a name")],
)
def test_a_source_is_one_table_or_one_named_query(options: dict[str, str], fault: str):
    from trenddrop.feature_store.source import WarehouseSource

    with pytest.raises(ConfigError, match=fault):
        WarehouseSource(**options)


def test_a_source_survives_the_registry_and_checks_its_columns(session: FeatureStoreSession, settings: Settings):
    from feast.data_source import DataSource

    from trenddrop.feature_store.source import WarehouseSource

    source = WarehouseSource(
        table="hashtag_metrics", timestamp_field="timestamp", field_mapping={"view_count": "views"}, tags={"a": "b"}
    )
    again = DataSource.from_proto(source.to_proto())
    assert again == source
    assert again != WarehouseSource(table="hashtag_metrics", timestamp_field="timestamp")
    again.validate(session.feast.config)
    broken = WarehouseSource(table="hashtag_metrics", timestamp_field="when", field_mapping={"hits": "views"})
    with pytest.raises(SchemaError, match=r"missing columns \['hits', 'when'\]"):
        broken.validate(session.feast.config)


@pytest.mark.parametrize(
    ("entity", "fault"),
    [
        ({"country": ["1"]}, "event_timestamp"),
        (pl.DataFrame({"country": ["1"]}), "event_timestamp is missing"),
        (pl.DataFrame({"event_timestamp": [at(1)]}), r"lack \['country', 'store_id'\]"),
    ],
)
def test_unusable_entity_rows_are_refused(session: FeatureStoreSession, shop: Warehouse, entity: Any, fault: str):
    if isinstance(entity, dict):
        with pytest.raises(InputError, match="got dict"):
            retrieve(session, shop, entity)
        return
    with pytest.raises((InputError, SchemaError), match=fault):
        retrieve(session, shop, entity)


def test_a_killed_apply_leaves_the_registry_whole(
    session: FeatureStoreSession, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    registry = settings.home / "feast" / "registry.db"
    before = registry.read_bytes()

    def die(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        session.feast.registry.commit()
    assert registry.read_bytes() == before
