"""What a run says about itself: its parameters and its figures."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from trenddrop.core.progress import SILENT, Progress
from trenddrop.modeling import FittedModel, ModelSpec, fingerprint
from trenddrop.training.coverage import IntervalMetrics
from trenddrop.training.details import HorizonDetails
from trenddrop.training.horizon_metrics import HorizonMetrics
from trenddrop.training.peaks import OutcomeMetrics, flat_outcomes
from trenddrop.training.split import TimeSplit
from trenddrop.training.tracker import RunRecord

EXAMPLE_ROWS = 5
PINS = "feature_pins.json"
RECIPE, LABEL = "recipe.yaml", "label.yaml"  # as --model and --label take them


@dataclass(frozen=True, slots=True)
class RunContext:
    """Where the rows of a run come from, and what it is compared with."""

    platform: str
    viral_definition_name: str
    feature_service: str
    snapshot_id: str = ""
    feature_views: str = ""  # fingerprint of the views that the service names
    label_text: str = ""  # what viral means, as Markdown
    label_document: str = ""  # the definition as YAML
    feature_pins: str = ""  # document with which the training frame can be read again
    commit: str = ""
    descriptions: Mapping[str, str] = field(default_factory=dict)  # feature to the words of its reasons
    champion: FittedModel | None = None
    threads: int = 1
    progress: Progress = SILENT

    def model_name(self, spec: ModelSpec) -> str:
        """Return the name in the registry: models of different platforms or definitions are not rivals."""
        return f"{spec.name}-{self.platform}-{self.viral_definition_name}"


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run."""

    spec: ModelSpec
    model: FittedModel
    metrics: Mapping[int, HorizonMetrics]
    split: TimeSplit
    context: RunContext
    intervals: Mapping[int, IntervalMetrics] = field(default_factory=dict)
    outcomes: Mapping[str, OutcomeMetrics] = field(default_factory=dict)
    details: Mapping[int, HorizonDetails] = field(default_factory=dict)


def run_record(run: Run, plots: Mapping[str, bytes], card: str) -> RunRecord:
    """Return what a tracker keeps."""
    figures = {f"{horizon}h": one for horizon, one in horizon_figures(run.metrics, run.intervals, run.details).items()}
    peaks = {target: one.as_dict() for target, one in run.outcomes.items()}
    return RunRecord(
        model_name=run.context.model_name(run.spec),
        params=run_params(run),
        metrics=_all_metrics(run),
        documents={
            "model_card.md": card,
            "metrics.json": json.dumps(figures, indent=1),
            **({"outcomes.json": json.dumps(peaks, indent=1)} if peaks else {}),
            "spec.json": run.spec.model_dump_json(indent=1),
            RECIPE: yaml.safe_dump(run.spec.model_dump(mode="json"), sort_keys=False, allow_unicode=True),
            **({LABEL: run.context.label_document} if run.context.label_document else {}),
            **({PINS: run.context.feature_pins} if run.context.feature_pins else {}),
        },
        plots=plots,
        model=run.model,
        example=run.split.test.select(*run.model.features, *run.model.texts).head(EXAMPLE_ROWS),
    )


def _all_metrics(run: Run) -> dict[str, float]:
    flat = flat_metrics(run.metrics) | calibration_metrics(run.model)
    flat |= flat_intervals(run.intervals) | flat_outcomes(run.outcomes)
    for horizon, one in run.details.items():
        numbers = {name: value for name, value in one.alerts.as_dict().items() if isinstance(value, int | float)}
        flat |= {f"{name}_{horizon}h": float(value) for name, value in numbers.items()}
        for name, part in one.slices.items():
            if part.average_precision is not None:
                flat[f"average_precision_{name}_{horizon}h"] = part.average_precision
    return flat


def run_params(run: Run) -> dict[str, str]:
    """Return what identifies the run: recipe, code, data, period and sizes."""
    params = {
        "spec": run.spec.name,
        "config_hash": run.spec.config_hash(),
        "fingerprint": fingerprint(run.model),
        "commit": run.context.commit,
        "snapshot_id": run.context.snapshot_id,
        "platform": run.context.platform,
        "viral_definition_name": run.context.viral_definition_name,
        "feature_service": run.context.feature_service,
        "feature_views": run.context.feature_views,
        "features": str(len(run.model.features)),
        "seed": str(run.spec.seed),
        "test_from": run.split.test_from.isoformat(),
        "data_cutoff": run.model.trained_until.isoformat(),
        "train_rows": str(run.split.train.height),
        "test_rows": str(run.split.test.height),
    }
    for one in run.model.horizons:
        name = f"{one.horizon}h"
        params[f"train_rows_{name}"] = str(one.rows)
        params[f"train_positives_{name}"] = str(one.positives)
        params[f"purged_rows_{name}"] = str(run.split.purged[one.horizon])
        params[f"embargoed_rows_{name}"] = str(run.split.embargoed[one.horizon])
        params[f"trees_{name}"] = str(one.rounds)
        params[f"calibration_{name}"] = one.calibrator.kind
    return {name: value for name, value in params.items() if value}


def flat_metrics(metrics: Mapping[int, HorizonMetrics]) -> dict[str, float]:
    """Return every decided figure under a flat name, such as ``average_precision_6h`` or ``baseline_velocity_rank_6h``.

    >>> flat = flat_metrics({6: HorizonMetrics(rows=4, positives=1, baselines={"prevalence": 0.25})})
    >>> flat["positives_6h"], flat["baseline_prevalence_6h"], "brier_6h" in flat
    (1.0, 0.25, False)
    """
    flat: dict[str, float] = {}
    for horizon, one in metrics.items():
        for name, value in one.as_dict().items():
            if isinstance(value, int | float):
                flat[f"{name}_{horizon}h"] = float(value)
        for name, bounds in one.intervals.items():
            if bounds is not None:
                flat[f"{name}_low_{horizon}h"], flat[f"{name}_high_{horizon}h"] = bounds
        if one.interval is not None:
            flat[f"interval_low_{horizon}h"], flat[f"interval_high_{horizon}h"] = one.interval
        flat |= {f"baseline_{name}_{horizon}h": value for name, value in one.baselines.items()}
        for name, bounds in one.ratio_intervals.items():
            if bounds is not None:
                flat[f"ratio_low_{name}_{horizon}h"], flat[f"ratio_high_{name}_{horizon}h"] = bounds
    return flat


def horizon_figures(
    metrics: Mapping[int, HorizonMetrics],
    intervals: Mapping[int, IntervalMetrics],
    details: Mapping[int, HorizonDetails],
) -> dict[int, dict[str, Any]]:
    """Return all figures of each horizon, ready for JSON; those of its probability intervals by that name."""
    figures = {horizon: one.as_dict() for horizon, one in metrics.items()}
    for horizon, known in details.items():
        figures[horizon] |= known.as_dict()
    for horizon, one in intervals.items():
        figures[horizon]["probability_interval"] = one.as_dict()
    return figures


def calibration_metrics(model: FittedModel) -> dict[str, float]:
    """Return what the calibration methods did on held-out days, such as ``calibration_platt_log_loss_6h``."""
    return {
        f"calibration_{trial.kind}_{name}_{one.horizon}h": value
        for one in model.horizons
        for trial in one.trials
        for name, value in trial.figures().items()
    }


def flat_intervals(intervals: Mapping[int, IntervalMetrics]) -> dict[str, float]:
    """Return the coverage and the mean width of the probabilities' intervals under flat names."""
    flat: dict[str, float] = {}
    for horizon, one in intervals.items():
        for name, value in (("coverage", one.coverage), ("width", one.width)):
            if value is not None:
                flat[f"probability_interval_{name}_{horizon}h"] = value
    return flat
