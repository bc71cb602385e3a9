import json

import numpy as np
import polars as pl
import pytest
from scipy.special import logit

from trenddrop.core.errors import NotFoundError
from trenddrop.modeling import reasons
from trenddrop.modeling.matrix import design_matrix


def parsed(answer):
    return [json.loads(text) for text in answer["reasons"]]


def test_there_are_five_strongest_first_with_the_row_s_own_values(model, frame):
    rows = frame.head(40)
    for row, found in zip(rows.to_dicts(), parsed(reasons(model, rows)), strict=True):
        strengths = [abs(reason["contribution"]) for reason in found]
        assert len(found) == 5
        assert strengths == sorted(strengths, reverse=True)
        for reason in found:
            value = row[reason["feature"]]
            assert reason["value"] == (None if value is None else pytest.approx(float(value)))


def test_all_contributions_and_the_base_add_up_to_the_raw_score(model, frame, features):
    rows = frame.head(30)
    one = model.horizons[0]
    matrix = design_matrix(rows, features)
    base = one.booster.predict(matrix, pred_contrib=True)[:, -1]
    totals = [sum(r["contribution"] for r in found) for found in parsed(reasons(model, rows, top=99, horizon=6))]
    assert np.array(totals) + base == pytest.approx(logit(one.raw(matrix)), abs=1e-3)


def test_the_words_are_the_description_the_value_and_the_direction(model, frame):
    rows = frame.head(1).with_columns(heat=3.25, views_1h=1_234_567.0)
    by_feature = {reason["feature"]: reason for reason in parsed(reasons(model, rows, top=99))[0]}
    assert by_feature["heat"]["text"] == "How hot it is: 3.25 (raises it)"
    assert by_feature["views_1h"]["text"].startswith("Views in the last hour: 1.2M (")
    assert by_feature["empty"]["text"].startswith("empty: unknown (")
    assert by_feature["is_weekend"]["text"].startswith("is_weekend: no (")


@pytest.mark.parametrize(
    ("value", "words"), [(45_600.0, "45.6k"), (-7.0, "-7"), (0.123456, "0.123"), (9_999.0, "9999"), (-2.5e6, "-2.5M")]
)
def test_numbers_are_written_for_reading(model, frame, value, words):
    found = parsed(reasons(model, frame.head(1).with_columns(heat=value), top=99))[0]
    assert f": {words} (" in next(reason["text"] for reason in found if reason["feature"] == "heat")


def test_without_a_horizon_the_contribution_is_the_mean_over_horizons(model, frame):
    rows = frame.head(3)

    def heat(**asked):
        return [
            r["contribution"]
            for found in parsed(reasons(model, rows, top=99, **asked))
            for r in found
            if r["feature"] == "heat"
        ]

    assert heat() == pytest.approx((np.array(heat(horizon=6)) + np.array(heat(horizon=12))) / 2, abs=1e-4)


def test_an_unknown_horizon_is_refused_and_no_rows_have_no_reasons(model, frame):
    with pytest.raises(NotFoundError, match=r"no horizon of 7 h; it has \[6, 12\]"):
        reasons(model, frame.head(1), horizon=7)
    assert reasons(model, frame.clear()).equals(pl.DataFrame({"reasons": pl.Series([], dtype=pl.String)}))
