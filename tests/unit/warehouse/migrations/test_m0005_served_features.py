"""Version 5 stays as it is, and can be taken back and done again."""

import hashlib

from trenddrop.warehouse import Warehouse
from trenddrop.warehouse.migrations.m0005_served_features import SERVED_FEATURES
from trenddrop.warehouse.migrations.steps import script


def test_version_5_never_changes() -> None:
    digest = hashlib.sha256(script(SERVED_FEATURES.up).encode()).hexdigest()
    assert digest.startswith("95e756f57d270588"), "homes out there were made by version 5: add a migration instead"


def test_it_can_be_taken_back_and_done_again(any_wh: Warehouse) -> None:
    assert any_wh.migrate(to=4)[-1] == 5
    assert not any_wh.has_table("served_features")
    assert any_wh.migrate()[0] == 5
    assert any_wh.table("served_features").count().to_pyarrow().as_py() == 0
