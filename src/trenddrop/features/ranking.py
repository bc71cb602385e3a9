"""Group A, ranking: where a hashtag stands on its platform, for platforms that publish a score or a ranked list.

The list at T is the platform's hashtags with an observation in (T-1h, T] that is visible at T. A rank is
1 + the number of hashtags on the list with a greater score; ties share a rank.
"""

import ibis
import ibis.expr.types as ir

from trenddrop.features.definition import FeatureDefinition, WindowAggregate, lag, ratio
from trenddrop.features.visibility import Stage, exact_total, lazily, with_columns_of

AGGREGATES = (
    lag("score_lag", "score", hours=1),
    lag("score_lag_2h", "score", hours=2),
    lag("rank_lag", "rank", hours=1, is_history=True),
    WindowAggregate("rank_best", "rank", "min", oldest_h=23, is_history=True),
    WindowAggregate("score_sum_6h", "score", "sum", oldest_h=5),
    WindowAggregate("score_known_6h", "score", "count", oldest_h=5),
    WindowAggregate("score_max", "score", "max", oldest_h=23),
    WindowAggregate("listed_1h_ago", "listed", "count", oldest_h=1, newest_h=1, is_history=True),
)

TENTH = 10  # the platform score that score_to_10th compares with
_SCORE = "hashtag_metrics.score"


def with_ranks(rows: ir.Table, *, by: str = "score", stage: Stage = lazily) -> ir.Table:
    """Add ``rank`` among the platform's rows of the hour, and ``listed`` (1, or null for a gap row).

    ``rows`` hold one version per hashtag and hour; gap rows and unknown values have no rank.
    """
    known = rows.filter(rows[by].notnull() & ~rows.is_gap).select("hashtag_id", "hour", "platform", value=rows[by])
    descending = ibis.window(group_by=("platform", "hour"), order_by=ibis.desc("value"))
    ties = ibis.window(group_by=("platform", "hour", "value"))
    places = known.mutate(place=ibis.row_number().over(descending) + 1)
    ranks = places.mutate(rank=places.place.min().over(ties).cast("float64"))  # ClickHouse ranks ties apart in a frame
    ranks = stage(ranks.select("hashtag_id", "hour", "rank"))
    rows = rows.mutate(listed=ibis.ifelse(rows.is_gap, None, 1))
    return with_columns_of(rows, ranks, ("hashtag_id", "hour"))


def platform_hours(grid: ir.Table) -> ir.Table:
    """Return one row per platform and hour: the size of its list, its newcomers, views and tenth best score."""
    is_new = grid.listed_1h_ago == 0
    best = ibis.ifelse(grid["rank"] <= TENTH, grid.score, None)
    has_tenth = grid["rank"].count() >= TENTH
    return grid.group_by("platform", "hour").aggregate(
        list_size=grid.count().cast("int64"),
        new_entrants=ibis.ifelse(is_new, 1, None).count(),  # a sum would be a wider integer in DuckDB
        platform_views=exact_total(grid.view_count),
        platform_score=exact_total(grid.score),
        tenth_score=ibis.ifelse(has_tenth, best.min(), None),
        top_score=grid.score.max(),
    )


def score_velocity(t: ir.Table) -> ir.FloatingValue:
    """Return (score(T) - score(T-1h)) / score(T-1h)."""
    return ratio(t.score - t.score_lag_1h, t.score_lag_1h)


def score_acceleration(t: ir.Table) -> ir.FloatingValue:
    """Return score_velocity(T) - score_velocity(T-1h), both from rows visible at T."""
    return t.score_velocity - ratio(t.score_lag_1h - t.score_lag_2h, t.score_lag_2h)


DEFINITIONS = (
    FeatureDefinition(
        name="score",
        group="A",
        description="The platform's own heat at T.",
        expression=lambda t: t.score.cast("float64"),
        depends_on=(_SCORE,),
    ),
    FeatureDefinition(
        name="score_lag_1h",
        group="A",
        description="The platform's own heat at exactly T-1h.",
        expression=lambda t: t.score_lag,
        depends_on=(_SCORE,),
    ),
    FeatureDefinition(
        name="score_velocity",
        group="A",
        description="Relative change of the score: (score(T) - score(T-1h)) / score(T-1h).",
        expression=score_velocity,
        depends_on=("score", "score_lag_1h"),
    ),
    FeatureDefinition(
        name="score_acceleration",
        group="A",
        description="Change of the score's velocity: score_velocity(T) - score_velocity(T-1h).",
        expression=score_acceleration,
        depends_on=("score_velocity", "score_lag_1h", _SCORE),
    ),
    FeatureDefinition(
        name="mean_score_6h",
        group="A",
        description="Mean of the known scores of (T-6h, T].",
        expression=lambda t: ratio(t.score_sum_6h, t.score_known_6h),
        depends_on=(_SCORE,),
    ),
    FeatureDefinition(
        name="max_score_24h",
        group="A",
        description="Greatest score of (T-24h, T].",
        expression=lambda t: t.score_max,
        depends_on=(_SCORE,),
    ),
    FeatureDefinition(
        name="score_to_max_24h",
        group="A",
        description="Score at T over the greatest score of (T-24h, T].",
        expression=lambda t: ratio(t.score, t.max_score_24h),
        depends_on=("score", "max_score_24h"),
    ),
    FeatureDefinition(
        name="score_rank",
        group="A",
        description="Rank of the score on the platform's list at T, 1 = highest; ties share a rank.",
        expression=lambda t: t["rank"].cast("float64"),
        depends_on=(_SCORE,),
        valid_min=1.0,
    ),
    FeatureDefinition(
        name="score_rank_lag_1h",
        group="A",
        description="score_rank at exactly T-1h, as known then.",
        expression=lambda t: t.rank_lag.cast("float64"),
        depends_on=(_SCORE,),
        valid_min=1.0,
    ),
    FeatureDefinition(
        name="rank_change_1h",
        group="A",
        description="Ranks gained since T-1h: score_rank_lag_1h - score_rank.",
        expression=lambda t: t.score_rank_lag_1h - t.score_rank,
        depends_on=("score_rank", "score_rank_lag_1h"),
    ),
    FeatureDefinition(
        name="best_rank_24h",
        group="A",
        description="Best (smallest) score_rank of (T-24h, T], each as known at its hour.",
        expression=lambda t: t.rank_best.cast("float64"),
        depends_on=(_SCORE,),
        valid_min=1.0,
    ),
    FeatureDefinition(
        name="score_to_10th",
        group="A",
        description="Score at T over the platform's tenth best score at T; null where fewer than ten are known.",
        expression=lambda t: ratio(t.score, t.tenth_score),
        depends_on=("score",),
    ),
    FeatureDefinition(
        name="score_to_top",
        group="A",
        description="Score at T over the platform's best score at T.",
        expression=lambda t: ratio(t.score, t.top_score),
        depends_on=("score",),
    ),
    FeatureDefinition(
        name="platform_score_share",
        group="A",
        description="Share of the summed scores of the platform's list at T.",
        expression=lambda t: ratio(t.score, t.platform_score),
        depends_on=("score",),
    ),
    FeatureDefinition(
        name="platform_view_share_1h",
        group="A",
        description="Share of the views that the platform's list gained in (T-1h, T].",
        expression=lambda t: ratio(t.view_count, t.platform_views),
        depends_on=("hashtag_metrics.view_count",),
        valid_min=0.0,
        valid_max=1.0,
    ),
    FeatureDefinition(
        name="platform_list_size",
        group="A",
        description="Hashtags of the platform observed in (T-1h, T] and visible at T.",
        expression=lambda t: t.list_size,
        depends_on=("hashtag_metrics.is_gap",),
        dtype="int64",
        valid_min=1.0,
        is_nullable=False,
    ),
    FeatureDefinition(
        name="platform_new_entrants_1h",
        group="A",
        description="Hashtags of the platform's list at T that were not on its list at T-1h.",
        expression=lambda t: t.new_entrants,
        depends_on=("hashtag_metrics.is_gap",),
        dtype="int64",
        valid_min=0.0,
        is_nullable=False,
    ),
)
