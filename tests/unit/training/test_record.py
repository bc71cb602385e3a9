from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from trenddrop.modeling.spec import load_spec
from trenddrop.training.card import model_card
from trenddrop.training.horizon_metrics import HorizonMetrics
from trenddrop.training.record import Run, RunContext, flat_metrics, run_params, run_record
from trenddrop.training.split import split_by_time


@pytest.fixture(scope="module")
def run(model, frame, spec):
    start = datetime(2025, 3, 20, tzinfo=UTC)
    split = split_by_time(frame, test_from=start, horizons=(6, 12), embargo=timedelta(hours=48))
    judged = HorizonMetrics(
        rows=100,
        positives=7,
        average_precision=0.25,
        interval=(0.2, 0.3),
        baselines={"prevalence": 0.07, "velocity_rank": 0.11},
        baseline_intervals={"prevalence": (0.06, 0.08), "velocity_rank": None},
        ratio_intervals={"prevalence": (3.0, 4.0), "champion": (0.9, 1.1)},
        champion_average_precision=0.24,
    )
    undecided = HorizonMetrics(rows=100, positives=0)
    return Run(spec, model, {6: judged, 12: undecided}, split, RunContext("tiktok", "viral_v1", "service_1"))


def test_the_card_holds_the_figures_and_says_what_is_unknown(run):
    card = model_card(run)
    assert "# viral_lightgbm-tiktok-viral_v1" in card
    assert "| **model** | **0.2500** | 0.2000 to 0.3000 | |" in card
    assert card.index("| velocity_rank | 0.1100 | unknown | unknown |") < card.index("| prevalence | 0.0700")
    assert "| champion | 0.2400 | | 0.9000 to 1.1000 |" in card
    assert "**unknown**" in card.split("### 12 h")[1]
    assert "not recorded" in card


def test_the_card_names_the_documents_that_repeat_the_run_and_the_record_holds_them(run):
    known = replace(run, context=replace(run.context, label_document="name: viral_v1\n"))
    card = model_card(known)
    assert "in a folder with `recipe.yaml` and `label.yaml` of this run," in card
    assert "trenddrop train --label label.yaml --platform tiktok --model recipe.yaml --test-from" in card
    documents = run_record(known, {}, card).documents
    assert documents["label.yaml"] == "name: viral_v1\n"
    assert "recipe.yaml" in documents


def test_parameters_are_short_texts_and_empty_ones_are_left_out(run):
    params = run_params(run)
    assert "commit" not in params
    assert params["purged_rows_6h"] == str(run.split.purged[6])
    assert all(0 < len(value) <= 500 for value in params.values())


def test_flat_metrics_are_finite_numbers_only(run):
    flat = flat_metrics(run.metrics)
    assert flat["interval_low_6h"] == 0.2
    assert flat["baseline_velocity_rank_6h"] == 0.11
    assert flat["ratio_high_champion_6h"] == 1.1
    assert "average_precision_12h" not in flat
    assert all(isinstance(value, float) for value in flat.values())


def test_models_of_other_platforms_or_definitions_have_other_names():
    spec = load_spec("viral_lightgbm")
    names = {RunContext(p, d, "s").model_name(spec) for p in ("a", "b") for d in ("x", "y")}
    assert len(names) == 4
