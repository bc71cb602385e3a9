"""Version 8 stays as it is, keeps the rows that are there and can be taken back."""

import hashlib
from datetime import UTC, datetime

import polars as pl

from trenddrop.schemas import TABLES
from trenddrop.warehouse.migrations.m0008_prediction_outcomes import COLUMNS, PREDICTION_OUTCOMES
from trenddrop.warehouse.migrations.steps import script

BEFORE = PREDICTION_OUTCOMES.version - 1


def test_the_version_never_changes() -> None:
    digest = hashlib.sha256(script(PREDICTION_OUTCOMES.up).encode()).hexdigest()
    assert digest.startswith("094523589eac5521"), "homes out there were made by this version: add a migration instead"


def test_an_earlier_prediction_keeps_its_values(any_wh) -> None:
    any_wh.migrate(to=BEFORE)
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    values = {"!string": "a", "!int64": 6, "!float64": 0.25, "!boolean": False, "!timestamp('UTC', 6)": moment}
    row = {name: values[kind] for name, kind in TABLES["predictions"].columns.items() if name not in COLUMNS}
    any_wh.append("predictions", pl.DataFrame([row]))
    any_wh.migrate()
    stored = any_wh.table("predictions").to_pyarrow().to_pylist()[0]
    assert {name: stored[name] for name in row} == row
    assert {stored[name] for name in COLUMNS} == {None}
    any_wh.migrate(to=BEFORE)
    assert not set(COLUMNS) & set(any_wh.table("predictions").columns)
