"""Rows that were written when a feature was of another kind."""

from typing import Any

import pyarrow as pa
import pytest

from trenddrop.feature_store.packed_rows import Layout, pack, unpack
from trenddrop.feature_store.wide_rows import ARROW_TYPES, CREATED, EVENT, Kind

CELLS: dict[Kind, Any] = {"number": 7.0, "whole": 7, "flag": True, "text": "seven", "blob": b"seven"}
IN_SLOTS: tuple[Kind, ...] = ("number", "whole", "flag")
IN_TAIL: tuple[Kind, ...] = ("text", "blob")


def reread(written: Kind, wanted: Kind) -> list[Any]:
    """Return a feature, and the text after it, of a row from when the feature was of the kind ``written``."""
    layout = Layout((("changed", written), ("after", "text")))
    columns = {
        EVENT: pa.array([1]),
        CREATED: pa.array([1]),
        "changed": pa.array([CELLS[written]], ARROW_TYPES[written]),
        "after": pa.array(["tea"]),
    }
    rows = pack(layout, pa.table(columns))
    features: dict[str, Kind] = {"changed": wanted, "after": "text"}
    _, _, series = unpack(rows, features, {layout.identity: layout}, alive_from=None)
    return [one[0] for one in series]


@pytest.mark.parametrize("in_slot", IN_SLOTS)
@pytest.mark.parametrize("in_tail", IN_TAIL)
def test_a_feature_that_became_a_text_or_was_one_is_null_beside_what_did_not_change(
    in_slot: Kind, in_tail: Kind
) -> None:
    assert reread(in_slot, in_tail) == [None, "tea"]
    assert reread(in_tail, in_slot) == [None, "tea"]


@pytest.mark.parametrize("written", IN_SLOTS)
@pytest.mark.parametrize("wanted", IN_SLOTS)
def test_numbers_stay_readable_as_numbers_of_another_kind(written: Kind, wanted: Kind) -> None:
    one = 1 if "flag" in (written, wanted) else 7
    assert reread(written, wanted)[0] == one


@pytest.mark.parametrize(("written", "wanted"), [("text", "blob"), ("blob", "text")])
def test_a_text_stays_readable_as_a_blob_and_back(written: Kind, wanted: Kind) -> None:
    assert reread(written, wanted) == [CELLS[wanted], "tea"]
