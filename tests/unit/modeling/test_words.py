from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from trenddrop.modeling import fingerprint, fit, load_model, predict, reasons, save_model
from trenddrop.modeling.spec import Words
from trenddrop.modeling.words import COLUMNS, learn_words

START = datetime(2025, 1, 1, tzinfo=UTC)
WORDS = Words(longest_run=2, buckets=4096, smoothing=1.0, blocks=4)
EMBARGO = timedelta(hours=48)


def named(names, viral, *, hours=None):
    hours = range(len(names)) if hours is None else hours
    return pl.DataFrame(
        {
            "hashtag_id": [f"weibo:{name}" for name in names],
            "event_timestamp": [START + timedelta(hours=hour) for hour in hours],
            "is_viral_6h": viral,
        },
        schema_overrides={"event_timestamp": pl.Datetime("us", "UTC"), "is_viral_6h": pl.Boolean},
    )


def counts(frame):
    return learn_words(frame, WORDS, [6], embargo=EMBARGO)[0]


def test_a_name_with_the_characters_of_viral_ones_scores_higher():
    counted = counts(named(["金牌一", "金牌二", "下雨一", "下雨二"], [True, True, False, False]))
    gold, rain, new = counted.score(pl.Series(["weibo:金牌三", "weibo:下雨三", "weibo:火星"]))
    assert gold[0] > new[0] > rain[0]
    assert new[0] == pytest.approx(counted.prior)
    assert (gold[2], new[2]) == (0.6, 0.0)  # two characters and their pair of five runs are known


def test_topics_count_once_however_long_they_stay():
    once = counts(named(["甲", "乙"], [True, False]))
    often = counts(named(["甲", "乙", "乙", "乙"], [True, False, False, None]))
    asked = pl.Series(["weibo:甲", "weibo:乙"])
    assert np.array_equal(once.score(asked), often.score(asked), equal_nan=True)


def test_a_platform_or_an_empty_name_says_nothing():
    counted = counts(named(["甲", "乙"], [True, False]))
    one, other, empty = counted.score(pl.Series(["weibo:甲", "tiktok:甲", "weibo:"]))
    assert np.array_equal(one, other)
    assert np.isnan(empty).all()


def test_training_rows_learn_only_from_outcomes_that_were_over_before_their_block():
    rng = np.random.default_rng(2)
    names = ["".join(rng.choice(list("甲乙丙丁戊己"), 3)) for _ in range(400)]
    frame = named(names, rng.random(400) < 0.4, hours=range(0, 1600, 4))
    before = learn_words(frame, WORDS, [6], embargo=EMBARGO)[1]
    assert np.isnan(before[:100]).all()
    assert not np.isnan(before[100:]).any()
    late = pl.col("event_timestamp") >= START + timedelta(hours=4 * 200 - 6 - 48)
    lied = frame.with_columns(is_viral_6h=pl.when(late).then(~pl.col("is_viral_6h")).otherwise("is_viral_6h"))
    after = learn_words(lied, WORDS, [6], embargo=EMBARGO)[1]
    assert np.array_equal(before[:299], after[:299], equal_nan=True)  # blocks of 399 h: up to the third's end
    assert not np.array_equal(before[300:], after[300:])


@pytest.fixture(scope="module")
def told(frame, spec, features):
    """A model of a world in which only the name tells: the hashtags with an a go viral, a day in four."""
    spec = spec.model_copy(update={"words": WORDS, "horizons": (6,)})
    number = pl.col("hashtag_id").str.tail(2).cast(pl.Int64)
    day = pl.col("event_timestamp").dt.ordinal_day()
    frame = frame.with_columns(
        hashtag_id=pl.format("tiktok:{}{}", pl.when(number < 15).then(pl.lit("aaa")).otherwise(pl.lit("bbb")), day),
        is_viral_6h=(number < 15) & ((number + day) % 4 == 0),
    )
    return frame, fit(frame, spec, features=["is_weekend"])


def test_the_model_learns_from_names_and_says_so(told):
    frame, model = told
    assert model.columns == ("is_weekend", *COLUMNS)
    asked = pl.DataFrame({"hashtag_id": ["tiktok:aaa500", "tiktok:bbb500"], "is_weekend": [False, False]})
    likely, unlikely = predict(model, asked)["probability_6h"]
    assert likely > 3 * unlikely
    assert "name_viral_share" in reasons(model, asked, top=1)["reasons"][0]


def test_a_loaded_model_reads_names_alike(told, tmp_path):
    frame, model = told
    save_model(model, tmp_path)
    loaded = load_model(tmp_path)
    assert predict(loaded, frame.head(200)).equals(predict(model, frame.head(200)))
    assert fingerprint(loaded) == fingerprint(model)


def test_few_names_are_not_read(told, spec, tmp_path):
    frame, _ = told
    topics = frame["hashtag_id"].n_unique()
    short = frame.with_columns(heat=pl.col("hashtag_id").str.contains("aaa").cast(pl.Float64))

    def fitted(least):
        words = WORDS.model_copy(update={"min_topics": least})
        return fit(short, spec.model_copy(update={"words": words, "horizons": (6,)}), features=["heat"])

    enough, few = fitted(topics), fitted(topics + 1)
    assert enough.columns == ("heat", *COLUMNS)
    assert (few.columns, few.texts) == (("heat",), ())
    renamed = short.with_columns(hashtag_id=pl.lit("tiktok:aaa1"))
    assert predict(few, renamed)["probability_6h"].equals(predict(few, short)["probability_6h"])
    save_model(few, tmp_path)
    assert fingerprint(load_model(tmp_path)) == fingerprint(few)


def test_no_rows_have_no_scores(told):
    frame, model = told
    assert predict(model, frame.clear()).height == 0


def test_rows_without_a_hashtag_still_get_a_probability(told):
    frame, model = told
    assert predict(model, frame.select("is_weekend").head(3))["probability_6h"].is_between(0, 1).all()
