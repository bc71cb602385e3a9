"""The page ``docs/features.md``, written from the definitions."""

from collections.abc import Iterator

from trenddrop.features.definition import FeatureDefinition
from trenddrop.features.registry import FEATURE_SETS, GROUPS, FeatureSet

COLUMNS = ("feature", "what it is", "dtype", "valid range", "lag", "depends on", "version")
HEAD = """# Features

Written from the definitions in `src/trenddrop/features/` by `trenddrop features docs`; a test keeps it in step.
T is the hour of a row: a feature at T reads only what was visible at T. `trenddrop features explain NAME` follows
one of them down to the columns it is made of.

A valid range bounds every value that is not null. *null* in the dtype says that a value may be missing. The lag is
how long after T a value can be computed.
"""


def features_page() -> str:
    """Return the page: a table per entity and group, in the order of the definitions."""
    return "\n".join([HEAD, *(line for feature_set in FEATURE_SETS for line in _section(feature_set))])


def valid_range(definition: FeatureDefinition) -> str:
    """Return the valid range in words; a dash where every value is valid.

    >>> from trenddrop.features import find_feature
    >>> valid_range(find_feature("momentum_score")[1]), valid_range(find_feature("views_1h")[1])
    ('-1 to 1', 'from 0')
    """
    low, high = definition.valid_min, definition.valid_max
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    if low is not None:
        return f"from {low:g}"
    return "–" if high is None else f"to {high:g}"


def _section(feature_set: FeatureSet) -> Iterator[str]:
    count = len(feature_set.definitions)
    yield f"## {feature_set.entity.capitalize()}: {count} features of `{feature_set.schema.name}`"
    yield ""
    for group in dict.fromkeys(definition.group for definition in feature_set.definitions):
        yield f"### {group}: {GROUPS[group]}" if group in GROUPS else f"### {group}"
        yield ""
        yield f"| {' | '.join(COLUMNS)} |"
        yield f"|{'---|' * len(COLUMNS)}"
        for definition in feature_set.definitions:
            if definition.group == group:
                yield f"| {' | '.join(_cells(definition))} |"
        yield ""


def _cells(definition: FeatureDefinition) -> tuple[str, ...]:
    deprecated = f"**Deprecated: use `{definition.deprecated}`.** " if definition.deprecated else ""
    return (
        f"`{definition.name}`",
        (deprecated + definition.description).replace("|", "\\|"),
        definition.dtype + (", null" if definition.is_nullable else ""),
        valid_range(definition),
        f"{definition.computation_lag_minutes} min" if definition.computation_lag_minutes else "–",
        ", ".join(f"`{name}`" for name in definition.depends_on) or "–",
        str(definition.version),
    )
