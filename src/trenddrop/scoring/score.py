"""Features to scores with their reasons: what a job writes and the endpoint answers."""

import polars as pl

from trenddrop.modeling import FittedModel, predict, reasons
from trenddrop.modeling.conformal import interval_columns
from trenddrop.modeling.outcomes import outcome_columns


def score(model: FittedModel, features: pl.DataFrame, *, top: int = 5) -> pl.DataFrame:
    """Return the keys of ``features``, ``probability_<h>h`` per horizon, and ``reasons``, in the rows' order.

    A model whose days were judged adds the ends of each probability's interval, ``low_<h>h`` and ``high_<h>h``; one
    that knows of peaks adds the quantiles of the time to the peak and of its views (``modeling.outcomes``).
    ``reasons`` is a JSON list of the ``top`` strongest, over all horizons (see ``modeling.reasons``). Exact reasons
    cost a hundred times the probabilities, up to a millisecond per row and horizon; ``top=0`` spares them.
    """
    probabilities = predict(model, features)
    intervals = interval_columns(probabilities, model.intervals)
    outcomes = outcome_columns(features, model.outcomes, features=model.features)
    return pl.concat([probabilities, intervals, outcomes, reasons(model, features, top=top)], how="horizontal")
