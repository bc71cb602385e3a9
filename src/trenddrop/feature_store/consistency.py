"""Were the features that were served the ones that training would see? Each vector is recomputed point in time.

As Chronon does it: a sample of the served vectors is logged, each is recomputed by the offline store at the moment it
was served, and the two are compared value by value. Nothing but equality is expected. A difference means that the
online store was behind the warehouse, that it took other values for the newest, or that history was rewritten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

SERVED_PREFIX = "__served_"
KINDS = ("missing", "invented", "different")


@dataclass(frozen=True, slots=True)
class FeatureMismatch:
    """How often one feature was served otherwise than the offline store says."""

    feature: str
    compared: int
    missing: int  # served null where there was a value
    invented: int  # served a value where there was none
    different: int  # served another value

    @property
    def mismatched(self) -> int:
        """Return the number of mismatches of all three kinds."""
        return self.missing + self.invented + self.different

    @property
    def rate(self) -> float:
        """Return the share of the compared values that do not match."""
        return self.mismatched / self.compared if self.compared else 0.0


@dataclass(frozen=True, slots=True)
class Consistency:
    """What the comparison of a period found."""

    vectors: int = 0
    mismatched_vectors: int = 0
    features: tuple[FeatureMismatch, ...] = ()
    not_compared: tuple[str, ...] = ()  # served features that the service lacks by now, or that it gained meanwhile
    examples: tuple[str, ...] = ()

    @property
    def rate(self) -> float:
        """Return the share of the vectors with at least one value that does not match; 0 is expected."""
        return self.mismatched_vectors / self.vectors if self.vectors else 0.0

    def mismatches(self) -> list[FeatureMismatch]:
        """Return the features that do not match, the worst first."""
        return sorted((one for one in self.features if one.mismatched), key=lambda one: (-one.rate, one.feature))


def decoded(served: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Return rows of ``served_features`` with a column per feature; features that were not served are null."""
    values = served["feature_values"].str.json_decode(pl.Struct(schema)).struct.unnest() if schema else pl.DataFrame()
    return pl.concat([served.drop("feature_values"), values], how="horizontal")


def compare(
    served: pl.DataFrame, recomputed: pl.DataFrame, features: Sequence[str], *, tolerance: float = 0.0
) -> Consistency:
    """Compare the features of the rows, which stand in the same order.

    Values are equal when they are equal exactly. With a ``tolerance`` two floats are equal too that differ by at most
    that share of the greater one, or by at most that much where both are under 1. What JSON cannot hold (not a number,
    infinite) counts as null on both sides.
    """
    if not features or served.is_empty():
        return Consistency(vectors=served.height)
    sides = pl.concat(
        [
            served.select(pl.col(name).alias(SERVED_PREFIX + name) for name in features),
            recomputed.select(_finite(recomputed.schema[name], name) for name in features),
        ],
        how="horizontal",
    )
    kinds = {name: _kinds(name, recomputed.schema[name], tolerance) for name in features}
    flags = sides.select(flag.alias(f"{name}|{kind}") for name, each in kinds.items() for kind, flag in each.items())
    counts = flags.sum().row(0, named=True) if flags.width else {}
    wrong = flags.select(pl.any_horizontal(pl.all())).to_series()
    found = tuple(
        FeatureMismatch(name, served.height, *(int(counts[f"{name}|{kind}"]) for kind in kinds[name]))
        for name in features
    )
    return Consistency(
        vectors=served.height,
        mismatched_vectors=int(wrong.sum()),
        features=found,
        examples=tuple(_examples(served, sides, flags, wrong, features)),
    )


def _finite(dtype: pl.DataType, name: str) -> pl.Expr:
    column = pl.col(name)
    return pl.when(column.is_finite()).then(column).alias(name) if dtype.is_float() else column


def _kinds(name: str, dtype: pl.DataType, tolerance: float) -> dict[str, pl.Expr]:
    """Return what makes a value missing, invented or different; the order is that of ``FeatureMismatch``."""
    served, true = pl.col(SERVED_PREFIX + name), pl.col(name)
    is_same = served == true
    if tolerance and dtype.is_float():
        is_same |= (served - true).abs() <= tolerance * pl.max_horizontal(served.abs(), true.abs(), pl.lit(1.0))
    return {
        "missing": served.is_null() & true.is_not_null(),
        "invented": served.is_not_null() & true.is_null(),
        "different": (served.is_not_null() & true.is_not_null() & ~is_same).fill_null(value=False),
    }


def _examples(
    served: pl.DataFrame, sides: pl.DataFrame, flags: pl.DataFrame, wrong: pl.Series, features: Sequence[str]
) -> list[str]:
    """Return up to three mismatches in words."""
    texts = []
    for row in wrong.arg_true().head(3).to_list():
        marked = flags.row(row, named=True)
        name = next(one for one in features if any(marked[f"{one}|{kind}"] for kind in KINDS))
        was, true = sides[SERVED_PREFIX + name][row], sides[name][row]
        moment = served["served_at"][row].isoformat()
        texts.append(f"{served['hashtag_id'][row]} at {moment}: {name} served {was!r}, offline {true!r}")
    return texts
