"""What the newest observation of the hour that ends at T says of a hashtag: cumulative counters, and its category."""

import ibis
import ibis.expr.types as ir

from trenddrop.features.lists import CATEGORY
from trenddrop.features.volume import TOTALS
from trenddrop.normalized.hours import hour_of


def observed_totals(observations: ir.Table) -> ir.Table:
    """Return, per (hashtag_id, hour), what the newest observation of the hour says that was fetched within it.

    Newest is the greatest (observed_at, fetched_at); equal ones give their greatest counters and category.
    """
    hour = hour_of(observations.observed_at)
    rows = observations.mutate(hour=hour, fetched_hour=hour_of(observations.fetched_at))
    rows = rows.filter(rows.fetched_hour <= rows.hour)
    same_hour = ibis.window(group_by=("hashtag_id", "hour"))
    for moment in ("observed_at", "fetched_at"):
        rows = rows.mutate(newest=rows[moment].max().over(same_hour))
        rows = rows.filter(rows[moment] == rows.newest)
    return rows.group_by("hashtag_id", "hour").aggregate(
        **{name: rows[column].max() for name, column in TOTALS.items()}, **{CATEGORY: rows.category.max()}
    )
