"""Group A, the list around a hashtag: its neighbours by score, and what else of its category is listed.

The list at T is that of ``ranking``: the platform's hashtags with an observation in (T-1h, T] that is visible at T, in
the order of their known scores. A hashtag climbs by passing the one above it, however high its own score is.
"""

import ibis
import ibis.expr.types as ir

from trenddrop.features.definition import FeatureDefinition, ratio
from trenddrop.features.ranking import TENTH
from trenddrop.features.visibility import Stage, lazily, with_columns_of

NEIGHBOURS = (1, 3)  # places away
CATEGORY = "topic_category"


def with_list_context(wide: ir.Table, listed: ir.Table, *, stage: Stage = lazily) -> ir.Table:
    """Add the scores of the neighbours, and how many of its category are listed.

    ``listed`` holds one row per hashtag of the list, with its ``score``, ``rank`` and ``topic_category``; where that is
    unknown, so are the counts.
    """
    scored = listed.filter(listed.score.notnull())
    order = {"group_by": ("platform", "hour"), "order_by": [ibis.desc("score"), "hashtag_id"]}
    beside = {}
    for places in NEIGHBOURS:
        above = ibis.window(**order, rows=(-places, -places))
        below = ibis.window(**order, rows=(places, places))
        beside[f"score_above_{places}"] = scored.score.max().over(above)
        beside[f"score_below_{places}"] = scored.score.max().over(below)
    neighbours = stage(scored.select("hashtag_id", "hour", **beside))
    known = listed.filter(listed[CATEGORY].notnull())
    alike = ("platform", "hour", CATEGORY)
    categories = known.group_by(*alike).aggregate(
        of_category=known.count(), of_category_in_top=ibis.ifelse(known["rank"] <= TENTH, 1, None).count()
    )
    wide = with_columns_of(wide, neighbours, ("hashtag_id", "hour"))
    return with_columns_of(wide, stage(categories), alike)


def _to_neighbour(name: str, column: str, whom: str) -> FeatureDefinition:
    return FeatureDefinition(
        name=name,
        group="A",
        description=f"Score at T over that of the hashtag {whom} on the platform's list at T.",
        expression=lambda t: ratio(t.score, t[column]),
        depends_on=("score",),
    )


DEFINITIONS = (
    _to_neighbour("score_to_above", "score_above_1", "one place above"),
    _to_neighbour("score_to_third_above", "score_above_3", "three places above"),
    _to_neighbour("score_to_below", "score_below_1", "one place below"),
    _to_neighbour("score_to_third_below", "score_below_3", "three places below"),
    FeatureDefinition(
        name=CATEGORY,
        group="A",
        description="The category that the platform gave the hashtag in the observation of the hour that ends at T.",
        expression=lambda t: t[CATEGORY],
        depends_on=("hashtag_observations.category",),
        dtype="string",
    ),
    FeatureDefinition(
        name="category_list_size",
        group="A",
        description="Hashtags of the same category on the platform's list at T, itself included.",
        expression=lambda t: t.of_category,
        depends_on=(CATEGORY,),
        dtype="int64",
        valid_min=1.0,
    ),
    FeatureDefinition(
        name="category_top_10",
        group="A",
        description="Hashtags of the same category among the ten best scores of the platform's list at T.",
        expression=lambda t: t.of_category_in_top,
        depends_on=(CATEGORY, "score_rank"),
        dtype="int64",
        valid_min=0.0,
    ),
)
