"""What every feature promises, as a pandera schema of a polars frame."""

import os
from collections.abc import Iterable

import polars as pl

from trenddrop.core.errors import NotFoundError
from trenddrop.features.definition import FeatureDefinition
from trenddrop.features.registry import FEATURE_SETS

_ENVIRONMENT = dict(os.environ)
import pandera.polars as pa  # noqa: E402 - it sets PYARROW_IGNORE_TIMEZONE: Arrow would take every moment for UTC

for _name in set(os.environ) - set(_ENVIRONMENT):
    del os.environ[_name]

DTYPES: dict[str, pl.DataType] = {
    "float64": pl.Float64(),
    "int64": pl.Int64(),
    "boolean": pl.Boolean(),
    "string": pl.String(),
}


def feature_checks(
    entity: str = "hashtag", *, columns: Iterable[str] | None = None, is_joined: bool = False
) -> pa.DataFrameSchema:
    """Return the checks of an entity's features: dtype, valid range, nulls, and that no value is infinite or NaN.

    ``columns`` restricts them to the features among these names, ``is_joined`` allows nulls everywhere: a point-in-time
    join has none to give where it finds no row. Other columns of a frame are let through.

    >>> feature_checks(columns=["momentum_score"]).validate(pl.DataFrame({"momentum_score": [0.5, None]})).height
    2
    """
    found = next((feature_set for feature_set in FEATURE_SETS if feature_set.entity == entity), None)
    if found is None:
        known = ", ".join(feature_set.entity for feature_set in FEATURE_SETS)
        raise NotFoundError(f"feature checks: no entity {entity!r}; known: {known}")
    wanted = None if columns is None else set(columns)
    return pa.DataFrameSchema(
        {
            definition.name: _column(definition, is_joined=is_joined)
            for definition in found.definitions
            if wanted is None or definition.name in wanted
        },
        name=found.schema.name,
    )


def _column(definition: FeatureDefinition, *, is_joined: bool) -> pa.Column:
    checks = []
    if definition.valid_min is not None:
        checks.append(pa.Check.ge(definition.valid_min))
    if definition.valid_max is not None:
        checks.append(pa.Check.le(definition.valid_max))
    if definition.dtype == "float64":
        checks.append(pa.Check(_is_finite, name="is_finite"))
    return pa.Column(
        DTYPES.get(definition.dtype),
        checks,
        nullable=definition.is_nullable or is_joined,
        description=definition.description,
    )


def _is_finite(data: pa.PolarsData) -> pl.LazyFrame:
    return data.lazyframe.select(pl.col(data.key).is_finite().fill_null(True))
