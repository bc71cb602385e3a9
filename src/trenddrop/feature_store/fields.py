"""The Feast schema of a feature group, generated from the one definition of each feature."""

from collections.abc import Iterable

from feast.field import Field
from feast.types import from_value_type

from trenddrop.core.errors import NotFoundError
from trenddrop.feature_store.source import value_type
from trenddrop.features import ALL_DEFINITIONS


def fields_of(*groups: str, entity: str = "hashtag", excluding: Iterable[str] = ()) -> list[Field]:
    """Return the fields of the groups' features of an entity, in the order of their definitions.

    Raises NotFoundError for a group that no feature of the entity belongs to.
    """
    definitions = [definition for definition in ALL_DEFINITIONS if definition.entity == entity]
    known = sorted({definition.group for definition in definitions})
    if unknown := sorted(set(groups) - set(known)):
        raise NotFoundError(f"feature groups {unknown} of a {entity}: not defined; defined are {known}")
    dropped = set(excluding)
    return [
        Field(
            name=definition.name,
            dtype=from_value_type(value_type(definition.dtype)),
            description=definition.description,
            tags={"group": definition.group, "version": str(definition.version)},
        )
        for definition in definitions
        if definition.group in groups and definition.name not in dropped
    ]
