"""Steps and their inverses, without an engine."""

import json

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from trenddrop.core.errors import ConfigError
from trenddrop.warehouse.migrations import AddColumn, CreateTable, DropColumn, DropTable
from trenddrop.warehouse.migrations.steps import Step, migrated, script

BASE = {"t": {"a": "!string", "b": "int64"}}


@pytest.mark.parametrize(
    "step",
    [
        CreateTable("u", {"x": "!int64"}),
        DropTable("t", BASE["t"]),
        AddColumn("t", "c", "array<string>"),
        DropColumn("t", "b", "int64"),
    ],
)
def test_the_inverse_takes_a_step_back(step: Step) -> None:
    assert migrated(BASE, [step]) != BASE
    assert migrated(BASE, [step, step.inverse()]) == BASE
    assert step.inverse().inverse() == step


@pytest.mark.parametrize("step", [CreateTable("t", {"x": "int64"}), AddColumn("t", "b", "int64")])
def test_a_step_that_is_done_does_nothing(step: Step) -> None:
    assert migrated(BASE, [step]) == BASE


def test_an_added_column_must_be_nullable() -> None:
    with pytest.raises(ConfigError, match=r"t\.c: an added column must be nullable"):
        AddColumn("t", "c", "!int64")


def test_script_says_every_step() -> None:
    written = json.loads(script([CreateTable("t", {"x": "!int64"}), DropTable("t", {"x": "!int64"})]))
    assert written == [
        {"step": "CreateTable", "table": "t", "columns": {"x": "!int64"}},
        {"step": "DropTable", "table": "t", "columns": {"x": "!int64"}},
    ]


@hypothesis_settings(deadline=None)
@given(st.lists(st.sampled_from("cdef"), unique=True))
def test_columns_added_and_taken_back_leave_what_was(columns: list[str]) -> None:
    steps: list[Step] = [AddColumn("t", column, "float64") for column in columns]
    assert list(migrated(BASE, steps)["t"]) == ["a", "b", *columns]
    assert migrated(BASE, [*steps, *(step.inverse() for step in reversed(steps))]) == BASE
