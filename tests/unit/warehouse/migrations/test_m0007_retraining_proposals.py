"""Version 7 stays as it is, and can be taken back and done again."""

import hashlib

from trenddrop.warehouse import Warehouse
from trenddrop.warehouse.migrations.m0007_retraining_proposals import RETRAINING_PROPOSALS
from trenddrop.warehouse.migrations.steps import script


def test_version_7_never_changes() -> None:
    digest = hashlib.sha256(script(RETRAINING_PROPOSALS.up).encode()).hexdigest()
    assert digest.startswith("c5c354483ff30f73"), "homes out there were made by version 7: add a migration instead"


def test_it_can_be_taken_back_and_done_again(any_wh: Warehouse) -> None:
    assert any_wh.migrate(to=6)[-1] == 7
    assert not any_wh.has_table("retraining_proposals")
    assert any_wh.migrate()[0] == 7
    assert any_wh.table("retraining_proposals").count().to_pyarrow().as_py() == 0
