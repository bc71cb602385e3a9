import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from trenddrop.core.errors import NotFoundError
from trenddrop.features import ALL_DEFINITIONS
from trenddrop.schemas import TABLES


@pytest.fixture(scope="module")
def declared():
    from trenddrop.feature_store.declarations import feature_repo_folder, read_declarations

    return read_declarations(feature_repo_folder(), project="trenddrop")


def test_every_feature_stands_in_one_view_with_its_description(declared):
    fields = [field for view in declared.feature_views for field in view.features]
    assert sorted(field.name for field in fields) == sorted(definition.name for definition in ALL_DEFINITIONS)
    described = {definition.name: definition.description for definition in ALL_DEFINITIONS}
    assert {field.name: field.description for field in fields} == described


def test_every_view_reads_columns_that_its_table_has(declared):
    for view in declared.feature_views:
        columns = TABLES[view.batch_source.table].columns
        assert {field.name for field in view.features} | set(view.join_keys) <= set(columns)
        assert view.ttl, f"{view.name}: values would live for ever"


def test_every_entity_says_the_type_of_its_key(declared):
    from feast import ValueType

    untyped = [entity.name for entity in declared.entities if entity.value_type is ValueType.UNKNOWN]
    assert untyped == ["__dummy"]  # of Feast itself, for views without an entity


def test_reading_leaves_the_process_as_it_was(tmp_path: Path):
    from trenddrop.feature_store.declarations import read_declarations

    (tmp_path / "entities.py").write_text(
        "from feast import Entity, ValueType\nx = Entity(name='x', value_type=ValueType.STRING)\n"
    )
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "one.py").write_text("from entities import x\n")
    before, path, folder = set(sys.modules), list(sys.path), Path.cwd()
    found = read_declarations(tmp_path, project="p")
    assert [entity.name for entity in found.entities][:1] == ["x"]
    assert not {name for name in set(sys.modules) - before if name.split(".")[0] in {"entities", "views"}}
    assert (sys.path, Path.cwd()) == (path, folder)


def test_an_unknown_group_names_the_known_ones():
    from trenddrop.feature_store.fields import fields_of

    with pytest.raises(NotFoundError, match=r"\['Z'\] of a hashtag: not defined; defined are \['A'"):
        fields_of("A", "Z")


def test_feast_is_imported_late_and_leaves_warning_filters_and_typeguard_alone():
    code = """
import sys, typeguard, warnings
import trenddrop.feature_store.store as store
assert "feast" not in sys.modules
before, typechecked = list(warnings.filters), typeguard.typechecked
store.load_feast()
assert "feast" in sys.modules
assert warnings.filters == before
assert typeguard.typechecked is typechecked
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_services_in_use_stay_as_they_were_and_later_ones_add_to_them(declared):
    services = {
        service.name: [field.name for view in service.feature_view_projections for field in view.features]
        for service in declared.feature_services
    }
    every = first, second, third = [services[f"hashtag_viral_v{version}"] for version in (1, 2, 3)]
    frozen = [(len(names), hashlib.sha256(" ".join(names).encode()).hexdigest()[:16]) for names in every]
    assert frozen == [(50, "67c42b4d00f8e77e"), (73, "ab12ab84b8bc3556"), (77, "7c994809cec3c700")]
    assert second[: len(first)] == first
    assert {"unique_creators_count", "novelty_index", "views_chi_square_1h"} <= set(second) - set(first)
    assert third[: len(first)] == first
    assert {"score_to_above", "topic_category", "last_prediction_error"} <= set(third) - set(first)
