"""How each feature is distributed now and in its baseline, as bars that the page draws itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from trenddrop.quality import FeatureAlert, FeatureQuality

WIDTH, HEIGHT = 200.0, 64.0  # of a plot, in the units of its view box
GAP = 0.18  # of a bin's width


def feature_plots(found: Sequence[FeatureQuality], alerts: Sequence[FeatureAlert]) -> list[dict[str, Any]]:
    """Return what is drawn of each feature that has values: a pair of bars per bin, and its figures."""
    worst: dict[tuple[str, str], FeatureAlert] = {}
    for alert in alerts:
        worst.setdefault((alert.table, alert.feature), alert)  # the gravest come first
    severities = {key: alert.severity for key, alert in worst.items()}
    return [
        {
            "name": one.feature,
            "bars": _bars(one),
            "least": one.minimum,
            "greatest": one.maximum,
            "null_share": one.null_share,
            "figures": {"score": _figure(one.score), "KL": _figure(one.kl), "PSI": _figure(one.psi)},
            "severity": severities.get((one.table, one.feature)),
        }
        for one in found
        if one.known
    ]


def missing_features(found: Sequence[FeatureQuality]) -> list[str]:
    """Return the features that have no value at all."""
    return [one.feature for one in found if not one.known]


def _bars(one: FeatureQuality) -> list[Mapping[str, Any]]:
    """Return a bar of the baseline and one of now per bin, as high as their share."""
    if one.histogram is None:
        return []
    current, baseline = (_shares(counts) for counts in (one.histogram.current, one.histogram.baseline))
    kept = [place for place in range(len(current)) if current[place] or baseline[place]]
    top = max(max(current), max(baseline))
    step = WIDTH / len(kept)
    width = step * (1 - GAP) / 2
    names = _bin_names(one)
    bars: list[Mapping[str, Any]] = []
    for position, place in enumerate(kept):
        left = (position + GAP / 2) * step
        for kind, x, share in (("before", left, baseline[place]), ("now", left + width, current[place])):
            height = HEIGHT * share / top
            bars.append(
                {"kind": kind, "x": x, "y": HEIGHT - height, "width": width, "height": height, "share": share}
                | {"bin": names[place]}
            )
    return bars


def _figure(value: float | None) -> str:
    """Return a score or a drift with three digits.

    >>> _figure(0.98765), _figure(0.0002), _figure(None)
    ('0.988', '<0.001', '–')
    """
    if value is None:
        return "–"
    return "<0.001" if 0 < value < 0.001 else f"{value:.3f}"


def _shares(counts: Sequence[int]) -> list[float]:
    return [count / (sum(counts) or 1) for count in counts]


def _bin_names(one: FeatureQuality) -> list[str]:
    bounds = one.histogram.bounds if one.histogram is not None else ()
    if any(isinstance(bound, str) for bound in bounds):
        return [str(bound) for bound in bounds]
    edges = [f"{bound:.3g}" for bound in bounds]
    return [f"{low} to {high}" for low, high in zip(["lowest", *edges], [*edges, "highest"], strict=True)]
