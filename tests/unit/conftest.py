"""Both engines with tiny tables in them, and a small world with something to learn in it."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import clickhouse_connect
import ibis
import ibis.expr.types as ir
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from ibis.backends import BaseBackend

from trenddrop.modeling import FittedModel, ModelSpec, fit
from trenddrop.modeling.spec import Baseline, Bootstrap, Rounds, load_spec
from trenddrop.schemas import TABLES
from trenddrop.warehouse.clickhouse.dialect import PortableClickHouseCompiler
from trenddrop.warehouse.nesting import NestingDuckDBCompiler

START = datetime(2026, 1, 2, tzinfo=UTC)  # a Friday
Row = dict[str, Any]

WORLD_START = datetime(2025, 3, 1, tzinfo=UTC)
FEATURES = ("heat", "views_1h", "score", "velocity", "posts_1h", "posts_24h", "hour_of_day", "is_weekend", "empty")


class Engine:
    """A DuckDB or ClickHouse in this process that takes rows and holds intermediate tables."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._client = clickhouse_connect.get_client(interface="chdb") if name == "clickhouse" else None
        if self._client is None:
            self.backend: BaseBackend = ibis.duckdb.connect()
            self.backend.con.execute("SET threads = 2")
            self.backend.compiler = NestingDuckDBCompiler()  # as the warehouse compiles
        else:
            self._client.command("SET join_use_nulls = 1")
            self.backend = ibis.clickhouse.from_connection(self._client)
            self.backend.compiler = PortableClickHouseCompiler()  # as the warehouse compiles

    def load(self, table: str, rows: Sequence[Row]) -> ir.Table:
        """Return a table with the schema of ``table`` that holds the rows."""
        schema = TABLES[table].ibis()
        arrow = pa.Table.from_pylist(list(rows), schema=schema.to_pyarrow())
        name = f"rows_{uuid.uuid4().hex}"  # all tests of a process share one ClickHouse
        if self._client is not None:
            self.backend.create_table(name, schema=schema, engine="Memory")
            if rows:
                self._client.insert_arrow(name, arrow)
        else:
            self.backend.con.register("arrow_rows", arrow)
            self.backend.con.execute(f"CREATE TABLE {name} AS SELECT * FROM arrow_rows")
            self.backend.con.unregister("arrow_rows")
        return self.backend.table(name)

    def stage(self, rows: ir.Table) -> ir.Table:
        """Hold an expression's rows in a table."""
        name = f"rows_{uuid.uuid4().hex}"  # all tests of a process share one ClickHouse
        suffix = "ENGINE = Memory " if self._client is not None else ""
        statement = f"CREATE TABLE {name} {suffix}AS {self.backend.compile(rows)}"
        if self._client is not None:
            self._client.command(statement)
        else:
            self.backend.con.execute(statement)
        return self.backend.table(name)


@pytest.fixture(params=["duckdb", "clickhouse"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    engine = Engine(request.param)
    yield engine
    engine.backend.disconnect()


@pytest.fixture
def duckdb_engine() -> Iterator[Engine]:
    engine = Engine("duckdb")
    yield engine
    engine.backend.disconnect()


@pytest.fixture(scope="session")
def metric() -> Callable[..., Row]:
    """Build a row of ``hashtag_metrics`` for hour ``at`` (hours after the start), known ``late`` minutes after it."""

    def build(at: int, *, tag: str = "a", late: float = -5, platform: str = "tiktok", **values: Any) -> Row:
        moment = START + timedelta(hours=at)
        blank = dict.fromkeys(TABLES["hashtag_metrics"].columns)
        return blank | {
            "hashtag_id": f"{platform}:{tag}",
            "timestamp": moment,
            "created_timestamp": moment + timedelta(minutes=late),
            "window_duration_minutes": 60,
            "is_gap": False,
            "is_reset": False,
            "platform": platform,
            **values,
        }

    return build


@pytest.fixture(scope="session")
def reading() -> Callable[..., Row]:
    """Build a row of ``video_observations``, known at once: ``ago`` hours before t, of a video then ``age`` hours old."""

    def build(t: datetime, video: str, ago: float, age: float, views: int | None) -> Row:
        observed_at = t - timedelta(hours=ago)
        return {
            "video_id": video,
            "observed_at": observed_at,
            "fetched_at": observed_at,
            "created_at": observed_at - timedelta(hours=age),
            "view_count": views,
            "hashtag_ids": ["tiktok:a"],
            "platform": "tiktok",
            "batch_id": "b",
        }

    return build


def learnable_frame(
    *, days: int = 24, tags: int = 30, seed: int = 0, horizons: tuple[int, ...] = (6, 12)
) -> pl.DataFrame:
    """Hourly rows of hashtags whose heat wanders; viral: above 2 in a following hour. The last hours are unknown."""
    rng = np.random.default_rng(seed)
    hours = days * 24
    heat = np.zeros((hours, tags))
    for hour in range(1, hours):
        heat[hour] = 0.93 * heat[hour - 1] + rng.normal(0, 0.45, tags)
    views = np.exp(8 + heat + rng.normal(0, 0.3, heat.shape))
    before = np.vstack([np.full((1, tags), np.nan), views[:-1]])
    hour_index, tag_index = np.divmod(np.arange(hours * tags), tags)
    frame = pl.DataFrame(
        {
            "hashtag_id": pl.Series([f"tiktok:t{i:02}" for i in range(tags)]).gather(tag_index),
            "platform": pl.Series(["tiktok"]).new_from_index(0, hours * tags),
            "event_timestamp": pl.Series(
                [WORLD_START + timedelta(hours=h + 1) for h in range(hours)], dtype=pl.Datetime("us", "UTC")
            ).gather(hour_index),
            "heat": (heat + rng.normal(0, 0.2, heat.shape)).ravel(),
            "views_1h": views.ravel(),
            "score": (heat + rng.normal(0, 2.0, heat.shape)).ravel(),
            "velocity": pl.Series((views / before - 1).ravel(), nan_to_null=True),
            "posts_1h": rng.poisson(np.exp(np.clip(heat, -3, 3))).ravel(),
            "posts_24h": rng.poisson(24, heat.size),
            "hour_of_day": hour_index % 24,
            "is_weekend": hour_index // 24 % 7 >= 5,
            "empty": pl.Series([None], dtype=pl.Float64).new_from_index(0, hours * tags),
        }
    )
    labels = []
    for horizon in horizons:
        ahead = np.full(heat.shape, np.nan)
        for hour in range(hours - horizon):
            ahead[hour] = (heat[hour + 1 : hour + 1 + horizon] > 2).any(axis=0)
        labels.append(pl.Series(f"is_viral_{horizon}h", ahead.ravel(), nan_to_null=True).cast(pl.Boolean))
    return frame.with_columns(labels)


@pytest.fixture(scope="session")
def make_frame() -> Callable[..., pl.DataFrame]:
    return learnable_frame


@pytest.fixture(scope="session")
def frame() -> pl.DataFrame:
    return learnable_frame()


@pytest.fixture(scope="session")
def features() -> tuple[str, ...]:
    return FEATURES


@pytest.fixture(scope="session")
def spec() -> ModelSpec:
    """The built-in recipe, small and quick."""
    changes = {
        "kind": "per_horizon",
        "horizons": (6, 12, 24),
        "words": None,
        "line": None,
        "rounds": Rounds(maximum=60, early_stopping=10),
        "params": {"learning_rate": 0.15, "num_leaves": 7, "min_data_in_leaf": 50},
        "bootstrap": Bootstrap(resamples=200),
        "baselines": (
            Baseline(name="prevalence", kind="constant"),
            Baseline(name="rank_by_score", kind="rank", columns=("absent", "score")),
            Baseline(name="logistic_regression", kind="logistic"),
        ),
    }
    return load_spec("viral_lightgbm").model_copy(update=changes)


@pytest.fixture(scope="session")
def model(frame: pl.DataFrame, spec: ModelSpec, features: tuple[str, ...]) -> FittedModel:
    descriptions = {"heat": "How hot it is.", "views_1h": "Views in the last hour"}
    return fit(frame, spec, features=features, descriptions=descriptions)
