"""Group E, arrivals: the videos of a hashtag that were seen in the last day, and which of them for the first time.

What a hashtag gains in an hour is what its videos gained between two observations, so a video that was observed only
once has counted for nothing yet, however many views it has. What it will add shows in its views per hour of age.

The seen videos at T are those with the hashtag whose newest observation known by T was made in (T-24h, T]. One is new
while that is its only known observation of seven days: an increment over a longer time says nothing. A video that two
lists show at once is observed twice. All features are null where there is no seen video. Views that are not known are
counted as none.
"""

import ibis
import ibis.expr.types as ir

from trenddrop.features.changes import changes_of
from trenddrop.features.definition import FeatureDefinition, ratio
from trenddrop.features.videos import WINDOW_H, Hours, within
from trenddrop.features.visibility import matched
from trenddrop.staging.unions import union_rows

SUMS = ("new_videos", "new_rate", "new_age", "new_views", "old_videos", "old_rate", "old_age")
_PARTS = 1 << 10  # of a view per hour: sums of whole numbers are the same in any order

_SEEN = ("video_observations.observed_at", "video_observations.created_at")
_VIEWS = "video_observations.view_count"


def arrival_changes(versions: ir.Table, grid_tags: ir.Table, hours: Hours) -> ir.Table:
    """Return the changes of a hashtag's seen videos and of the new ones among them: count, views, rate and age."""
    age_h = ibis.greatest(versions.observed_hour - versions.created_hour, 1).cast("int64")
    views = versions.view_count.fill_null(0)
    seen = versions.select(
        "again_hour",
        from_hour=versions.visible_hour,
        until_hour=ibis.least(versions.superseded_hour, versions.observed_hour + WINDOW_H).cast("int64"),
        views=views.cast("float64"),
        rate=(views.cast("float64") / age_h.cast("float64") * float(_PARTS)).floor().cast("float64"),
        age=age_h.cast("float64"),
        hashtag_id=versions.hashtag_ids.unique().unnest(),
    )
    seen = matched(within(seen, hours), grid_tags, ("hashtag_id",))
    new = seen.mutate(until_hour=ibis.least(seen.until_hour, seen.again_hour))
    old = seen.mutate(from_hour=ibis.greatest(seen.from_hour, seen.again_hour))
    new, old = (rows.filter(rows.until_hour > rows.from_hour) for rows in (new, old))
    of_new = {"new_videos": 1, "new_rate": new.rate, "new_age": new.age, "new_views": new.views}
    of_old = {"old_videos": 1, "old_rate": old.rate, "old_age": old.age}
    none = dict.fromkeys(SUMS, 0)
    return union_rows(changes_of(new, ("tag",), none | of_new), changes_of(old, ("tag",), none | of_old))


def _seen(t: ir.Table) -> ir.FloatingValue:
    return (t.new_videos + t.old_videos).nullif(0.0)


def _where_seen(t: ir.Table, value: ir.Value) -> ir.Value:
    return ibis.ifelse(_seen(t).notnull(), value, None)


DEFINITIONS = (
    FeatureDefinition(
        name="seen_videos_24h",
        group="E",
        description="The seen videos: with the hashtag, and last observed (as known by T) in (T-24h, T].",
        expression=_seen,
        depends_on=_SEEN,
        dtype="int64",
        valid_min=1.0,
    ),
    FeatureDefinition(
        name="new_videos_24h",
        group="E",
        description="New ones among the seen videos: of which no other observation of the 7 days before it is known.",
        expression=lambda t: _where_seen(t, t.new_videos),
        depends_on=_SEEN,
        dtype="int64",
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="new_video_views_24h",
        group="E",
        description="Views of the new videos, none of which the hashtag's hourly views have counted yet.",
        expression=lambda t: _where_seen(t, t.new_views),
        depends_on=(*_SEEN, _VIEWS),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="new_video_views_per_hour",
        group="E",
        description="Views per hour of age when last observed, summed over the new videos.",
        expression=lambda t: _where_seen(t, t.new_rate / float(_PARTS)),
        depends_on=(*_SEEN, _VIEWS),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="old_video_views_per_hour",
        group="E",
        description="Views per hour of age when last observed, summed over the seen videos that are not new.",
        expression=lambda t: _where_seen(t, t.old_rate / float(_PARTS)),
        depends_on=(*_SEEN, _VIEWS),
        valid_min=0.0,
    ),
    FeatureDefinition(
        name="new_video_age_hours",
        group="E",
        description="Mean age of the new videos when last observed, at least an hour each.",
        expression=lambda t: ratio(t.new_age, t.new_videos),
        depends_on=_SEEN,
        valid_min=1.0,
    ),
    FeatureDefinition(
        name="seen_video_age_hours",
        group="E",
        description="Mean age of the seen videos when last observed, at least an hour each.",
        expression=lambda t: ratio(t.new_age + t.old_age, _seen(t)),
        depends_on=_SEEN,
        valid_min=1.0,
    ),
)
