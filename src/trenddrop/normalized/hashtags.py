"""The totals of hashtags: their newest known levels."""

import ibis
import ibis.expr.types as ir

from trenddrop.schemas.hashtags import HASHTAGS


def hashtag_levels(observations: ir.Table) -> ir.Table:
    """Return one row per hashtag: ``total_views``, ``total_videos`` and ``score`` as its newest observation has them.

    Each is taken from the newest observation that has it; among observations of one moment the greatest counts.
    """
    values = {"total_views": "view_count", "total_videos": "video_count", "score": "score"}
    newest = observations.group_by("hashtag_id").aggregate(
        **{
            f"{name}_at": observations.observed_at.max(where=observations[column].notnull())
            for name, column in values.items()
        }
    )
    joined = observations.join(newest, "hashtag_id")
    return joined.group_by("hashtag_id").aggregate(
        **{
            name: joined[column].max(where=joined.observed_at == joined[f"{name}_at"])
            for name, column in values.items()
        }
    )


def with_totals(hashtags: ir.Table, levels: ir.Table) -> ir.Table:
    """Return the hashtags with their totals; null where no observation of their own has any."""
    joined = hashtags.drop("total_lifetime_views", "total_lifetime_videos").left_join(levels, "hashtag_id")
    rows = joined.mutate(total_lifetime_views=joined.total_views, total_lifetime_videos=joined.total_videos)
    return rows.select(*HASHTAGS.columns)
