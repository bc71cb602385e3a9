"""A planted leak: what a random split would have promised, so that nobody is tempted to use one.

The same model is judged on the same test rows twice: once it learned from the purged rows before the test period, once
from as many rows drawn at random from the whole time, neighbours of the test rows included.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import lightgbm as lgb
import numpy as np
import polars as pl

from trenddrop.modeling import metrics
from trenddrop.modeling.boost import fixed_params
from trenddrop.modeling.matrix import Floats, design_matrix, is_viral, labelled
from trenddrop.modeling.purge import before_purge
from trenddrop.modeling.spec import ModelSpec

TEST_SHARE = 0.2  # of the test period's rows: the rest are the neighbours that leak
ROUNDS = 200


@dataclass(frozen=True, slots=True)
class LeakCheck:
    """Average precision on the same rows after a purged and after a random split; the gap is what leaked."""

    rows: int
    train_rows: int
    purged: float
    random: float
    gap: float

    def as_dict(self) -> dict[str, float]:
        """Return the figures as plain JSON-ready values."""
        return asdict(self)


def check_leak(
    frame: pl.DataFrame,
    spec: ModelSpec,
    *,
    features: tuple[str, ...],
    horizon: int,
    test_from: datetime,
) -> LeakCheck | None:
    """Return both figures; None where either split leaves only one outcome to learn from or to judge on.

    What is fitted on the training period, such as words, is left out: both models read the features alone.
    """
    rows = labelled(frame, horizon).sort("event_timestamp", "hashtag_id")
    embargo = timedelta(hours=spec.split.embargo_hours)
    purged, is_later = (
        rows.select(one).to_series().to_numpy()
        for one in (before_purge(test_from, horizon=horizon, embargo=embargo), pl.col("event_timestamp") >= test_from)
    )
    rng = np.random.default_rng([spec.seed, horizon])
    later = np.flatnonzero(is_later)
    test = np.sort(rng.choice(later, size=int(later.size * TEST_SHARE), replace=False))
    elsewhere = np.setdiff1d(np.arange(rows.height), test)
    before = np.flatnonzero(purged)
    anywhere = np.sort(rng.choice(elsewhere, size=before.size, replace=False))
    viral, matrix = is_viral(rows, horizon), design_matrix(rows, features)
    if any(len(np.unique(viral[part])) < 2 for part in (test, before, anywhere)):  # noqa: PLR2004 - both outcomes
        return None
    scores = []
    params = fixed_params(spec, 1)
    for part in (before, anywhere):
        learned = lgb.Dataset(matrix[part], viral[part].astype(float), params=params)
        booster = lgb.train(params, learned, min(ROUNDS, spec.rounds.maximum))
        score: Floats = booster.predict(matrix[test], num_threads=1)
        scores.append(float(metrics.average_precision(viral[test], score) or 0.0))
    honest, leaky = scores
    return LeakCheck(test.size, before.size, honest, leaky, leaky - honest)
