"""Search for a better recipe inside the training period: the test period is never read.

The training rows are split once more in time, purged and with the embargo; a recipe is worth the mean over the horizons
of the average precision of its probabilities on the inner later rows. Optuna's tree-structured Parzen estimator
proposes the recipes (Bergstra et al., "Algorithms for hyper-parameter optimization", 2011). Its random generator is
seeded anew for each trial, so a search that was interrupted goes on as if it had not been.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import optuna
import polars as pl
import yaml
from optuna.trial import FrozenTrial, TrialState

from trenddrop.core.errors import InputError
from trenddrop.core.progress import SILENT, Progress
from trenddrop.core.settings import parse_config
from trenddrop.modeling import ModelSpec, fit, predict
from trenddrop.modeling.fit import label_horizons
from trenddrop.modeling.matrix import is_viral, label_column, labelled, probability_column
from trenddrop.modeling.metrics import average_precision
from trenddrop.modeling.purge import without_open_windows
from trenddrop.modeling.spec import ParameterValue, Range
from trenddrop.training.split import TimeSplit, default_test_from, split_by_time

RANDOM_TRIALS = 8  # before the estimator has something to learn from
OF_RECIPE = ("kind", "row_weights")  # names of the space that are the recipe's own, not LightGBM's


@dataclass(frozen=True, slots=True)
class TuneTrial:
    """One recipe that was tried, and what it was worth; the first is the given recipe itself."""

    number: int
    params: Mapping[str, ParameterValue]
    value: float  # mean of ``average_precision`` over the horizons
    average_precision: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class TuneResult:
    """A search, finished or out of time."""

    spec: ModelSpec  # the best recipe
    trials: Sequence[TuneTrial]
    inner_from: datetime  # the inner later rows begin here
    test_from: datetime  # no row from here on was read

    @property
    def best(self) -> TuneTrial:
        """Return the best trial, the first of equals: so the given recipe stays unless something is better."""
        return max(self.trials, key=lambda one: (one.value, -one.number))

    def as_dict(self) -> dict[str, Any]:
        """Return the search as plain JSON-ready values."""
        best, given = self.best, self.trials[0]
        return {
            "test_from": self.test_from.isoformat(),
            "inner_from": self.inner_from.isoformat(),
            "given": {"value": given.value, "average_precision": _texts(given.average_precision)},
            "best": {
                "trial": best.number,
                "value": best.value,
                "average_precision": _texts(best.average_precision),
                "params": dict(best.params),
            },
            "trials": [{"number": one.number, "value": one.value, "params": dict(one.params)} for one in self.trials],
        }


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to search, and on how many threads."""

    trials: int
    timeout: timedelta | None = None
    threads: int = 1
    progress: Progress = SILENT
    clock: Callable[[], float] = time.monotonic


def tune(
    frame: pl.DataFrame,
    spec: ModelSpec,
    *,
    features: Sequence[str],
    study: optuna.Study,
    effort: Effort,
    test_from: datetime | None = None,
) -> TuneResult:
    """Go on with a study until it has so many finished trials or the time is up; at least one is always made.

    A killed search loses the trial that it was in. The rows, the recipe and the number of trials decide the result;
    a timeout decides only how many there are.
    """
    frame = frame.sort("event_timestamp", "hashtag_id")
    horizons = label_horizons(frame, spec)
    frame = without_open_windows(frame, horizons)
    start = test_from or default_test_from(frame["event_timestamp"])
    inner = inner_split(frame, spec, horizons, start)
    begin, trials = effort.clock(), effort.trials
    while (done := len(_finished(study))) < trials:
        if done and effort.timeout is not None and effort.clock() - begin > effort.timeout.total_seconds():
            break
        effort.progress.advance("tune", done, trials)
        study.sampler = optuna.samplers.TPESampler(seed=spec.seed + done, n_startup_trials=RANDOM_TRIALS)
        if not done and not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            study.enqueue_trial(_given(spec))  # again where a search was killed in its first trial
        trial = study.ask(_distributions(spec.tuning.space))
        found = _worth(_recipe(spec, trial.params), inner, features, horizons, effort.threads)
        trial.set_user_attr("average_precision", {str(horizon): value for horizon, value in found.items()})
        study.tell(trial, float(np.mean(list(found.values()))))
    effort.progress.advance("tune", len(_finished(study)), trials)
    made = [_made(number, one) for number, one in enumerate(_finished(study)[:trials])]
    result = TuneResult(spec, made, inner.test_from, start)
    return TuneResult(_recipe(spec, result.best.params), made, inner.test_from, start)


def inner_split(frame: pl.DataFrame, spec: ModelSpec, horizons: Sequence[int], test_from: datetime) -> TimeSplit:
    """Split what may be learned from before ``test_from`` once more; InputError where it is too short for that."""
    embargo = timedelta(hours=spec.split.embargo_hours)
    outer = split_by_time(frame, test_from=test_from, horizons=horizons, embargo=embargo).train
    if outer.is_empty():
        raise InputError(f"tuning: no row before {test_from:%Y-%m-%d %H:%M} has a known outcome; ingest earlier data")
    first, last = outer["event_timestamp"][0], outer["event_timestamp"][-1]
    boundary = last - (last - first) * spec.tuning.inner_share
    inner = split_by_time(outer, test_from=boundary, horizons=horizons, embargo=embargo)
    for rows, side in ((inner.train, "before"), (inner.test, "from")):
        for horizon in horizons:
            outcomes = rows[label_column(horizon)].drop_nulls()
            if outcomes.n_unique() < 2:  # noqa: PLR2004 - both outcomes
                raise InputError(
                    f"tuning: the outcomes at {horizon} h {side} {boundary:%Y-%m-%d %H:%M} are all alike or unknown; "
                    "ingest a longer period or give a later test start"
                )
    return inner


def recipe_text(result: TuneResult) -> str:
    """Return the best recipe as YAML that ``--model`` takes, saying where it comes from."""
    best = result.best
    return (
        f"# Found by 'trenddrop tune' on rows before {result.test_from:%Y-%m-%d}: trial {best.number} of "
        f"{len(result.trials)}, mean average precision {best.value:.4f} (the recipe that it started from: "
        f"{result.trials[0].value:.4f})\n# on the rows from {result.inner_from:%Y-%m-%d} on.\n"
        + yaml.safe_dump(result.spec.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    )


def _worth(
    spec: ModelSpec, inner: TimeSplit, features: Sequence[str], horizons: Sequence[int], threads: int
) -> dict[int, float]:
    model = fit(inner.train, spec, features=features, threads=threads)
    predicted = inner.test.with_columns(predict(model, inner.test).select(pl.col("^probability_.*$")))
    worth = {}
    for horizon in horizons:
        rows = labelled(predicted, horizon)
        worth[horizon] = average_precision(is_viral(rows, horizon), rows[probability_column(horizon)].to_numpy()) or 0.0
    return worth


def _distributions(space: Mapping[str, Range | tuple[str, ...]]) -> dict[str, Any]:
    distributions: dict[str, Any] = {}
    for name, one in space.items():
        if isinstance(one, tuple):
            distributions[name] = optuna.distributions.CategoricalDistribution(one)
        elif one.is_whole:
            distributions[name] = optuna.distributions.IntDistribution(int(one.low), int(one.high), log=one.log)
        else:
            distributions[name] = optuna.distributions.FloatDistribution(one.low, one.high, log=one.log)
    return distributions


def _given(spec: ModelSpec) -> dict[str, ParameterValue]:
    """Return what the recipe itself says of the space; where it is silent or outside, the estimator chooses."""
    said = {**spec.params, "kind": spec.kind, "row_weights": spec.row_weights}
    return {name: said[name] for name, one in spec.tuning.space.items() if name in said and _holds(one, said[name])}


def _holds(one: Range | tuple[str, ...], value: ParameterValue) -> bool:
    if isinstance(one, tuple):
        return value in one
    return not isinstance(value, str) and one.low <= value <= one.high


def _recipe(spec: ModelSpec, params: Mapping[str, ParameterValue]) -> ModelSpec:
    values = spec.model_dump()
    values["params"] = {**spec.params, **{name: value for name, value in params.items() if name not in OF_RECIPE}}
    values |= {name: params[name] for name in OF_RECIPE if name in params}
    return parse_config(ModelSpec, values, origin=f"recipe {spec.name}")


def _finished(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _made(number: int, trial: FrozenTrial) -> TuneTrial:
    found = trial.user_attrs["average_precision"]
    return TuneTrial(number, trial.params, float(trial.value or 0.0), {int(h): value for h, value in found.items()})


def _texts(values: Mapping[int, float]) -> dict[str, float]:
    return {str(horizon): value for horizon, value in values.items()}
