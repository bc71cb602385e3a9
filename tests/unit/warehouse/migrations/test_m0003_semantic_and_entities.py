"""Version 3 stays as it is, and can be taken back."""

import hashlib

from trenddrop.schemas import TABLES
from trenddrop.warehouse.migrations.m0003_semantic_and_entities import COLUMNS, HASHTAG_FEATURES, SEMANTIC_AND_ENTITIES
from trenddrop.warehouse.migrations.steps import script


def test_version_3_never_changes() -> None:
    digest = hashlib.sha256(script(SEMANTIC_AND_ENTITIES.up).encode()).hexdigest()
    assert digest.startswith("4ac221698433f9c8"), "homes out there were made by version 3: add a migration instead"


def test_version_3_comes_and_goes(any_wh) -> None:
    assert all(any_wh.table(name).columns == tuple(TABLES[name].columns) for name in COLUMNS)
    any_wh.migrate(to=2)
    assert not any(any_wh.has_table(name) for name in COLUMNS)
    any_wh.migrate()
    assert set(HASHTAG_FEATURES) <= set(any_wh.table("hashtag_features").columns)
    assert all(any_wh.has_table(name) for name in COLUMNS)
