import json

import numpy as np
import polars as pl
import pytest
from scipy.special import logit

from trenddrop.core.errors import NotFoundError
from trenddrop.flow.stages import FEATURES
from trenddrop.modeling import reasons
from trenddrop.modeling.horizon_model import raw_scores
from trenddrop.modeling.matrix import design_matrix
from trenddrop.modeling.phrases import PHRASES
from trenddrop.modeling.spec import Categories
from trenddrop.modeling.words import COLUMNS


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
    assert np.array(totals) + base == pytest.approx(logit(raw_scores([one], matrix)[0]), abs=1e-3)


def test_the_words_are_the_description_the_value_and_the_direction(model, frame):
    rows = frame.head(1).with_columns(heat=3.25, views_1h=1_234_567.0)
    by_feature = {reason["feature"]: reason for reason in parsed(reasons(model, rows, top=99))[0]}
    assert by_feature["heat"]["text"] == "How hot it is: 3.25 (raises it)"
    assert by_feature["views_1h"]["text"].startswith("views in 1 h: 1.2M (")  # the feature's phrase
    assert by_feature["views_1h"]["short"] == "views in 1 h 1.2M"
    assert by_feature["heat"]["short"] == "heat 3.25"
    assert by_feature["empty"]["text"].startswith("empty: unknown (")
    assert by_feature["is_weekend"]["text"].startswith("weekend: no (")


@pytest.mark.parametrize(
    ("value", "words"), [(45_600.0, "45.6k"), (-7.0, "-7"), (0.123456, "0.123"), (9_999.0, "9999"), (-2.5e6, "-2.5M")]
)
def test_numbers_are_written_for_reading(model, frame, value, words):
    found = parsed(reasons(model, frame.head(1).with_columns(heat=value), top=99))[0]
    assert f": {words} (" in next(reason["text"] for reason in found if reason["feature"] == "heat")


@pytest.mark.parametrize(
    ("feature", "value", "words"),
    [
        ("velocity", 0.354, "views vs hour before +35 %"),
        ("velocity", -0.5, "views vs hour before -50 %"),
        ("velocity", 41.0, "views vs hour before 42x"),
        ("velocity", None, "views vs hour before unknown"),
        ("views_1h", 2_300_000.0, "views in 1 h 2.3M"),
        ("posts_24h", 1234, "posts in 24 h 1234"),
    ],
)
def test_a_phrase_writes_the_value_in_its_unit(model, frame, feature, value, words):
    rows = frame.head(1).with_columns(pl.lit(value).cast(frame.schema[feature]).alias(feature))
    found = {reason["feature"]: reason["short"] for reason in parsed(reasons(model, rows, top=99))[0]}
    assert found[feature] == words


def test_the_strongest_are_those_of_lightgbm_s_own_contributions_and_stay_the_same(model, frame, features):
    """Top five by absolute value of the mean of ``pred_contrib`` over the horizons, recomputed row by row."""
    rows = frame.sample(60, seed=3)
    matrix = design_matrix(rows, features)
    each = [one.booster.predict(matrix, pred_contrib=True)[:, :-1] for one in model.horizons]
    answer = reasons(model, rows)
    for place, found in enumerate(parsed(answer)):
        mean = [sum(values[place][i] for values in each) / len(each) for i in range(len(features))]
        expected = sorted(range(len(features)), key=lambda i: -abs(mean[i]))[:5]
        assert [reason["contribution"] for reason in found] == [round(mean[i], 4) for i in expected]
        assert [reason["feature"] for reason in found] == [features[i] for i in expected]
    assert reasons(model, rows).equals(answer)
    assert reasons(model, rows[::-1])["reasons"].reverse().equals(answer["reasons"])


def test_every_feature_that_a_model_reads_has_a_phrase():
    categories = {f"{name}_viral_share" for name in Categories().columns}
    assert set(FEATURES) | set(COLUMNS) | categories == set(PHRASES)
    assert all(len(phrase.words) <= 45 for phrase in PHRASES.values())


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
