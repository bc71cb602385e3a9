"""Version 2 stays as it is, keeps the rows that are there and can be taken back."""

import hashlib

import pyarrow as pa

from trenddrop.schemas import TABLES
from trenddrop.warehouse.migrations.m0002_window_features import FEATURES, WINDOW_FEATURES
from trenddrop.warehouse.migrations.steps import script


def test_version_2_never_changes() -> None:
    digest = hashlib.sha256(script(WINDOW_FEATURES.up).encode()).hexdigest()
    assert digest.startswith("01b0a2620282f1b8"), "homes out there were made by version 2: add a migration instead"


def test_a_row_of_version_1_keeps_its_values_and_has_nulls_beside_them(any_wh) -> None:
    any_wh.migrate(to=1)
    table = any_wh.table("hashtag_features").schema().to_pyarrow()
    row = {field.name: None for field in table} | {
        "hashtag_id": "tiktok:a",
        "feature_timestamp": 3_600_000_000,
        "created_timestamp": 3_600_000_000,
        "platform": "tiktok",
        "feature_window_hours": 24,
        "velocity": 0.5,
    }
    any_wh.append("hashtag_features", pa.Table.from_pylist([row], schema=table))
    any_wh.migrate(to=2)
    stored = any_wh.table("hashtag_features").to_pyarrow().to_pylist()[0]
    assert stored["velocity"] == 0.5
    assert {stored[name] for name in FEATURES} == {None}
    assert any_wh.has_table("feature_chunks")
    any_wh.migrate(to=1)
    assert not any_wh.has_table("feature_chunks")
    assert list(any_wh.table("hashtag_features").columns) == table.names
    assert set(FEATURES) <= set(TABLES["hashtag_features"].columns)
