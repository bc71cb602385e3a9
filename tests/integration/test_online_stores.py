"""Feast over each online store: apply, push, types, composite keys, time to live, all through Feast's own calls."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from trenddrop.feature_store.access import reading_at

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
LIVE = timedelta(hours=2)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    from feast import FeatureStore
    from feast.repo_config import RepoConfig

    name = "trenddrop.feature_store.online."
    online = (
        {"type": name + "WideSqliteOnlineStore", "path": str(tmp_path / "online.sqlite")}
        if request.param == "sqlite"
        else {
            "type": name + "WideRedisOnlineStore",
            "url": request.getfixturevalue("redis_url"),
            "is_expiring": False,  # the tests read at moments long past
        }
    )
    config = RepoConfig(
        project="tiny",
        provider="local",
        registry=str(tmp_path / "registry.db"),
        online_store=online,
        offline_store={"type": "trenddrop.feature_store.offline.WarehouseOfflineStore", "home": str(tmp_path)},
        entity_key_serialization_version=3,
    )
    feast = FeatureStore(config=config)
    yield feast
    feast._get_provider().online_store.close()


def declared(*, fields: dict[str, Any], keys: tuple[str, ...] = ("hashtag_id",), ttl: timedelta = LIVE) -> list[Any]:
    """Entities and one view over a push source with the fields."""
    from feast import Entity, FeatureView, Field, PushSource, ValueType
    from feast.types import String

    from trenddrop.feature_store.source import WarehouseSource

    entities = [Entity(name=key, join_keys=[key], value_type=ValueType.STRING) for key in keys]
    batch = WarehouseSource(name="rows", table="rows", timestamp_field="happened", created_timestamp_column="known")
    push = PushSource(name="pushed", batch_source=batch)
    schema = [*(Field(name=key, dtype=String) for key in keys), *(Field(name=n, dtype=t) for n, t in fields.items())]
    return [*entities, FeatureView(name="view", entities=entities, schema=schema, source=push, ttl=ttl)]


def push(store: Any, **columns: list[Any]) -> None:
    frame = pd.DataFrame(columns)
    frame["known"] = frame.get("known", frame["happened"])
    store.push("pushed", frame)


def read(store: Any, *features: str, hour: float, keys: list[dict[str, Any]]) -> dict[str, list[Any]]:
    with reading_at(at(hour)):
        found = store.get_online_features(features=[f"view:{name}" for name in features], entity_rows=keys).to_dict()
    return {name: found[name] for name in features}


def ids(*names: str) -> list[dict[str, Any]]:
    return [{"hashtag_id": name} for name in names]


def test_every_type_that_feast_has_comes_back(store: Any):
    from feast import types

    stamp = datetime(2026, 1, 1, 5, 6, 7, tzinfo=UTC)
    values: dict[str, tuple[Any, Any]] = {
        "x": (types.Float64, 0.1 + 0.2),
        "narrow": (types.Float32, 0.5),
        "n": (types.Int64, 2**60 + 1),
        "small": (types.Int32, -7),
        "flag": (types.Bool, False),
        "text": (types.String, "Việt Nam"),
        "raw": (types.Bytes, b"\x00\xff"),
        "stamp": (types.UnixTimestamp, stamp),
        "numbers": (types.Array(types.Float64), [1.5, 2.5]),
        "words": (types.Array(types.String), ["a", "b"]),
        "flags": (types.Array(types.Bool), [True, False]),
    }
    store.apply(declared(fields={name: kind for name, (kind, _) in values.items()}))
    push(store, hashtag_id=["a"], happened=[at(1)], **{name: [value] for name, (_, value) in values.items()})
    found = read(store, *values, hour=1, keys=ids("a", "nobody"))
    assert found == {name: [value, None] for name, (_, value) in values.items()}


def test_a_null_is_not_a_zero(store: Any):
    from feast import types

    store.apply(declared(fields={"x": types.Float64, "text": types.String}))
    push(store, hashtag_id=["a", "b"], happened=[at(1), at(1)], x=[None, 0.0], text=["", None])
    assert read(store, "x", "text", hour=1, keys=ids("a", "b")) == {"x": [None, 0.0], "text": ["", None]}


def test_a_value_dies_when_training_would_no_longer_see_it(store: Any):
    from feast import types

    store.apply(declared(fields={"x": types.Float64}))
    push(store, hashtag_id=["a"], happened=[at(1)], x=[1.0])
    assert [read(store, "x", hour=hour, keys=ids("a"))["x"] for hour in (3, 3.0001)] == [[1.0], [None]]


def test_a_push_that_comes_late_does_not_replace_what_is_newer(store: Any):
    from feast import types

    store.apply(declared(fields={"x": types.Float64}))
    push(store, hashtag_id=["a"], happened=[at(2)], x=[2.0])
    push(store, hashtag_id=["a"], happened=[at(1)], known=[at(9)], x=[1.0])
    assert read(store, "x", hour=2, keys=ids("a")) == {"x": [2.0]}
    push(store, hashtag_id=["a"], happened=[at(2)], known=[at(3)], x=[2.5])
    assert read(store, "x", hour=2, keys=ids("a")) == {"x": [2.5]}


def test_composite_keys(store: Any):
    from feast import types

    store.apply(declared(fields={"x": types.Int64}, keys=("region", "hashtag_id")))
    push(store, hashtag_id=["23", "3"], region=["1", "12"], happened=[at(1), at(1)], x=[1, 2])
    keys = [{"hashtag_id": h, "region": r} for h, r in (("3", "12"), ("23", "1"), ("123", ""))]
    assert read(store, "x", hour=1, keys=keys) == {"x": [2, 1, None]}


def test_apply_adds_features_and_drops_views(store: Any):
    from feast import types

    store.apply(declared(fields={"x": types.Float64}))
    push(store, hashtag_id=["a"], happened=[at(1)], x=[1.0])
    store.apply(declared(fields={"x": types.Float64, "theme": types.String}))
    assert read(store, "x", "theme", hour=1, keys=ids("a")) == {"x": [1.0], "theme": [None]}
    push(store, hashtag_id=["a"], happened=[at(2)], x=[2.0], theme=["food"])
    assert read(store, "x", "theme", hour=2, keys=ids("a")) == {"x": [2.0], "theme": ["food"]}
    things = declared(fields={"x": types.Float64})
    store.apply([], objects_to_delete=[things[-1]], partial=False)
    store.apply(things)
    assert read(store, "x", hour=2, keys=ids("a")) == {"x": [None]}


def test_teardown_removes_everything(store: Any):
    from feast import types

    things = declared(fields={"x": types.Float64})
    store.apply(things)
    push(store, hashtag_id=["a"], happened=[at(1)], x=[1.0])
    store.teardown()
    store.apply(things)
    assert read(store, "x", hour=1, keys=ids("a")) == {"x": [None]}


def test_many_entities_come_in_the_order_asked_for(store: Any):
    from feast import types

    store.apply(declared(fields={"x": types.Int64}))
    names = [f"h{i}" for i in range(1_500)]
    push(store, hashtag_id=names, happened=[at(1)] * len(names), x=list(range(len(names))))
    asked = [*reversed(names), "nobody", names[3]]
    found = read(store, "x", hour=1, keys=ids(*asked))
    assert found == {"x": [*reversed(range(1_500)), None, 3]}


def test_a_response_says_when_its_values_happened(store: Any):
    from feast import types

    store.apply(declared(fields={"x": types.Float64}))
    push(store, hashtag_id=["a"], happened=[at(1)], x=[1.0])
    with reading_at(at(1)):
        response = store.get_online_features(features=["view:x"], entity_rows=ids("nobody", "a"))
    found = response.to_dict(include_event_timestamps=True)
    assert found["x__ts"] == [0, int(at(1).timestamp())]
