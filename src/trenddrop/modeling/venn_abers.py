"""Venn-Abers calibration: isotonic regression that knows how little it has seen.

Inductive Venn-Abers predictors (Vovk, Petej and Fedorova, "Large-scale probabilistic predictors with and without
guarantees of validity", 2015): isotonic regression is fitted twice for each score s, once with (s, 0) and once with
(s, 1) among the calibration rows. Its values at s, p0 and p1, enclose a calibrated probability; p1 / (1 - p0 + p1)
merges them with the least regret in log loss. The merged value depends on s alone, so it is computed beforehand.
"""

import numpy as np
from sklearn.isotonic import isotonic_regression

from trenddrop.modeling.matrix import Booleans, Floats

GROUPS = 200  # scores of about equal mass that share a value: each group costs two isotonic regressions of all


def venn_abers(raw: Floats, viral: Booleans, *, groups: int = GROUPS) -> tuple[Floats, Floats]:
    """Return raw scores, rising, and the merged probability at each; in between a caller may draw lines.

    Rows are put into ``groups`` of about equal mass, never apart when their scores are equal.
    """
    edges = np.unique(np.quantile(raw, np.linspace(0, 1, groups + 1)[1:-1], method="higher"))
    _, group = np.unique(np.searchsorted(edges, raw, side="right"), return_inverse=True)
    rows = np.bincount(group).astype(np.float64)
    scores = np.bincount(group, weights=raw) / rows
    positives = np.bincount(group, weights=viral).astype(np.float64)
    merged = np.empty(rows.size)
    for one in range(rows.size):
        low, high = (_with_one_more(positives, rows, one, outcome) for outcome in (0.0, 1.0))
        merged[one] = high / (1 - low + high)
    return scores, np.maximum.accumulate(merged)


def _with_one_more(positives: Floats, rows: Floats, group: int, outcome: float) -> float:
    """Return isotonic regression's value at the group once it has a further row with this outcome."""
    rows, positives = rows.copy(), positives.copy()
    rows[group] += 1
    positives[group] += outcome
    return float(isotonic_regression(positives / rows, sample_weight=rows)[group])
