"""The rule that makes a challenger the champion."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from trenddrop.modeling.champion import ChampionStatus
from trenddrop.modeling.spec import Gate
from trenddrop.registry.champions import Change, install, rolled_back
from trenddrop.registry.registry import ModelRegistry

Interval = tuple[float, float] | None


class Judged(Protocol):
    """The figures that the rule reads, of one horizon on test rows."""

    @property
    def positives(self) -> int:
        """Return the number of test rows that went viral."""
        ...

    @property
    def average_precision(self) -> float | None:
        """Return the model's average precision; None where all outcomes are alike."""
        ...

    @property
    def ece(self) -> float | None:
        """Return the expected calibration error."""
        ...

    @property
    def calibration_slope(self) -> float | None:
        """Return the slope of the outcomes over the log-odds; 1 is right."""
        ...

    @property
    def best_baseline(self) -> str | None:
        """Return the name of the baseline with the greatest average precision."""
        ...

    @property
    def ratio_intervals(self) -> Mapping[str, Interval]:
        """Return per rival the interval of AP / AP of the rival."""
        ...


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the challenger was promoted; the reasons say what failed, or what it beat."""

    promoted: bool
    reasons: tuple[str, ...]


ALERTS_NAMED = 3


class Alert(Protocol):
    """What is wrong with the data that a model learned from."""

    @property
    def severity(self) -> str:
        """Return how grave it is."""
        ...

    def summary(self) -> str:
        """Return the alert in words."""
        ...


def judge(
    metrics: Mapping[int, Judged],
    gate: Gate,
    *,
    champion: ChampionStatus,
    champion_horizons: Collection[int],
    alerts: Sequence[Alert] = (),
) -> Decision:
    """Apply the gate to every judged horizon and to the alerts on its features; all failures are collected.

    ``alerts`` are those that the gate asks for (``no_alert_from``): each of them holds the model back.

    A champion that cannot read today's features cannot serve either, so it is no obstacle; one that has learned from
    the test period cannot be beaten fairly, so nothing is promoted over it. A horizon that the champion lacks has no
    champion to beat; one that only the champion has would be lost, so nothing that lacks it is promoted.
    """
    horizons = gate.horizons or tuple(metrics)
    failures = [f"{horizon} h: not in this model" for horizon in horizons if horizon not in metrics]
    if champion == "saw_test":
        failures.append("the champion learned from the test period; choose a later test start")
    if champion in ("compared", "saw_test") and (lost := sorted(set(champion_horizons) - set(metrics))):
        failures.append(f"the champion has {', '.join(map(str, lost))} h, this model does not")
    failures += _alarms(alerts)
    for horizon in horizons:
        if horizon in metrics:
            has_rival = champion == "compared" and horizon in champion_horizons
            failures += [f"{horizon} h: {why}" for why in _failures(metrics[horizon], gate, has_rival=has_rival)]
    if not horizons:
        failures.append("no horizon was judged")
    if failures:
        return Decision(False, tuple(failures))
    return Decision(True, tuple(f"{horizon} h: {_merit(metrics[horizon])}" for horizon in horizons))


def promote(registry: ModelRegistry, name: str, version: str, decision: Decision, *, change: Change) -> Decision:
    """Point ``challenger`` at the version, and ``champion`` too if the decision says so; return what holds then.

    The same rows give the same version again, which cannot beat itself and stays the champion that it is. A version
    that was rolled back stays so: the gate saw nothing wrong with it then, and would see nothing now.
    """
    registry.point(name, "challenger", version)
    champion = registry.aliased(name, "champion")
    if champion is not None and champion.version == version:
        return Decision(True, ("is the champion already",))
    if not decision.promoted:
        return decision
    if gone := rolled_back(registry, name, version):
        way_back = f"'trenddrop models rollback {name} --to {version}' makes it the champion again"
        return Decision(False, (f"{gone}; {way_back}",))
    install(registry, name, version, "promotion", change)
    return decision


def _alarms(alerts: Sequence[Alert]) -> list[str]:
    """Return each of the first alerts in words, and how many more there are."""
    named = [f"{alert.severity} quality alert: {alert.summary()}" for alert in alerts[:ALERTS_NAMED]]
    if not named:
        return []
    more = len(alerts) - len(named)
    return [
        *named,
        *([f"{more} more quality alerts"] if more else []),
        "mend the data and train again ('trenddrop features quality' lists them), or set the recipe's no_alert_from",
    ]


def _failures(one: Judged, gate: Gate, *, has_rival: bool) -> list[str]:
    if one.positives < gate.min_positives:
        return [f"{one.positives} test positives decide nothing; at least {gate.min_positives} are needed"]
    if one.average_precision is None:
        return ["all test outcomes are alike, which decides nothing"]
    failures = []
    if one.best_baseline is not None:
        failures += _not_above(one, one.best_baseline, gate.baseline_ratio_above)
    if has_rival:
        failures += _not_above(one, "champion", gate.champion_ratio_above)
    if one.ece is None or one.ece >= gate.ece_below:
        failures.append(
            f"calibration error {one.ece if one.ece is None else round(one.ece, 4)}, must be below {gate.ece_below}"
        )
    return failures + _outside(one, gate)


def _outside(one: Judged, gate: Gate) -> list[str]:
    slope = one.calibration_slope
    if gate.slope_within is None:
        return []
    low, high = gate.slope_within
    if slope is not None and low <= slope <= high:
        return []
    found = "unknown" if slope is None else f"{slope:.3f}"
    return [f"calibration slope {found}, must be {low:g} to {high:g}"]


def _not_above(one: Judged, rival: str, bound: float) -> list[str]:
    interval = one.ratio_intervals.get(rival)
    if interval is None:
        return [f"no interval against {rival}: too few test days"]
    if interval[0] <= bound:
        return [f"ratio to {rival} is {interval[0]:.3f} to {interval[1]:.3f}, must be above {bound:g}"]
    return []


def _merit(one: Judged) -> str:
    if one.best_baseline is None or (interval := one.ratio_intervals.get(one.best_baseline)) is None:
        return "passes"
    return f"ratio to {one.best_baseline} is {interval[0]:.3f} to {interval[1]:.3f}"
