"""One run: split, fit, judge, draw, write the model card, and hand all of it to the tracker."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import polars as pl

from trenddrop.core.errors import InputError
from trenddrop.core.progress import Progress
from trenddrop.modeling import FittedModel, ModelSpec, fit, predict
from trenddrop.modeling.boost import fixed_params
from trenddrop.modeling.champion import ChampionStatus, champion_status
from trenddrop.modeling.conformal import Walk, high_column, low_column
from trenddrop.modeling.fit import label_horizons
from trenddrop.modeling.matrix import label_column, probability_column
from trenddrop.modeling.outcomes import OutcomeModel, OutcomeRecipe, fit_outcomes, outcome_columns
from trenddrop.modeling.predict import CARRIED
from trenddrop.modeling.purge import without_open_windows
from trenddrop.training.card import model_card
from trenddrop.training.coverage import IntervalMetrics, judge_intervals, walk_intervals
from trenddrop.training.detail_plots import draw_detail_plots
from trenddrop.training.details import HorizonDetails, detail
from trenddrop.training.evaluate import CHAMPION, Evaluation, evaluate
from trenddrop.training.horizon_metrics import HorizonMetrics
from trenddrop.training.peaks import OutcomeMetrics, judge_outcome
from trenddrop.training.plots import draw_plots
from trenddrop.training.record import Run, RunContext, horizon_figures, run_record
from trenddrop.training.slices import with_past_outcomes
from trenddrop.training.split import TimeSplit, default_test_from, split_by_time
from trenddrop.training.tracker import LoggedRun, Tracker


@dataclass(frozen=True, slots=True)
class TrainResult:
    """The model as it was judged (it is not fitted again on the test period) and how it did."""

    model: FittedModel
    metrics: Mapping[int, HorizonMetrics]  # per horizon
    intervals: Mapping[int, IntervalMetrics]  # per horizon
    outcomes: Mapping[str, OutcomeMetrics]  # of the peak, per target
    details: Mapping[int, HorizonDetails]  # per horizon that has test rows
    test_predictions: pl.DataFrame  # keys, probability_<h>h, its interval, is_viral_<h>h and the peak of every test row
    split: TimeSplit
    left_out: Mapping[int, str]  # horizons that could not be fitted, and why
    champion: ChampionStatus
    plots: Mapping[str, bytes]
    card: str
    run: LoggedRun | None

    def figures(self) -> dict[int, dict[str, object]]:
        """Return all figures of each horizon, ready for JSON."""
        return horizon_figures(self.metrics, self.intervals, self.details)


def train(
    frame: pl.DataFrame,
    spec: ModelSpec,
    *,
    features: Sequence[str],
    context: RunContext,
    test_from: datetime | None = None,
    tracker: Tracker | None = None,
) -> TrainResult:
    """Train on the purged rows before ``test_from`` (default: ``default_test_from``), judge on those from it on.

    One row of ``frame`` is one hashtag at one event timestamp, with features as known then and a nullable boolean
    ``is_viral_<h>h`` per horizon. A horizon that the purge leaves without a row is left out, and said so; when none
    remains, InputError.
    """
    frame = frame.sort("event_timestamp", "hashtag_id")
    horizons = label_horizons(frame, spec)
    embargo = timedelta(hours=spec.split.embargo_hours)
    frame = with_past_outcomes(without_open_windows(frame, horizons), horizons)
    start = test_from or default_test_from(frame["event_timestamp"])
    split = split_by_time(frame, test_from=start, horizons=horizons, embargo=embargo)
    left_out = _untaught(split, horizons)
    model = fit(
        split.train.drop(label_column(horizon) for horizon in left_out),
        spec,
        features=features,
        descriptions=context.descriptions,
        threads=context.threads,
        progress=context.progress,
    )
    model = replace(model, outcomes=_fit_outcomes(split.train, model, context))
    status = champion_status(context.champion, split.test, test_from=split.test_from)
    test = split.test.with_columns(_probabilities(model, split.test))
    if context.champion is not None and status == "compared":
        rivals = _probabilities(context.champion, split.test)
        test = test.with_columns(rival.alias(f"{CHAMPION}_{rival.name}") for rival in rivals)
    evaluations = _judge(split.train, test, model, context.progress)
    metrics = {one.horizon: one.metrics for one in evaluations}
    walks = {one.horizon: walk_intervals(test, spec, horizon=one.horizon) for one in model.horizons}
    intervals = {horizon: judge_intervals(walked, spec) for horizon, walked in walks.items()}
    model = replace(model, intervals=tuple(walked.known for walked in walks.values()))
    peaks = [judged for one in model.outcomes if (judged := judge_outcome(split.train, test, one, model)) is not None]
    outcomes = {judged.metrics.target: judged.metrics for judged in peaks}
    details = {one.horizon: detail(split.train, test, model, one) for one in evaluations if one.viral.size}
    run = Run(spec, model, metrics, split, context, intervals, outcomes, details)
    plots = draw_plots(model, evaluations) | draw_detail_plots(run.details, intervals, peaks)
    card = model_card(run)
    return TrainResult(
        model=model,
        metrics=metrics,
        intervals=intervals,
        outcomes=outcomes,
        details=details,
        test_predictions=_kept_columns(_with_intervals(test, walks.values()), model),
        split=split,
        left_out=left_out,
        champion=status,
        plots=plots,
        card=card,
        run=tracker.log(run_record(run, plots, card)) if tracker is not None else None,
    )


def _untaught(split: TimeSplit, horizons: Sequence[int]) -> dict[int, str]:
    """Return the horizons without a training row; raise when that is all of them."""
    left_out = {
        horizon: f"no row before {split.test_from:%Y-%m-%d %H:%M} has a known outcome "
        f"({split.purged[horizon]} purged, {split.embargoed[horizon]} in the embargo)"
        for horizon in horizons
        if split.train[label_column(horizon)].null_count() == split.train.height
    }
    if len(left_out) == len(horizons):
        raise InputError(f"training: {left_out[horizons[0]]}; ingest a longer period or give a later test start")
    return left_out


def _probabilities(model: FittedModel, frame: pl.DataFrame) -> list[pl.Series]:
    predicted = predict(model, frame)
    return [predicted[probability_column(one.horizon)] for one in model.horizons]


def _judge(train: pl.DataFrame, test: pl.DataFrame, model: FittedModel, progress: Progress) -> list[Evaluation]:
    evaluations = []
    for done, one in enumerate(model.horizons):
        progress.advance("evaluate", done, len(model.horizons))
        evaluations.append(evaluate(train, test, model.spec, features=model.features, horizon=one.horizon))
    progress.advance("evaluate", len(model.horizons), len(model.horizons))
    return evaluations


def _with_intervals(test: pl.DataFrame, walks: Iterable[Walk]) -> pl.DataFrame:
    """Add the intervals as they were known on each row's day."""
    return pl.concat([test, *(walked.columns(test) for walked in walks)], how="horizontal")


def _fit_outcomes(train: pl.DataFrame, model: FittedModel, context: RunContext) -> tuple[OutcomeModel, ...]:
    """Fit the peaks within the widest horizon, on the same purged rows."""
    if (config := model.spec.outcomes) is None:
        return ()
    recipe = OutcomeRecipe(
        config=config,
        params=fixed_params(model.spec, context.threads),
        block_share=model.spec.calibration.block_share,
        embargo=timedelta(hours=model.spec.split.embargo_hours),
        threads=context.threads,
    )
    return fit_outcomes(train, recipe, features=model.features, horizon=model.horizons[-1].horizon)


def _kept_columns(test: pl.DataFrame, model: FittedModel) -> pl.DataFrame:
    horizons = [one.horizon for one in model.horizons]
    named = (probability_column, low_column, high_column, label_column)
    names = [*CARRIED, *(name(horizon) for name in named for horizon in horizons)]
    kept = test.select(name for name in names if name in test.columns)
    peaks = outcome_columns(test, model.outcomes, features=model.features)
    return pl.concat([kept, peaks], how="horizontal")
