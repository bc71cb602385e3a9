"""Matches are kept in ``trend_matches``: the newest matching of each video."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from trenddrop.core.ids import content_id
from trenddrop.core.time import Clock
from trenddrop.matching.matches import Match
from trenddrop.matching.scores import PROBABILITIES
from trenddrop.warehouse import Warehouse


def write_matches(wh: Warehouse, video_id: str, matches: Sequence[Match], *, clock: Clock) -> int:
    """Replace the matches of one video in one transaction and return how many there are now."""
    rows = match_rows(video_id, matches, matched_at=clock())

    def write() -> int:
        wh.delete("trend_matches", pl.DataFrame({"video_id": [video_id]}))
        return wh.append("trend_matches", rows)

    return wh.transact(write, claim="trend_matches")


def match_rows(video_id: str, matches: Sequence[Match], *, matched_at: datetime) -> pl.DataFrame:
    """Return the rows of ``trend_matches`` for one video."""
    return pl.DataFrame(
        {
            "match_id": [content_id(video_id, item.trend_id) for item in matches],
            "video_id": [video_id] * len(matches),
            "trend_id": [item.trend_id for item in matches],
            "similarity": [item.similarity for item in matches],
            **{name: [item.probabilities.get(name) for item in matches] for name in PROBABILITIES},
            "rank_score": [item.rank_score for item in matches],
            "rank": [item.rank for item in matches],
            "matched_at": [matched_at] * len(matches),
        },
        schema={
            "match_id": pl.String,
            "video_id": pl.String,
            "trend_id": pl.String,
            "similarity": pl.Float64,
            **dict.fromkeys(PROBABILITIES, pl.Float64),
            "rank_score": pl.Float64,
            "rank": pl.Int64,
            "matched_at": pl.Datetime("us", "UTC"),
        },
    )
