import numpy as np
import polars as pl
import pytest

from trenddrop.core.errors import SchemaError
from trenddrop.modeling.matrix import design_matrix, is_viral, labelled


def test_null_nan_and_infinite_are_all_missing():
    matrix = design_matrix(pl.DataFrame({"a": [None, float("nan"), float("inf"), 2.0]}), ["a"])
    assert np.isnan(matrix[:3, 0]).all()
    assert matrix[3, 0] == 2.0


def test_columns_follow_the_asked_order_whatever_the_frame_s():
    frame = pl.DataFrame({"b": [2], "a": [1], "more": ["text"]})
    assert design_matrix(frame, ["a", "b"]).tolist() == [[1.0, 2.0]]


def test_no_rows_and_all_null_columns_keep_their_shape():
    assert design_matrix(pl.DataFrame({"a": []}, schema={"a": pl.Float64}), ["a"]).shape == (0, 1)
    assert np.isnan(design_matrix(pl.DataFrame({"a": [None]}), ["a"])).all()


def test_missing_and_textual_features_are_named():
    with pytest.raises(SchemaError, match=r"missing columns \['b', 'c'\]"):
        design_matrix(pl.DataFrame({"a": [1]}), ["c", "a", "b"])
    with pytest.raises(SchemaError, match=r"zone \(String\)"):
        design_matrix(pl.DataFrame({"zone": ["x"]}), ["zone"])


def test_unknown_outcomes_are_left_out_not_negative():
    frame = pl.DataFrame({"is_viral_6h": [True, None, False]})
    assert is_viral(labelled(frame, 6), 6).tolist() == [True, False]
