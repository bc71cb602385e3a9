"""The definitions: complete, unique, in step with the table, and naming what exists."""

from trenddrop.features import DEFINITIONS
from trenddrop.features.definitions import AGGREGATES
from trenddrop.features.visibility import LONGEST_H
from trenddrop.schemas import TABLES
from trenddrop.schemas.hashtag_features import HASHTAG_FEATURES

KEYS = {"hashtag_id", "feature_timestamp", "created_timestamp", "platform", "feature_window_hours"}


def test_the_table_has_exactly_the_defined_features_with_their_types():
    defined = {definition.name: definition.dtype for definition in DEFINITIONS}
    assert len(defined) == len(DEFINITIONS)
    stored = {name: dtype for name, dtype in HASHTAG_FEATURES.columns.items() if name not in KEYS}
    assert stored == defined


def test_a_feature_depends_on_earlier_features_and_on_columns_that_exist():
    earlier: set[str] = set()
    for definition in DEFINITIONS:
        for name in definition.depends_on:
            table, _, column = name.rpartition(".")
            assert column in (TABLES[table].columns if table else earlier), (definition.name, name)
        earlier.add(definition.name)


def test_groups_and_descriptions_are_given():
    for definition in DEFINITIONS:
        assert definition.group in "ABCDEFG"
        assert definition.description.endswith(".")
        assert definition.version >= 1
        assert definition.computation_lag_minutes >= 0


def test_no_window_reaches_further_back_than_the_history_that_is_read():
    assert len({aggregate.name for aggregate in AGGREGATES}) == len(AGGREGATES)
    assert max(aggregate.oldest_h for aggregate in AGGREGATES) < LONGEST_H
