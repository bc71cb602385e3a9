import polars as pl

from trenddrop.training.slices import is_unseen, slices


def test_a_hashtag_of_the_training_period_is_seen_and_one_of_unknown_age_is_not_young():
    rows = pl.DataFrame({"hashtag_id": ["a", "b", "c"], "age_hours": [23.0, 24.0, None]})
    rows = rows.with_columns(is_unseen(rows.filter(pl.col("hashtag_id") == "b")))
    assert rows.select(**slices(rows)).to_dict(as_series=False) == {
        "unseen_hashtags": [True, False, True],
        "under_24h_old": [True, False, False],
    }


def test_rows_without_ages_have_no_part_of_young_ones():
    rows = pl.DataFrame({"hashtag_id": ["a"]})
    assert list(slices(rows.with_columns(is_unseen(rows)))) == ["unseen_hashtags"]
