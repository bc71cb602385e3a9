"""Group E, novelty: how much the window videos differ from the days before and from the platform's largest hashtags."""

import ibis
import ibis.expr.types as ir

from trenddrop.features.changes import changes_of, covered, hours_in, segments
from trenddrop.features.definition import FeatureDefinition, ratio
from trenddrop.features.videos import BASELINE_H, WINDOW_H, Hours, readable, within
from trenddrop.features.visibility import NEVER, Stage, lazily, matched, with_columns_of
from trenddrop.normalized.hours import hour_of
from trenddrop.staging.unions import union_rows

LARGEST = 100  # hashtags of a platform whose creators cross_hashtag_novelty compares with
SOUND_IS_NEW_H = 168

_TAGS = ("video_observations.hashtag_ids", "video_observations.created_at")


def sound_changes(window: ir.Table, first_heard: ir.Table) -> ir.Table:
    """Return the changes of the window videos that have a sound, and of those whose sound is new."""
    rows = with_columns_of(window.filter(window.sound_id.notnull()), first_heard, ("sound_id",))
    rows = rows.select("tag", "from_hour", "until_hour", known_from=rows.known_from.fill_null(NEVER))
    changes = changes_of(rows, ("tag",), {"sounds": 1, "new_sounds": 0})
    young = rows.filter(rows.from_hour < rows.known_from)
    young = young.mutate(until_hour=ibis.least(young.until_hour, young.known_from))
    return union_rows(changes, changes_of(young, ("tag",), {"sounds": 0, "new_sounds": 1}))


def first_heard(videos: ir.Table, sounds: ir.Table | None, window: ir.Table) -> ir.Table:
    """Return the hour ``known_from`` which a sound is known to have been seen at or before T-7d.

    Looks at every observation there is of the window's sounds: a sound that comes back after a month is not new.
    """
    heard = window.select("sound_id").distinct()
    rows = readable(videos.semi_join(heard, "sound_id")).select("sound_id", "observed_hour", "known_hour")
    if sounds is not None:
        sounds = sounds.semi_join(heard, "sound_id")
        observed_hour = hour_of(sounds.observed_at)
        known_hour = ibis.greatest(observed_hour, hour_of(sounds.fetched_at))
        rows = union_rows(rows, sounds.select("sound_id", observed_hour=observed_hour, known_hour=known_hour))
    known_from = ibis.greatest(rows.known_hour, rows.observed_hour + SOUND_IS_NEW_H)
    return rows.group_by("sound_id").aggregate(known_from=known_from.min().cast("int64"))


def companion_changes(
    versions: ir.Table, tags: ir.Table, grid_tags: ir.Table, hours: Hours, *, stage: Stage = lazily
) -> ir.Table:
    """Return the changes of a hashtag's co-hashtags in the window, and of those also seen in (T-8d, T-1d]."""
    rows = versions.mutate(hashtag_ids=versions.hashtag_ids.unique())
    rows = rows.filter(rows.hashtag_ids.length() > 1)
    times = ("visible_hour", "created_hour", "superseded_hour")
    rows = rows.select(*times, "hashtag_ids", hashtag_id=rows.hashtag_ids.unnest())
    rows = matched(rows, grid_tags, ("hashtag_id",))
    rows = rows.select(*times, "tag", hashtag_id=rows.hashtag_ids.unnest())
    rows = matched(rows, tags.select("hashtag_id", other="tag"), ("hashtag_id",))
    rows = rows.filter(rows.tag != rows.other).select("tag", "other", *times)
    day_old = rows.created_hour + WINDOW_H
    recent = rows.mutate(from_hour=rows.visible_hour, until_hour=ibis.least(day_old, rows.superseded_hour))
    baseline = rows.mutate(
        from_hour=ibis.greatest(rows.visible_hour, day_old),
        until_hour=ibis.least(rows.created_hour + BASELINE_H, rows.superseded_hour),
    )
    pair = ("tag", "other")
    recent = stage(covered(within(recent, hours), pair))
    baseline = covered(within(baseline, hours).semi_join(recent, list(pair)), pair)
    baseline = baseline.rename(baseline_from="from_hour", baseline_until="until_hour")
    seen = matched(recent, baseline, pair)
    seen = within(
        seen.mutate(
            from_hour=ibis.greatest(seen.from_hour, seen.baseline_from),
            until_hour=ibis.least(seen.until_hour, seen.baseline_until),
        ),
        hours,
    )
    changes = changes_of(recent, ("tag",), {"companions": 1, "companions_seen": 0})
    return union_rows(changes, changes_of(seen, ("tag",), {"companions": 0, "companions_seen": 1}))


def greatest_overlap(moments: ir.Table, stretches: ir.Table, hours: Hours, *, stage: Stage = lazily) -> ir.Table:
    """Return, per (tag, hour), the greatest Jaccard similarity of its creators to those of one of the largest others.

    ``moments`` holds (tag, hour, platform, view_count, creators). The largest at T are the ``LARGEST`` hashtags of the
    platform with the most views in the hour that ends at T, ties by hashtag_id. ``others`` counts those compared with.
    """
    viewed = moments.filter(moments.view_count.notnull())
    order = ibis.window(group_by=("platform", "hour"), order_by=(ibis.desc("view_count"), "tag"))
    places = viewed.mutate(place=ibis.row_number().over(order))
    largest = stage(places.filter(places.place < LARGEST).select("tag", "hour", "platform", "creators"))
    pairs = stage(segments(_shared_creators(stretches, largest, stage), ("tag", "other")))
    pairs = pairs.filter(pairs.shared > 0)
    hourly = hours_in(pairs, hours)
    large = largest.select("hour", "platform", other="tag", other_creators="creators")
    hourly = matched(hourly, large, ("other", "hour"))
    own = moments.select("tag", "hour", "creators", own_platform="platform")
    hourly = matched(hourly, own, ("tag", "hour"))
    hourly = hourly.filter(hourly.platform == hourly.own_platform)
    jaccard = hourly.shared / (hourly.creators + hourly.other_creators - hourly.shared)
    overlap = hourly.select("tag", "hour", jaccard=jaccard).group_by("tag", "hour")
    return overlap.aggregate(greatest_overlap=ibis._.jaccard.max())


def list_lengths(moments: ir.Table) -> ir.Table:
    """Return how many of the platform's hashtags at T have known views, of which the largest are compared with."""
    viewed = moments.filter(moments.view_count.notnull())
    return viewed.group_by("platform", "hour").aggregate(viewed=viewed.count().cast("int64"))


def _shared_creators(stretches: ir.Table, largest: ir.Table, stage: Stage) -> ir.Table:
    """Return the changes of the number of creators that a hashtag shares with another, which is once a largest."""
    rows = stretches.select("tag", "creator", "from_hour", "until_hour")
    low, high = (rows.from_hour // WINDOW_H).cast("int64"), ((rows.until_hour - 1) // WINDOW_H).cast("int64")
    rows = rows.mutate(bucket=low, last_bucket=high)
    again = rows.filter(rows.last_bucket > rows.bucket)
    rows = stage(union_rows(rows, again.mutate(bucket=again.last_bucket)).drop("last_bucket"))
    day = largest.select("tag", bucket=(largest.hour // WINDOW_H).cast("int64")).distinct()
    near = stage(union_rows(day, day.mutate(bucket=day.bucket - 1)).distinct())  # an overlap reaches into the next one
    others = rows.semi_join(near, ["tag", "bucket"]).select(
        "creator", "bucket", other="tag", other_from="from_hour", other_until="until_hour"
    )
    pairs = matched(rows, others, ("creator", "bucket"))
    begin, end = ibis.greatest(pairs.from_hour, pairs.other_from), ibis.least(pairs.until_hour, pairs.other_until)
    is_own_bucket = (begin // WINDOW_H).cast("int64") == pairs.bucket  # of the two that a pair may share
    pairs = pairs.filter(pairs.tag != pairs.other, end > begin, is_own_bucket)
    pairs = pairs.select("tag", "other", from_hour=begin, until_hour=end)
    return changes_of(pairs, ("tag", "other"), {"shared": 1})


def cross_hashtag_novelty(t: ir.Table) -> ir.FloatingValue:
    """Return 1 - the greatest similarity; null without creators or without another hashtag to compare with."""
    is_viewed = ibis.ifelse(t.view_count.notnull(), 1, 0)
    has_another = t.viewed.fill_null(0) > is_viewed
    return ibis.ifelse((t.creators > 0) & has_another, 1.0 - t.greatest_overlap.fill_null(0.0), None)


DEFINITIONS = (
    FeatureDefinition(
        name="novelty_index",
        group="E",
        description=(
            "1 - the share of the co-hashtags of the window videos that videos with the hashtag created in"
            " (T-8d, T-1d] and visible at T have too; null where the window has no co-hashtag."
        ),
        expression=lambda t: 1.0 - ratio(t.companions_seen, t.companions),
        depends_on=_TAGS,
        valid_min=0.0,
        valid_max=1.0,
    ),
    FeatureDefinition(
        name="cross_hashtag_novelty",
        group="E",
        description=(
            "1 - the greatest Jaccard similarity of the creators of the window videos to those of any other of the"
            " platform's 100 hashtags with the most views in (T-1h, T], ties by hashtag_id; null without creators or"
            " without another hashtag."
        ),
        expression=cross_hashtag_novelty,
        depends_on=("video_observations.creator_id", *_TAGS, "hashtag_metrics.view_count"),
        valid_min=0.0,
        valid_max=1.0,
    ),
    FeatureDefinition(
        name="sound_novelty_score",
        group="E",
        description=(
            "Share of the window videos with a known sound whose sound was first observed in (T-7d, T], as known at T."
        ),
        expression=lambda t: ratio(t.new_sounds, t.sounds),
        depends_on=("video_observations.sound_id", "video_observations.created_at", "sound_observations.observed_at"),
        valid_min=0.0,
        valid_max=1.0,
    ),
)
