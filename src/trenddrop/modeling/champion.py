"""Whether the serving model may be judged on the same test rows as its challenger."""

from datetime import datetime
from typing import Literal

import polars as pl

from trenddrop.core.errors import SchemaError
from trenddrop.core.time import HOUR
from trenddrop.modeling.fit import FittedModel
from trenddrop.modeling.matrix import require_features

ChampionStatus = Literal["absent", "compared", "cannot_serve", "saw_test"]


def champion_status(champion: FittedModel | None, test: pl.DataFrame, *, test_from: datetime) -> ChampionStatus:
    """Return ``compared`` where the comparison is fair, else why there is none.

    ``cannot_serve``: today's rows lack a feature that the champion reads. ``saw_test``: an outcome window (t, t + h]
    that the champion learned from touches the test period, so it would be judged on what it knows. Its newest row
    taught the shortest horizon, and by the purge no longer window ended later.
    """
    if champion is None:
        return "absent"
    try:
        require_features(test, champion.features)
    except SchemaError:
        return "cannot_serve"
    shortest = min(one.horizon for one in champion.horizons)
    return "compared" if champion.trained_until + shortest * HOUR < test_from else "saw_test"
