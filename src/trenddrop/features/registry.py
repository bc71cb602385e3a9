"""Every feature of every entity: what the docs, the checks, the evaluation and the command line go through."""

from collections.abc import Iterator
from dataclasses import dataclass

from trenddrop.core.errors import NotFoundError
from trenddrop.core.names import did_you_mean
from trenddrop.features.definition import FeatureDefinition
from trenddrop.features.definitions import DEFINITIONS
from trenddrop.features.entities import ENTITIES
from trenddrop.schemas import TableSchema
from trenddrop.schemas.hashtag_features import HASHTAG_FEATURES

GROUPS = {
    "A": "growth, volume, presence and rank",
    "B": "engagement",
    "C": "creators",
    "D": "semantics",
    "E": "novelty",
    "F": "calendar",
    "G": "residuals of earlier predictions",
}


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """The features of one entity, and the table that holds them."""

    entity: str
    schema: TableSchema
    definitions: tuple[FeatureDefinition, ...]

    def definition(self, name: str) -> FeatureDefinition | None:
        """Return the definition of that name, if there is one."""
        return next((definition for definition in self.definitions if definition.name == name), None)


FEATURE_SETS: tuple[FeatureSet, ...] = (
    FeatureSet("hashtag", HASHTAG_FEATURES, DEFINITIONS),
    *(FeatureSet(kind.name, kind.schema, kind.definitions) for kind in ENTITIES.values()),
)
ALL_DEFINITIONS: tuple[FeatureDefinition, ...] = tuple(d for one in FEATURE_SETS for d in one.definitions)


@dataclass(frozen=True, slots=True)
class Dependency:
    """A feature, or a column of a table, and what it is computed from in turn."""

    name: str
    needs: tuple["Dependency", ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return the tree as nested mappings."""
        return {need.name: need.as_dict() for need in self.needs}


def find_feature(name: str) -> tuple[FeatureSet, FeatureDefinition]:
    """Return the feature of that name, or of ``table.name`` where several entities have one.

    Raises NotFoundError with the nearest names.
    """
    table, _, column = name.rpartition(".")
    for feature_set in FEATURE_SETS:
        found = feature_set.definition(column)
        if found is not None and table in ("", feature_set.schema.name):
            return feature_set, found
    known = [definition.name for feature_set in FEATURE_SETS for definition in feature_set.definitions]
    raise NotFoundError(f"feature {name!r}: not defined{did_you_mean(column, known) or '; docs/features.md lists all'}")


def dependency_tree(feature_set: FeatureSet, name: str) -> Dependency:
    """Return what a feature is computed from, down to the columns of tables."""
    definition = feature_set.definition(name)
    needs = () if definition is None else definition.depends_on
    return Dependency(name, tuple(dependency_tree(feature_set, need) for need in needs))


def sources(dependency: Dependency) -> Iterator[str]:
    """Yield the columns of tables at the ends of the tree, each once."""
    seen: set[str] = set()
    ends = [dependency]
    while ends:
        one = ends.pop()
        ends.extend(reversed(one.needs))
        if "." in one.name and one.name not in seen:
            seen.add(one.name)
            yield one.name
