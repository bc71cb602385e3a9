from datetime import UTC, datetime, timedelta

import polars as pl

from trenddrop.core.time import HORIZONS_HOURS
from trenddrop.scoring import open_scores

T = datetime(2026, 1, 1, 12, tzinfo=UTC)


def scores(*rows):
    """Each row: hashtag, issued hour; every horizon says 0.2 within [0.1, 0.3]."""
    columns = {
        f"{part}_{hours}h": value
        for hours in HORIZONS_HOURS
        for part, value in (("probability", 0.2), ("low", 0.1), ("high", 0.3))
    }
    return pl.DataFrame(
        {"hashtag_id": name, "platform": name.split(":")[0], "issued_at": T + timedelta(hours=hour)} | columns
        for name, hour in rows
    )


def test_a_window_that_is_over_when_the_platform_was_last_spoken_of_says_nothing():
    found = open_scores(scores(("tiktok:over", 0), ("tiktok:half", 24), ("tiktok:new", 48), ("weibo:quiet", 0)))
    open_hours = {
        row["hashtag_id"]: [
            [hours for hours in HORIZONS_HOURS if row[f"{part}_{hours}h"] is not None]
            for part in ("probability", "low", "high")
        ]
        for row in found.to_dicts()
    }
    every = list(HORIZONS_HOURS)
    assert open_hours == {"tiktok:half": [[48]] * 3, "tiktok:new": [every] * 3, "weibo:quiet": [every] * 3}


def test_a_prediction_of_short_horizons_alone_is_gone_with_them():
    short = scores(("tiktok:short", 0), ("tiktok:new", 12)).with_columns(
        pl.when(pl.col("hashtag_id") == "tiktok:new").then(pl.col(name)).alias(name)
        for name in ("probability_24h", "probability_48h")
    )
    assert open_scores(short)["hashtag_id"].to_list() == ["tiktok:new"]


def test_without_scores_there_are_none():
    assert open_scores(scores(("tiktok:a", 0)).clear()).is_empty()
