"""Version 4 stays as it is, keeps the rows that are there and can be taken back."""

import hashlib
from datetime import UTC, datetime

import polars as pl

from trenddrop.warehouse.migrations.m0004_feature_drift import COLUMNS, FEATURE_DRIFT
from trenddrop.warehouse.migrations.steps import script


def test_version_4_never_changes() -> None:
    digest = hashlib.sha256(script(FEATURE_DRIFT.up).encode()).hexdigest()
    assert digest.startswith("49b7d6a2077f56e2"), "homes out there were made by version 4: add a migration instead"


def test_an_earlier_evaluation_keeps_its_figures(any_wh) -> None:
    any_wh.migrate(to=3)
    row = {
        "id": "a", "feature_name": "velocity", "evaluation_timestamp": datetime(2026, 1, 2, tzinfo=UTC),
        "total_records": 4, "null_count": 1, "null_percentage": 25.0, "mean_value": 0.5,
    }  # fmt: skip
    any_wh.append("feature_quality", pl.DataFrame([row]))
    any_wh.migrate()
    stored = any_wh.table("feature_quality").to_pyarrow().to_pylist()[0]
    assert {name: stored[name] for name in row} == row
    assert {stored[name] for name in COLUMNS} == {None}
    any_wh.migrate(to=3)
    assert not set(COLUMNS) & set(any_wh.table("feature_quality").columns)
