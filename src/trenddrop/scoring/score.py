"""Features to scores with their reasons: what a job writes and the endpoint answers."""

import polars as pl

from trenddrop.modeling import FittedModel, predict, reasons


def score(model: FittedModel, features: pl.DataFrame, *, top: int = 5) -> pl.DataFrame:
    """Return the keys of ``features``, ``probability_<h>h`` per horizon, and ``reasons``, in the rows' order.

    ``reasons`` is a JSON list of the ``top`` strongest, over all horizons (see ``modeling.reasons``). Exact reasons
    cost a hundred times the probabilities, up to a millisecond per row and horizon; ``top=0`` spares them.
    """
    return pl.concat([predict(model, features), reasons(model, features, top=top)], how="horizontal")
