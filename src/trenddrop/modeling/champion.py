"""Whether the serving model may be judged on the same test rows as its challenger."""

from datetime import datetime
from typing import Literal

import polars as pl

from trenddrop.core.errors import SchemaError
from trenddrop.modeling.fit import FittedModel
from trenddrop.modeling.matrix import require_features

ChampionStatus = Literal["absent", "compared", "cannot_serve", "saw_test"]


def champion_status(champion: FittedModel | None, test: pl.DataFrame, *, test_from: datetime) -> ChampionStatus:
    """Return ``compared`` where the comparison is fair, else why there is none.

    ``cannot_serve``: today's rows lack a feature that the champion reads. ``saw_test``: the champion learned from
    rows at or after ``test_from``, so it would be judged on what it knows.
    """
    if champion is None:
        return "absent"
    try:
        require_features(test, champion.features)
    except SchemaError:
        return "cannot_serve"
    return "compared" if champion.trained_until < test_from else "saw_test"
