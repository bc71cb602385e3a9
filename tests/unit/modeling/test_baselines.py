import numpy as np
import polars as pl
import pytest

from trenddrop.modeling.baselines import baseline_scores, chi_square, first_with_values, rank_score
from trenddrop.modeling.metrics import average_precision
from trenddrop.modeling.spec import Baseline


def scores(train, test, *baselines, features=("heat",)):
    return baseline_scores(train, test, baselines, features=features, horizon=6)


@pytest.fixture
def halves(frame):
    rows = frame.drop_nulls("is_viral_6h").filter(pl.col("hashtag_id") < "tiktok:t12")
    middle = rows.height // 2
    return rows.head(middle), rows.tail(rows.height - middle)


def test_prevalence_is_the_training_rows_own(halves):
    train, test = halves
    answer = scores(train, test, Baseline(name="p", kind="constant"))["p"]
    assert set(answer) == {train["is_viral_6h"].mean()}


def test_rank_takes_the_first_column_that_holds_values(halves):
    train, test = halves
    rank = Baseline(name="r", kind="rank", columns=("absent", "empty", "score", "heat"))
    assert np.array_equal(scores(train, test, rank)["r"], test["score"])


def test_a_baseline_without_values_is_left_out(halves):
    train, test = halves
    missing = Baseline(name="r", kind="rank", columns=("absent", "empty"))
    accounts = Baseline(name="c", kind="chi_square", columns=("posts_1h",), expected=("empty",))
    assert scores(train, test, missing, accounts) == {}


def test_unknown_ranks_below_everything_known():
    assert rank_score(pl.DataFrame({"a": [None, -5.0, 3.0]}), "a").argmin() == 0
    assert rank_score(pl.DataFrame({"a": [None, None]}, schema={"a": pl.Float64}), "a").tolist() == [0.0, 0.0]


def test_chi_square_is_signed_and_scaled_by_the_expectation():
    rows = pl.DataFrame({"now": [4.0, 1.0, 30.0, None], "day": [24.0, 48.0, 480.0, 24.0]})
    answer = chi_square(rows, "now", "day", hours=24)
    assert answer[:3] == pytest.approx([9.0, -0.5, 5.0])
    assert answer[3] == answer.min()


def test_chi_square_takes_the_first_pair_that_holds_values(halves):
    train, test = halves
    pairs = Baseline(name="c", kind="chi_square", columns=("heat", "posts_1h"), expected=("empty", "posts_24h"))
    assert np.array_equal(scores(train, test, pairs)["c"], chi_square(test, "posts_1h", "posts_24h", hours=24))


def test_logistic_regression_learns_beside_empty_and_partly_missing_columns(halves, features):
    train, test = halves
    answer = scores(train, test, Baseline(name="l", kind="logistic"), features=features)["l"]
    viral = test["is_viral_6h"].to_numpy()
    assert average_precision(viral, answer) > 3 * viral.mean()


def test_logistic_regression_needs_both_outcomes(halves):
    train, test = halves
    assert scores(train.with_columns(is_viral_6h=pl.lit(False)), test, Baseline(name="l", kind="logistic")) == {}


def test_first_with_values():
    rows = pl.DataFrame({"a": [None, None], "b": [None, 1]})
    assert first_with_values(rows, ("z", "a", "b")) == "b"
    assert first_with_values(rows, ("z", "a")) is None
