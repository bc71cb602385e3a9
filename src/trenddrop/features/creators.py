"""Group C, creators: who makes the window videos, and whose they mostly are.

A window video without a creator is left out, and views that are not known are counted as none. All features are null
where no window video has a creator: a source that brings no videos says nothing about creators, and 0 would say that
there were none.
"""

import ibis
import ibis.expr.types as ir

from trenddrop.features.changes import changes_of, segments
from trenddrop.features.definition import FeatureDefinition, ratio
from trenddrop.features.videos import WINDOW_H, readable
from trenddrop.features.visibility import NEVER, matched, with_columns_of
from trenddrop.staging.unions import union_rows

_PARTS = 1 << 21  # views are split below this, so that squares of up to 2^42 views are summed in whole numbers

_VIEWS = "video_observations.view_count"
_CREATORS = ("video_observations.creator_id", "video_observations.created_at")


def creator_segments(window: ir.Table, first_uses: ir.Table) -> ir.Table:
    """Return the stretches in which the window of a hashtag holds the same videos of one creator.

    Adds ``views`` of those videos and ``known_from``: the hour from which the creator is no longer new.
    """
    known = window.filter(window.creator.notnull())
    changes = changes_of(known, ("tag", "creator"), {"videos": 1, "views": known.view_count.fill_null(0)})
    rows = segments(changes, ("tag", "creator"))
    rows = rows.filter(rows.videos > 0)
    joined = with_columns_of(rows, first_uses, ("tag", "creator"))
    columns = ("tag", "creator", "from_hour", "until_hour", "views")
    return joined.select(*columns, known_from=joined.known_from.fill_null(NEVER))


def first_uses(videos: ir.Table, creators: ir.Table, tags: ir.Table) -> ir.Table:
    """Return the hour ``known_from`` which a creator is known to have used a hashtag more than a day before.

    Looks at every observation there is of the ``creators`` (code by id): what lies long back decides who is new.
    """
    rows = videos.select("created_at", "observed_at", "fetched_at", "creator_id", "hashtag_ids")
    rows = readable(matched(rows, creators, ("creator_id",)))
    known_from = ibis.greatest(rows.known_hour, rows.created_hour + WINDOW_H)
    rows = rows.select("creator", hashtag_id=rows.hashtag_ids.unnest(), known_from=known_from)
    rows = matched(rows, tags, ("hashtag_id",))
    return rows.group_by("tag", "creator").aggregate(known_from=rows.known_from.min().cast("int64"))


def creator_changes(stretches: ir.Table) -> ir.Table:
    """Return the changes of a hashtag's creators, new creators, views and squares of the views per creator."""
    high = (stretches.views / _PARTS).floor().cast("float64")
    low = stretches.views - high * _PARTS
    squares = {"high_squares": high * high, "crossed": high * low, "low_squares": low * low}
    changes = changes_of(
        stretches, ("tag",), {"creators": 1, "new_creators": 0, "creator_views": stretches.views, **squares}
    )
    young = stretches.filter(stretches.from_hour < stretches.known_from)
    young = young.mutate(until_hour=ibis.least(young.until_hour, young.known_from))
    none = dict.fromkeys(("creators", "creator_views", *squares), 0)
    news = changes_of(young, ("tag",), {**none, "new_creators": 1})
    return union_rows(changes, news.select(*changes.columns))


def creator_diversity_index(t: ir.Table) -> ir.FloatingValue:
    """Return the sum of the squared shares of the creators in the window's views."""
    squares = t.high_squares * float(_PARTS**2) + t.crossed * float(2 * _PARTS) + t.low_squares
    return ratio(squares, t.creator_views * t.creator_views)


DEFINITIONS = (
    FeatureDefinition(
        name="unique_creators_count",
        group="C",
        description=(
            "Creators of the window videos (created in (T-24h, T] and visible at T, as last observed by T); null, not"
            " 0, where no window video has a creator."
        ),
        expression=lambda t: t.creators.nullif(0.0),
        depends_on=_CREATORS,
        dtype="int64",
        valid_min=1.0,
    ),
    FeatureDefinition(
        name="creator_diversity_index",
        group="C",
        description="Herfindahl index of the creators' shares of the views of the window videos, 1 = one creator.",
        expression=creator_diversity_index,
        depends_on=(*_CREATORS, _VIEWS),
        valid_min=0.0,
        valid_max=1.0,
    ),
    FeatureDefinition(
        name="new_creators_ratio",
        group="C",
        description=(
            "Share of the creators of the window videos who were not seen by T with a video with the hashtag that was"
            " created at or before T-24h."
        ),
        expression=lambda t: ratio(t.new_creators, t.creators),
        depends_on=_CREATORS,
        valid_min=0.0,
        valid_max=1.0,
    ),
    FeatureDefinition(
        name="top_creator_dominance",
        group="C",
        description="Largest share of one creator in the views of the window videos.",
        expression=lambda t: ratio(t.top_views, t.creator_views),
        depends_on=(*_CREATORS, _VIEWS),
        valid_min=0.0,
        valid_max=1.0,
    ),
)
