import json
from datetime import UTC, datetime

import pytest

from trenddrop.core.errors import NotFoundError
from trenddrop.registry import ModelVersion, ml_models

AT = datetime(2026, 1, 2, tzinfo=UTC)


class Registry:
    """Two models; the second one's only version was registered without a run."""

    def names(self):
        return ["a", "b"]

    def versions(self, name):
        if name == "b":
            return [ModelVersion("b", "1", "", "", created_at=AT, updated_at=AT)]
        return [
            ModelVersion("a", "1", "", "run1", created_at=AT, updated_at=AT),
            ModelVersion("a", "2", "", "run2", ("champion", "challenger"), created_at=AT, updated_at=AT),
        ]

    def params(self, run_id):
        return {"config_hash": run_id, "spec": "tiny", "snapshot_id": "41", "train_rows": "7"}

    def metrics(self, run_id):
        return {"average_precision_6h": 0.25}

    def document(self, run_id, name):
        if run_id == "run1":
            raise NotFoundError("older than its recipe")
        return '{"name": "tiny"}'


def test_one_row_per_version_with_the_columns_of_the_source_system():
    table = ml_models(Registry())
    assert table.columns[:10] == [
        "id",
        "name",
        "model_type",
        "version",
        "config",
        "performance_metrics",
        "training_data_info",
        "is_active",
        "created_at",
        "updated_at",
    ]
    assert table.select("name", "version", "is_active").rows() == [
        ("a", "1", False),
        ("a", "2", True),
        ("b", "1", False),
    ]
    assert table["id"].n_unique() == 3
    assert table["id"].to_list() == ml_models(Registry())["id"].to_list()
    row = table.row(1, named=True)
    assert json.loads(row["config"]) == {"config_hash": "run2", "spec": "tiny", "recipe": {"name": "tiny"}}
    assert json.loads(row["performance_metrics"]) == {"average_precision_6h": 0.25}
    assert json.loads(row["training_data_info"]) == {"snapshot_id": "41", "train_rows": "7"}
    assert row["aliases"] == ["challenger", "champion"]


def test_a_run_without_a_recipe_or_a_version_without_a_run_has_what_there_is():
    rows = ml_models(Registry()).to_dicts()
    assert json.loads(rows[0]["config"]) == {"config_hash": "run1", "spec": "tiny"}
    assert (rows[2]["config"], rows[2]["performance_metrics"]) == ("{}", "{}")


def test_one_model_alone_or_the_names_there_are():
    assert ml_models(Registry(), "b")["name"].to_list() == ["b"]
    with pytest.raises(NotFoundError, match="model c: not registered; known: a, b"):
        ml_models(Registry(), "c")
