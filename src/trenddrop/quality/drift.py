"""How far the distribution of a feature has moved from its baseline: bins fitted on the past, and two measures.

With p the current share of a bin and q the baseline's: KL divergence is sum p ln(p / q), the population stability index
sum (p - q) ln(p / q). Half a record is added to every bin, so that an empty one leaves both finite.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

EDGE_DIGITS = 12  # of an edge: engines interpolate quantiles to the last bit but one
ATOM = 1e-9  # of a value: how wide a bin is that holds one value only
PRIOR = 0.5


def kl_divergence(current: Sequence[int], baseline: Sequence[int]) -> float:
    """Return the Kullback-Leibler divergence of the current counts from the baseline's, in nats.

    >>> kl_divergence([5, 5], [50, 50]), round(kl_divergence([0, 100], [50, 50]), 3)
    (0.0, 0.662)
    """
    return max(sum(p * math.log(p / q) for p, q in _shares(current, baseline)), 0.0)


def stability_index(current: Sequence[int], baseline: Sequence[int]) -> float:
    """Return the population stability index; by custom a shift from 0.1 on is moderate and from 0.25 on large.

    >>> stability_index([5, 5], [50, 50]), round(stability_index([30, 70], [50, 50]), 3)
    (0.0, 0.166)
    """
    return sum((p - q) * math.log(p / q) for p, q in _shares(current, baseline))


def bin_edges(quantiles: Sequence[float]) -> list[float]:
    """Return rising edges from the baseline's quantiles; a bin holds what lies above one edge up to the next.

    A value that fills several quantiles (the 0 of a feature that mostly is 0) gets a bin of its own, so that what
    falls below it is told from it.

    >>> bin_edges([1.0, 2.0, 3.0])
    [1.0, 2.0, 3.0]
    >>> [round(edge, 3) for edge in bin_edges([0.0, 0.0, 0.0, 5.0])]
    [-0.0, 0.0, 5.0]
    """
    rounded = [float(f"{value:.{EDGE_DIGITS}g}") for value in quantiles]
    repeated = {a for a, b in pairwise(rounded) if a == b}
    edges: set[float] = set()
    for value in rounded:
        margin = max(abs(value) * ATOM, ATOM * ATOM)
        edges |= {value - margin, value + margin} if value in repeated else {value}
    return sorted(edges)


def counts_between(cumulative: Sequence[int], known: int) -> list[int]:
    """Return the records of each bin from how many lie at or below each edge.

    >>> counts_between([2, 5], 9)
    [2, 3, 4]
    """
    bounds = [0, *cumulative, known]
    return [after - before for before, after in pairwise(bounds)]


def _shares(current: Sequence[int], baseline: Sequence[int]) -> list[tuple[float, float]]:
    """Return the smoothed shares of both, bin by bin; a bin that is empty in both says nothing."""
    bins = [(now, before) for now, before in zip(current, baseline, strict=True) if now or before]
    if not bins:
        return []
    total_now = sum(now for now, _ in bins) + PRIOR * len(bins)
    total_before = sum(before for _, before in bins) + PRIOR * len(bins)
    return [((now + PRIOR) / total_now, (before + PRIOR) / total_before) for now, before in bins]
