"""What is generated from the definitions: the page, the checks and the dependency tree."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from trenddrop.core.errors import NotFoundError
from trenddrop.features import FEATURE_SETS, dependency_tree, features_page, find_feature
from trenddrop.features.checks import DTYPES, feature_checks, pa
from trenddrop.features.registry import sources
from trenddrop.schemas import TABLES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "features.md"


def test_the_page_is_in_step_with_the_definitions():
    assert PAGE.read_text(encoding="utf-8") == features_page(), "run 'trenddrop features docs' and commit the page"


def test_every_feature_is_on_the_page_once():
    page = features_page()
    for feature_set in FEATURE_SETS:
        section = page.split(f"features of `{feature_set.schema.name}`")[1].split("\n## ")[0]
        for definition in feature_set.definitions:
            assert section.count(f"\n| `{definition.name}` |") == 1


def test_every_feature_is_computed_from_columns_of_tables():
    for feature_set in FEATURE_SETS:
        for definition in feature_set.definitions:
            for source in sources(dependency_tree(feature_set, definition.name)):
                table, column = source.split(".")
                assert column in TABLES[table].columns, (definition.name, source)


def test_a_feature_is_found_by_its_name_or_with_its_table():
    assert find_feature("velocity") == find_feature("hashtag_features.velocity")
    for wrong in ("velocty", "creators.velocity"):
        with pytest.raises(NotFoundError, match="velocity"):
            find_feature(wrong)


def frame(**changes) -> pl.DataFrame:
    values: dict[str, object] = {}
    for definition in FEATURE_SETS[0].definitions:
        value: object = {
            "float64": definition.valid_min or 0.5,
            "int64": int(definition.valid_min or 0),
            "boolean": True,
            "string": "{}",
        }[definition.dtype]
        values[definition.name] = pl.Series(
            [value, None if definition.is_nullable else value], dtype=DTYPES[definition.dtype]
        )
    return pl.DataFrame(values | changes)


def test_checks_let_every_valid_row_through():
    assert feature_checks().validate(frame()).height == 2
    assert len(feature_checks().columns) == len(FEATURE_SETS[0].definitions)


@pytest.mark.parametrize(
    "changes",
    [
        {"momentum_score": [0.0, 1.5]},
        {"views_1h": [-1.0, 0.0]},
        {"velocity": [float("nan"), 0.0]},
        {"velocity": [float("inf"), 0.0]},
        {"age_hours": pl.Series([1, None], dtype=pl.Int64)},
        {"age_hours": [1.0, 2.0]},
        {"is_weekend": [1, 0]},
    ],
)
def test_checks_refuse_what_a_definition_does_not_allow(changes):
    with pytest.raises(pa.errors.SchemaError, match=next(iter(changes))):
        feature_checks().validate(frame(**changes))


def test_a_missing_feature_is_refused_unless_it_was_not_asked_for():
    part = frame().select("velocity", "age_hours")
    with pytest.raises(pa.errors.SchemaError, match="acceleration"):
        feature_checks().validate(part)
    assert feature_checks(columns=part.columns).validate(part.with_columns(is_viral_6h=True)).width == 3


def test_a_join_may_leave_everything_null():
    empty = pl.DataFrame({"age_hours": pl.Series([None], dtype=pl.Int64)})
    assert feature_checks(columns=empty.columns, is_joined=True).validate(empty).height == 1


def test_an_unknown_entity_is_named():
    with pytest.raises(NotFoundError, match="hashtag"):
        feature_checks("planet")


def test_importing_the_checks_leaves_arrow_alone():
    code = "import os; import trenddrop.features.checks; assert 'PYARROW_IGNORE_TIMEZONE' not in os.environ"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
