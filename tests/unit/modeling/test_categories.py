from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from trenddrop.modeling import fingerprint, fit, load_model, predict, reasons, save_model
from trenddrop.modeling.categories import fit_categories, past_category_scores
from trenddrop.modeling.spec import Categories

START = datetime(2025, 1, 1, tzinfo=UTC)
EMBARGO = timedelta(hours=48)
CATEGORIES = Categories(columns=("kind", "absent"), smoothing=2.0, blocks=4)


def of_kinds(kinds, viral, *, hours=None, names=None):
    hours = range(len(kinds)) if hours is None else hours
    return pl.DataFrame(
        {
            "hashtag_id": names or [f"weibo:t{i}" for i in range(len(kinds))],
            "event_timestamp": [START + timedelta(hours=hour) for hour in hours],
            "kind": kinds,
            "is_viral_6h": viral,
        },
        schema_overrides={
            "event_timestamp": pl.Datetime("us", "UTC"),
            "kind": pl.String,
            "is_viral_6h": pl.Boolean,
        },
    )


def test_the_share_is_that_of_the_topics_of_a_value_drawn_to_the_share_of_all():
    frame = of_kinds(["news", "news", "stars", None], [True, True, False, False])
    shares = fit_categories(frame, CATEGORIES, [6])
    assert list(shares.columns) == ["kind_viral_share"]
    prior = 2.5 / 5
    found = shares.score(pl.DataFrame({"kind": ["news", "stars", "new", None]}))[:, 0]
    assert found[:3] == pytest.approx([(2 + 2 * prior) / 4, (0 + 2 * prior) / 3, prior])
    assert np.isnan(found[3])


def test_topics_count_once_and_unknown_outcomes_not_at_all():
    once = of_kinds(["news", "stars"], [True, False], names=["a", "b"])
    often = of_kinds(["news", "stars", "stars", "stars"], [True, False, False, None], names=["a", "b", "b", "b"])
    assert fit_categories(often, CATEGORIES, [6]) == fit_categories(once, CATEGORIES, [6])


def test_rows_without_the_column_have_a_category_that_says_nothing():
    shares = fit_categories(of_kinds(["news", "stars"], [True, False]), CATEGORIES, [6])
    assert np.isnan(shares.score(pl.DataFrame({"other": [1, 2]}))).all()
    nothing = fit_categories(of_kinds([None, None], [True, False]), CATEGORIES, [6])
    assert nothing.columns == {}
    assert nothing.score(pl.DataFrame({"kind": ["news"]})).shape == (1, 0)


def test_training_rows_learn_only_from_outcomes_that_were_over_before_their_block():
    rng = np.random.default_rng(2)
    frame = of_kinds(rng.choice(["a", "b", "c"], 400).tolist(), rng.random(400) < 0.4, hours=range(0, 1600, 4))
    shares = fit_categories(frame, CATEGORIES, [6])
    before = past_category_scores(frame, shares, [6], embargo=EMBARGO)
    assert np.isnan(before[:100]).all()
    assert not np.isnan(before[100:]).any()
    late = pl.col("event_timestamp") >= START + timedelta(hours=4 * 200 - 6 - 48)
    lied = frame.with_columns(is_viral_6h=pl.when(late).then(~pl.col("is_viral_6h")).otherwise("is_viral_6h"))
    after = past_category_scores(lied, shares, [6], embargo=EMBARGO)
    assert np.array_equal(before[:299], after[:299], equal_nan=True)  # blocks of 399 h: up to the third's end
    assert not np.array_equal(before[300:], after[300:])


@pytest.fixture(scope="module")
def told(frame, spec):
    """A model of a world in which only the category tells: the news go viral, a day in four."""
    spec = spec.model_copy(update={"categories": Categories(columns=("kind",), blocks=4), "horizons": (6,)})
    number = pl.col("hashtag_id").str.tail(2).cast(pl.Int64)
    day = pl.col("event_timestamp").dt.ordinal_day()
    frame = frame.with_columns(
        hashtag_id=pl.format("{}_{}", "hashtag_id", day),
        kind=pl.when(number < 15).then(pl.lit("news")).otherwise(pl.lit("stars")),
        is_viral_6h=(number < 15) & ((number + day) % 4 == 0),
    )
    return frame, fit(frame, spec, features=["is_weekend"])


def test_the_model_learns_from_categories_and_says_so(told):
    _, model = told
    assert model.columns == ("is_weekend", "kind_viral_share")
    assert model.texts == ("kind",)
    asked = pl.DataFrame({"kind": ["news", "stars"], "is_weekend": [False, False]})
    news, stars = predict(model, asked)["probability_6h"]
    assert news > 2 * stars
    assert "with the same kind that went viral" in reasons(model, asked, top=1)["reasons"][0]


def test_a_kept_model_reads_categories_alike(told, tmp_path):
    frame, model = told
    save_model(model, tmp_path)
    again = load_model(tmp_path)
    assert again.categories == model.categories
    assert fingerprint(again) == fingerprint(model)
    assert predict(again, frame.head(50)).equals(predict(model, frame.head(50)))
