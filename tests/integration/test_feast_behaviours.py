"""Feast's own ways of asking, writing and checking, through its public calls, on both engines."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from trenddrop.core.settings import ClickHouseSettings, Settings
from trenddrop.feature_store import FeatureStoreSession
from trenddrop.feature_store.access import lend
from trenddrop.schemas import TableSchema
from trenddrop.schemas.table import TIMESTAMP
from trenddrop.warehouse import DuckLakeWarehouse, Warehouse
from trenddrop.warehouse.clickhouse import ClickHouseWarehouse

pytestmark = pytest.mark.filterwarnings(
    "ignore:Dataset validation is an experimental feature:RuntimeWarning",
    "ignore:Logged features validation is an experimental feature:RuntimeWarning",
)

START = datetime(2026, 1, 1, tzinfo=UTC)
STAMP = pl.Datetime("us", "UTC")
SALES = TableSchema(
    name="sales",
    columns={"country": "!string", "shop": "!string", "happened": f"!{TIMESTAMP}", "learned": f"!{TIMESTAMP}", "n": "int64", "revenue": "float64"},
    key=("country", "shop", "happened", "learned"),
)  # fmt: skip
FEATURES = ["sales:sold", "sales:revenue", "weekly:revenue"]
TTL = timedelta(hours=30)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def drawn(seed: int, n: int = 150) -> pl.DataFrame:
    """Sales of shops whose composite keys look alike, on whole hours, many of them late, some in several versions."""
    rng = np.random.default_rng(seed)
    keys = np.array([("1", "23"), ("12", "3"), ("123", ""), ("1", "2")])[rng.integers(0, 4, n)]
    happened = rng.integers(0, 60, n)
    late = np.where(rng.random(n) < 0.4, rng.integers(1, 40, n), 0)
    frame = pl.DataFrame(
        {
            "country": keys[:, 0],
            "shop": keys[:, 1],
            "happened": [at(int(hour)) for hour in happened],
            "learned": [at(int(hour)) for hour in happened + late],
            "n": [None if rng.random() < 0.2 else int(n) for n in rng.integers(0, 99, n)],
            "revenue": [None if rng.random() < 0.2 else float(x) for x in rng.normal(size=n)],
        },
        schema_overrides={"happened": STAMP, "learned": STAMP},
    )
    return frame.unique(["country", "shop", "happened", "learned"], keep="first", maintain_order=True)


STORED = drawn(1)


@pytest.fixture(scope="module", params=["ducklake", "clickhouse"])
def market(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, chdb_engine: None) -> Any:
    """A warehouse with the sales, and Feast over it."""
    settings = Settings(home=tmp_path_factory.mktemp("feast") / "home", threads=2)
    warehouse: Warehouse = (
        DuckLakeWarehouse(settings)
        if request.param == "ducklake"
        else ClickHouseWarehouse(ClickHouseSettings(interface="chdb", database=f"market_{uuid.uuid4().hex}"))
    )
    warehouse.ensure_table(SALES)
    warehouse.append("sales", STORED)
    session = FeatureStoreSession(settings)
    with lend(warehouse):
        session.feast.apply(_declared())
        yield warehouse, session.feast
    warehouse.close()


def _declared() -> list[Any]:
    from feast import Entity, FeatureService, FeatureView, Field, PushSource, ValueType
    from feast.feature_logging import LoggingConfig
    from feast.types import Float64, Int64, String

    from trenddrop.feature_store.source import WarehouseLoggingDestination, WarehouseSource

    country = Entity(name="country", join_keys=["country"], value_type=ValueType.STRING)
    shop = Entity(name="shop", join_keys=["shop_id"], value_type=ValueType.STRING)
    keys = [Field(name="country", dtype=String), Field(name="shop_id", dtype=String)]
    source = WarehouseSource(
        table="sales",
        timestamp_field="happened",
        created_timestamp_column="learned",
        field_mapping={"shop": "shop_id", "n": "sold"},
    )
    pushed = PushSource(name="pushed_sales", batch_source=source)
    values = [Field(name="sold", dtype=Int64), Field(name="revenue", dtype=Float64)]
    views = [
        FeatureView(name="sales", entities=[country, shop], schema=[*keys, *values], source=pushed, ttl=TTL),
        FeatureView(name="weekly", entities=[country, shop], schema=[*keys, *values], source=source, ttl=timedelta(0)),
    ]
    logged = LoggingConfig(destination=WarehouseLoggingDestination(table=f"served_{uuid.uuid4().hex}"))
    service = FeatureService(name="logged_sales", features=[views[0]], logging_config=logged)
    return [country, shop, pushed, *views, service]


def asked(seed: int = 2, n: int = 60) -> pl.DataFrame:
    """Entity rows at whole hours, the edges of the time to live and duplicates among them."""
    rng = np.random.default_rng(seed)
    keys = [("1", "23"), ("12", "3"), ("123", ""), ("9", "9")]
    rows = [(*keys[rng.integers(0, 4)], at(float(hour))) for hour in rng.integers(0, 110, n)]
    schema = {"country": pl.String, "shop_id": pl.String, "event_timestamp": STAMP}
    return pl.DataFrame([*rows, *rows[:5]], schema=schema, orient="row")


def naive(country: str, shop: str, moment: datetime, ttl: timedelta | None) -> tuple[int | None, float | None]:
    """The newest visible version by the rules, found by looking at every row."""
    best: tuple[Any, ...] | None = None
    for row in STORED.iter_rows():
        visible = row[:2] == (country, shop) and row[2] <= moment and row[3] <= moment
        if visible and (best is None or row[2:4] > best[2:4]):
            best = row
    if best is None or (ttl is not None and moment - best[2] > ttl):
        return None, None
    return best[4], best[5]


def test_every_value_is_that_of_a_naive_loop(market: Any):
    _, feast = market
    entity = asked()
    job = feast.get_historical_features(entity_df=entity, features=FEATURES, full_feature_names=True)
    frame = pl.DataFrame(pl.from_arrow(job.to_arrow()))
    short = [naive(*row, TTL) for row in entity.iter_rows()]
    long = [naive(*row, None) for row in entity.iter_rows()]
    assert len({row for row in short if row != (None, None)}) > 10
    assert short != long
    assert frame.select("country", "shop_id", "event_timestamp").equals(entity)
    assert frame["sales__sold"].to_list() == [sold for sold, _ in short]
    assert frame["sales__revenue"].to_list() == [revenue for _, revenue in short]
    assert frame["weekly__revenue"].to_list() == [revenue for _, revenue in long]


def test_the_zone_of_the_entity_rows_does_not_matter(market: Any):
    _, feast = market
    entity = asked().to_pandas()
    elsewhere = entity.assign(event_timestamp=entity["event_timestamp"].dt.tz_convert("Asia/Ho_Chi_Minh"))
    naive_utc = entity.assign(event_timestamp=entity["event_timestamp"].dt.tz_localize(None))
    as_text = entity.assign(event_timestamp=entity["event_timestamp"].dt.as_unit("ns"))
    values = [
        feast.get_historical_features(entity_df=one, features=FEATURES[:2]).to_arrow().select(["sold", "revenue"])
        for one in (entity, elsewhere, naive_utc, as_text)
    ]
    assert all(one.equals(values[0]) for one in values)


def test_a_job_answers_in_every_form(market: Any):
    _, feast = market
    job = feast.get_historical_features(entity_df=asked(), features=FEATURES[:2], filter_by_created_timestamp=True)
    table = job.to_arrow()
    assert job.to_df()["sold"].isna().tolist() == table["sold"].is_null().to_pylist()
    assert job.to_feast_df().data.equals(table)
    tensors = job.to_tensor()
    assert tensors["revenue"].isnan().tolist() == table["revenue"].is_null().to_pylist()
    assert tensors["country"] == table["country"].to_pylist()


def test_references_are_validated(market: Any):
    from feast.errors import FeatureNameCollisionError, FeatureViewNotFoundException

    _, feast = market
    with pytest.raises(FeatureNameCollisionError, match="revenue"):
        feast.get_historical_features(entity_df=asked(), features=FEATURES)
    with pytest.raises(FeatureViewNotFoundException, match="yearly"):
        feast.get_historical_features(entity_df=asked(), features=["yearly:revenue"])
    with pytest.raises(Exception, match="profit"):
        feast.get_historical_features(entity_df=asked(), features=["sales:profit"]).to_arrow()


def test_a_result_is_validated_against_a_reference(market: Any):
    from feast.dqm.errors import ValidationFailed
    from feast.dqm.profilers.profiler import Profile, ValidationReport
    from feast.saved_dataset import ValidationReference

    class Report(ValidationReport):
        def __init__(self, faults: list[str]) -> None:
            self.faults = faults

        @property
        def is_success(self) -> bool:
            return not self.faults

        @property
        def errors(self) -> list[Any]:
            return self.faults

    class NothingSoldAbove(Profile):
        def __init__(self, most: int) -> None:
            self.most = most

        def validate(self, dataset: pd.DataFrame) -> ValidationReport:
            return Report([] if dataset["sold"].max() <= self.most else ["too much was sold"])

    class Reference(ValidationReference):
        def __init__(self, most: int) -> None:
            self.most = most

        @property
        def profile(self) -> Profile:
            return NothingSoldAbove(self.most)

    _, feast = market
    job = feast.get_historical_features(entity_df=asked(), features=FEATURES[:2])
    assert job.to_arrow(validation_reference=Reference(99)).num_rows == len(asked())
    with pytest.raises(ValidationFailed):
        job.to_df(validation_reference=Reference(1))


def read(feast: Any, country: str, shop: str, moment: datetime) -> tuple[Any, Any]:
    entity = pl.DataFrame({"country": [country], "shop_id": [shop], "event_timestamp": [moment]})
    table = feast.get_historical_features(entity_df=entity, features=FEATURES[:2]).to_arrow()
    return table["sold"][0].as_py(), table["revenue"][0].as_py()


def test_rows_are_written_to_the_table_of_a_mapped_view(market: Any):
    _, feast = market
    row = {"country": ["w"], "shop": ["w"], "happened": [at(1)], "learned": [at(2)], "n": [7], "revenue": [0.5]}
    feast.write_to_offline_store("sales", pd.DataFrame(row))
    assert read(feast, "w", "w", at(1)) == (None, None)  # not known yet
    assert read(feast, "w", "w", at(2)) == (7, 0.5)
    with pytest.raises(ValueError, match=r"missing_expected_columns: \['n'\], extra_unexpected_columns: \['m'\]"):
        feast.write_to_offline_store("sales", pd.DataFrame(row).rename(columns={"n": "m"}))


def test_rows_are_pushed_to_both_stores(market: Any):
    from feast.data_source import PushMode

    from trenddrop.feature_store.access import reading_at

    _, feast = market
    shop = uuid.uuid4().hex
    row = {"country": ["p"], "shop": [shop], "happened": [at(1)], "learned": [at(1)], "n": [3], "revenue": [1.5]}
    feast.push("pushed_sales", pd.DataFrame(row), to=PushMode.OFFLINE)
    assert read(feast, "p", shop, at(2)) == (3, 1.5)
    keys = [{"country": "p", "shop_id": shop}]
    with reading_at(at(2)):
        assert feast.get_online_features(features=FEATURES[:2], entity_rows=keys).to_dict()["sold"] == [None]
        named = pd.DataFrame(row | {"happened": [at(1.5)]}).rename(columns={"shop": "shop_id", "n": "sold"})
        feast.push("pushed_sales", named, to=PushMode.ONLINE)
        assert feast.get_online_features(features=FEATURES[:2], entity_rows=keys).to_dict()["sold"] == [3]


def test_served_vectors_are_logged_and_validated(market: Any):
    warehouse, feast = market
    service = feast.get_feature_service("logged_sales")
    table = service.logging_config.destination.table
    logs = pa.table(
        {
            "country": ["1", "1"],
            "shop_id": ["23", "2"],
            "sales__sold": [1, None],
            "sales__revenue": [0.5, None],
            "__log_timestamp": [at(1), at(2)],
            "__request_id": ["a", "b"],
        }
    )
    for _ in range(2):
        feast.write_logged_features(logs, service)
    kept = warehouse.table(table).order_by("__log_timestamp").to_pyarrow()
    assert kept["sales__sold"].to_pylist() == [1, 1, None, None]
