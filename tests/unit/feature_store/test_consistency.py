from datetime import UTC, datetime

import polars as pl
import pytest

from trenddrop.feature_store.consistency import compare

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def side(**columns: list[object]) -> pl.DataFrame:
    n = len(next(iter(columns.values())))
    keys = {"hashtag_id": [f"h{i}" for i in range(n)], "served_at": [MOMENT] * n}
    return pl.DataFrame(keys | columns, strict=False)


def test_equal_rows_have_a_rate_of_zero():
    rows = side(x=[1.0, None, 0.1 + 0.2], n=[1, 2, None], text=["a", None, ""])
    found = compare(rows, rows, ["x", "n", "text"])
    assert (found.vectors, found.rate, found.mismatches(), found.examples) == (3, 0.0, [], ())
    assert [one.compared for one in found.features] == [3, 3, 3]


def test_each_kind_of_mismatch_is_counted_and_shown():
    served = side(x=[1.0, None, 3.0, 4.0, None], text=["a", "b", "c", None, None])
    true = side(x=[1.0, 2.0, None, 4.0000001, None], text=["a", "b", "c", "d", None])
    found = compare(served, true, ["x", "text"])
    counts = {one.feature: (one.missing, one.invented, one.different) for one in found.features}
    assert counts == {"x": (1, 1, 1), "text": (1, 0, 0)}
    assert (found.mismatched_vectors, found.rate) == (3, 0.6)
    assert [one.feature for one in found.mismatches()] == ["x", "text"]
    assert found.examples[0] == "h1 at 2026-01-01T00:00:00+00:00: x served None, offline 2.0"
    assert len(found.examples) == 3


@pytest.mark.parametrize(
    ("tolerance", "served", "true", "is_same"),
    [
        (0.0, 1.0, 1.0 + 2**-52, False),
        (1e-9, 1.0, 1.0 + 1e-10, True),
        (1e-9, 1e12, 1e12 + 100, True),
        (1e-9, 1e12, 1e12 + 10_000, False),
        (1e-9, 0.0, 1e-10, True),
        (1e-9, 0.0, 1e-8, False),
        (1e-9, None, 0.0, False),
    ],
)
def test_a_tolerance_is_a_share_of_the_greater_value(tolerance, served, true, is_same):
    found = compare(side(x=[served, 1.0]), side(x=[true, 1.0]), ["x"], tolerance=tolerance)
    assert found.mismatched_vectors == (0 if is_same else 1)


def test_whole_numbers_have_no_tolerance():
    assert compare(side(n=[10**9]), side(n=[10**9 + 1]), ["n"], tolerance=0.1).mismatched_vectors == 1


def test_what_json_cannot_hold_is_null_on_both_sides():
    assert compare(side(x=[None, None, 1.0]), side(x=[float("inf"), float("nan"), 1.0]), ["x"]).rate == 0


def test_nothing_served_is_nothing_wrong():
    assert compare(side(x=[]), side(x=[]), ["x"]).rate == 0
