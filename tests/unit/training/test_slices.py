from datetime import UTC, datetime, timedelta

import polars as pl

from trenddrop.training.slices import is_unseen, slices, with_past_outcomes

START = datetime(2025, 6, 1, tzinfo=UTC)


def judged(**columns):
    """Return rows at the start, of hashtags that no training period had and that had not gone viral."""
    rows = pl.DataFrame(columns | {"event_timestamp": START, "is_viral_6h": False})
    rows = with_past_outcomes(rows, (6,))
    return rows.with_columns(is_unseen(rows.head(0)))


def test_a_hashtag_of_the_training_period_is_seen_and_one_of_unknown_age_is_not_young():
    rows = judged(hashtag_id=["a", "b", "c"], age_hours=[23.0, 24.0, None])
    rows = rows.with_columns(is_unseen(rows.filter(pl.col("hashtag_id") == "b")))
    assert rows.select(**slices(rows, 6)).to_dict(as_series=False) == {
        "onset_only": [True, True, True],
        "unseen_hashtags": [True, False, True],
        "under_24h_old": [True, False, False],
    }


def test_rows_without_ages_have_no_part_of_young_ones():
    assert list(slices(judged(hashtag_id=["a"]), 6)) == ["onset_only", "unseen_hashtags"]


def test_a_row_within_a_rise_that_began_earlier_is_no_onset():
    """The label at t - h says what happened up to t, of the same hashtag and horizon alone; unknown is no rise."""
    hours = [(name, at) for name in "ab" for at in range(13)]
    rows = pl.DataFrame(
        {
            "hashtag_id": [name for name, _ in hours],
            "event_timestamp": [START + timedelta(hours=at) for _, at in hours],
            "is_viral_6h": [True if name == "a" and at < 3 else (None if at == 3 else False) for name, at in hours],
            "is_viral_12h": [name == "a" and at < 1 for name, at in hours],
        }
    )
    found = with_past_outcomes(rows, (6, 12))
    assert found.drop("went_viral_6h", "went_viral_12h").equals(rows)
    for horizon, inside in ((6, [6, 7, 8]), (12, [12])):
        onset = found.with_columns(is_unseen=False).select(slices(found, horizon)["onset_only"].alias("onset"))
        rising = found.filter(~onset["onset"])
        assert rising["hashtag_id"].unique().to_list() == ["a"]
        assert rising["event_timestamp"].to_list() == [START + timedelta(hours=at) for at in inside]
