"""Sums over things that come and go: what each adds to an hour of a hashtag, from when it is known."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from trenddrop.normalized.hours import hour_of
from trenddrop.normalized.series import last_versions
from trenddrop.normalized.workspace import Workspace
from trenddrop.staging.unions import union_rows

COUNTERS = ("view_count", "video_count", "creator_count", "like_count", "comment_count", "share_count")
PARTS = 1_000_000  # of one: whole numbers of them add up to the same in any order, on any engine
EXACT = "decimal(38, 0)"
WINDOWS = {counter: f"{counter}_increment" for counter in COUNTERS}  # the columns of counters of windows
VIDEO_COUNTERS = ("view_count", "like_count", "comment_count", "share_count")


def summed_versions(additions: ir.Table, *, work: Workspace) -> ir.Table:
    """Return one row per hashtag, hour and version: the sums of all additions known when it was created.

    ``additions`` has ``hashtag_id``, ``hour``, ``created``, millionths per counter (negative: taken back),
    ``n_<counter>`` (+1, -1 or 0), ``n_own`` (observations inside the hour) and ``n_reset``. A sum of nothing is null.
    """
    amounts = [column for column in additions.columns if column not in ("hashtag_id", "hour", "created")]
    changes = additions.group_by("hashtag_id", "hour", "created").aggregate(
        **{column: additions[column].sum() for column in amounts}
    )
    window = ibis.window(group_by=["hashtag_id", "hour"], order_by="created", preceding=None, following=0)
    changes = work.hold(changes)
    sums = changes.mutate(**{column: changes[column].sum().over(window) for column in amounts})
    sums = last_versions(sums, ["hashtag_id"])
    counters = {
        counter: ibis.ifelse(sums[f"n_{counter}"] > 0, sums[counter].cast("float64") / PARTS, ibis.null("float64"))
        for counter in COUNTERS
    }
    return sums.select("hashtag_id", "hour", "created", is_gap=sums.n_own == 0, is_reset=sums.n_reset > 0, **counters)


def video_additions(versions: ir.Table, observations: ir.Table, *, work: Workspace) -> ir.Table:
    """Return what videos add to their hashtags: their increments, themselves in the hour of their creation, creators.

    ``versions`` are the :func:`~trenddrop.normalized.series.series_versions` of the video observations.
    """
    tags = observations.select("video_id", "fetched_at", hashtag_id=observations.hashtag_ids.unnest())
    tags = work.hold(tags.group_by("video_id", "hashtag_id").aggregate(tagged_at=tags.fetched_at.min()))
    after = ibis.window(group_by=["video_id", "hour"], order_by="created")
    timed = versions.mutate(replaced=versions.created.lead().over(after))
    timed = timed.join(tags, "video_id")
    timed = timed.mutate(start=ibis.greatest(timed.created, timed.tagged_at))
    timed = work.hold(timed.filter(timed.replaced.isnull() | (timed.start < timed.replaced)))
    own = ibis.ifelse(timed.is_gap, 0, 1)
    reset = ibis.ifelse(timed.is_reset, 1, 0)
    gained = timed.mutate(n_own=own, n_reset=reset)
    begins = _additions(gained.mutate(created=gained.start), VIDEO_COUNTERS, 1)
    ended = gained.filter(gained.replaced.notnull())
    ends = _additions(ended.mutate(created=ended.replaced), VIDEO_COUNTERS, -1)
    return union_rows(begins, ends, *_creations(observations, tags, work=work))


def window_additions(observations: ir.Table, *, work: Workspace) -> ir.Table:
    """Return what counters of windows add to the hour that holds the window's end; later fetches replace earlier."""
    key = ["hashtag_id", "observed_at"]
    values = observations.group_by(*key, "fetched_at").aggregate(
        **{counter: observations[column].max() for counter, column in WINDOWS.items()}
    )
    window = ibis.window(group_by=key, order_by="fetched_at")
    values = work.hold(values)
    timed = values.mutate(
        hour=hour_of(values.observed_at), replaced=values.fetched_at.lead().over(window), n_own=1, n_reset=0
    )
    begins = _additions(timed.mutate(created=timed.fetched_at), COUNTERS, 1)
    ended = timed.filter(timed.replaced.notnull())
    return union_rows(begins, _additions(ended.mutate(created=ended.replaced), COUNTERS, -1))


def _creations(observations: ir.Table, tags: ir.Table, *, work: Workspace) -> list[ir.Table]:
    """Return the videos in the hour of their creation, and the first video of each creator in that hour."""
    dated = observations.filter(observations.created_at.notnull())
    first = dated.group_by("video_id").aggregate(first_at=dated.fetched_at.min())
    dated = dated.join(first, ["video_id"])
    dated = dated.filter(dated.fetched_at == dated.first_at)
    videos = dated.group_by("video_id").aggregate(
        created_at=dated.created_at.min(), first_at=dated.first_at.min(), creator_id=dated.creator_id.min()
    )
    born = videos.join(tags, "video_id")
    born = work.hold(
        born.select(
            "hashtag_id",
            "creator_id",
            hour=hour_of(born.created_at),
            created=ibis.greatest(born.first_at, born.tagged_at),
        )
    )
    people = born.filter(born.creator_id.notnull())
    people = people.group_by("hashtag_id", "hour", "creator_id").aggregate(created=people.created.min())
    counted = {"video_count": born.mutate(video_count=1), "creator_count": people.mutate(creator_count=1)}
    return [_additions(rows.mutate(n_own=0, n_reset=0), (counter,), 1) for counter, rows in counted.items()]


def _additions(rows: ir.Table, counters: Sequence[str], sign: int) -> ir.Table:
    amounts: dict[str, ir.Value] = {}
    for counter in COUNTERS:
        if counter in counters:
            value = rows[counter].cast("float64").fill_null(0.0)
            amounts[counter] = ((value * PARTS + 0.5).floor() * sign).cast(EXACT)
            amounts[f"n_{counter}"] = ibis.ifelse(rows[counter].notnull(), sign, 0).cast("int64")
        else:
            amounts[counter] = ibis.literal(0).cast(EXACT)
            amounts[f"n_{counter}"] = ibis.literal(0, type="int64")
    amounts["n_own"] = (rows.n_own * sign).cast("int64")
    amounts["n_reset"] = (rows.n_reset * sign).cast("int64")
    return rows.select("hashtag_id", "hour", "created", **amounts)
