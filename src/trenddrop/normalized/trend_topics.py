"""Hashtags, keywords and headlines as trends that a video can be matched to."""

import ibis
import ibis.expr.types as ir

from trenddrop.schemas.trend_topics import TREND_TOPICS

CAPTIONS = 5  # newest captions that show how a hashtag is used
_NO_TEXTS = ibis.literal([], type="array<string>")


def newest_scores(observations: ir.Table) -> ir.Table:
    """Return ``hashtag_id`` and ``score`` of the newest observation with one; of several at one moment the greatest."""
    scored = observations.filter(observations.score.notnull())
    moments = scored.group_by("hashtag_id", "observed_at").aggregate(score=scored.score.max())
    return moments.group_by("hashtag_id").aggregate(score=moments.score.argmax(moments.observed_at))


def example_captions(videos: ir.Table) -> ir.Table:
    """Return ``hashtag_id`` and its newest captions, newest first, of rows of ``videos``."""
    told = videos.filter(videos.caption.notnull() & (videos.caption != ""))
    tagged = told.select("video_id", "platform", "caption", "created_at", "first_seen_at", name=told.hashtags.unnest())
    tagged = tagged.mutate(
        hashtag_id=tagged.platform + ":" + tagged.name, told_at=ibis.coalesce(tagged.created_at, tagged.first_seen_at)
    )
    newest = ibis.window(group_by="hashtag_id", order_by=[ibis.desc("told_at"), "video_id"])
    ranked = tagged.mutate(place=ibis.row_number().over(newest))
    placed = {f"c{place}": ranked.caption.max(where=ranked.place == place) for place in range(CAPTIONS)}
    wide = ranked.filter(ranked.place < CAPTIONS).group_by("hashtag_id").aggregate(**placed)
    captions = ibis.array([wide[name].fill_null("") for name in placed]).filter(lambda caption: caption != "")
    return wide.select("hashtag_id", example_captions=captions)


def trend_topics(hashtags: ir.Table, scores: ir.Table, captions: ir.Table | None) -> ir.Table:
    """Return one trend per hashtag; its score is the newest heat of the platform, else its total views."""
    joined = hashtags.left_join(scores, "hashtag_id").drop("hashtag_id_right")
    if captions is not None:
        joined = joined.left_join(captions, "hashtag_id").drop("hashtag_id_right")
        joined = joined.mutate(example_captions=joined.example_captions.fill_null(_NO_TEXTS))
    else:
        joined = joined.mutate(example_captions=_NO_TEXTS)
    rows = joined.mutate(
        id=joined.hashtag_id,
        source=joined.platform,
        title=joined.title.fill_null(joined.name),
        tags=ibis.array([joined.name]),
        matched_keywords=_NO_TEXTS,
        score=ibis.coalesce(joined.score, joined.total_lifetime_views.cast("float64")),
        fetched_at=joined.last_updated_at,
    )
    return rows.select(*TREND_TOPICS.columns)
