"""Features to scores with their reasons: what a job writes and the endpoint answers."""

import polars as pl

from trenddrop.modeling import FittedModel, predict, reasons
from trenddrop.modeling.conformal import interval_columns


def score(model: FittedModel, features: pl.DataFrame, *, top: int = 5) -> pl.DataFrame:
    """Return the keys of ``features``, ``probability_<h>h`` per horizon, and ``reasons``, in the rows' order.

    A model whose days were judged adds the ends of each probability's interval, ``low_<h>h`` and ``high_<h>h``.
    ``reasons`` is a JSON list of the ``top`` strongest, over all horizons (see ``modeling.reasons``). Exact reasons
    cost a hundred times the probabilities, up to a millisecond per row and horizon; ``top=0`` spares them.
    """
    probabilities = predict(model, features)
    parts = [probabilities, interval_columns(probabilities, model.intervals), reasons(model, features, top=top)]
    return pl.concat(parts, how="horizontal")
