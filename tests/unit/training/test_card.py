import io
import json
import re
from dataclasses import asdict, replace

import numpy as np
import pytest
from matplotlib.image import imread

from trenddrop.core.ids import content_id
from trenddrop.modeling import fingerprint
from trenddrop.modeling.spec import models_folder
from trenddrop.training import RunContext, train
from trenddrop.training.detail_plots import draw_detail_plots

VIEWS = {"hashtag_growth": {"ttl_s": 60}, "hashtag_bursts": {"ttl_s": 90}}


@pytest.fixture(scope="module")
def result(make_frame, spec, features):
    frame = make_frame(days=30, seed=11)
    rng = np.random.default_rng(5)
    frame = frame.with_columns(
        age_hours=frame["hour_of_day"] * 2.0,
        hours_to_peak_12h=rng.integers(1, 13, frame.height).astype(float),
        peak_views_12h=np.floor(frame["views_1h"].to_numpy() * np.exp(rng.normal(0.5, 0.4, frame.height))),
    )
    context = RunContext(
        "tiktok",
        "viral_v1",
        "service_1",
        snapshot_id="41",
        commit="c0ffee",
        feature_pins=json.dumps({"views": VIEWS}),
        label_text="Begins to grow. Kind `onset`: multiple 3.0.",
        descriptions={"heat": "How hot it is."},
    )
    return train(frame, spec, features=features, context=context)


def figures(value):
    """Every float in nested plain values, written as the card writes them."""
    if isinstance(value, dict):
        return set().union(*map(figures, value.values())) if value else set()
    if isinstance(value, list | tuple):
        return set().union(*map(figures, value)) if value else set()
    return {f"{value:.4f}"} if isinstance(value, int | float) and not isinstance(value, bool) else set()


def test_every_figure_of_the_card_is_one_of_the_run(result):
    known = figures(result.figures()) | figures({name: one.as_dict() for name, one in result.outcomes.items()})
    written = re.findall(r"(?<![\w.])-?\d+\.\d{4}(?!\d)", result.card)
    assert len(written) > 60
    assert set(written) <= known


def test_the_template_itself_holds_no_figures():
    template = (models_folder() / "model_card.md.j2").read_text(encoding="utf-8")
    fixed = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", template, flags=re.DOTALL)
    assert set(re.findall(r"\d[\d.,]*", fixed)) == {"1", "1,000", "20"}  # 1 is right; per 1,000 days; the 20 likeliest


def test_each_horizon_has_its_metrics_slices_alerts_and_coverage(result):
    card = result.card
    for horizon, one in result.metrics.items():
        part = card.split(f"### {horizon} h\n")[1].split("\n### ")[0]
        low, high = one.interval
        assert f"| **model** | **{one.average_precision:.4f}** | {low:.4f} to {high:.4f} | |" in part
        for name, value in one.baselines.items():
            assert f"| {name} | {value:.4f} |" in part
        detail, held = result.details[horizon], result.intervals[horizon]
        assert f"{detail.alerts.event_recall:.4f} of {detail.alerts.events:,} events" in part
        assert "\n\nAlerts at " in part  # a paragraph of its own, not the end of a list before it
        low, high = detail.alerts.alert_intervals["event_recall"]
        assert f"events announced ({low:.4f} to {high:.4f})" in part
        for limit in one.limits:
            assert f"\n- {limit}.\n" in part
        missed = [name.replace("_", " ") for name, is_cleared in one.bars.items() if is_cleared is False]
        assert f"Bars of the recipe that are missed: {', '.join(missed) or 'none'}.\n" in part
        young = detail.slices["under_24h_old"]
        assert f"| under 24h old | {young.rows:,} | {young.positives:,} | {young.average_precision:.4f} |" in part
        assert "| unseen hashtags | 0 | 0 | unknown | unknown | unknown | unknown |" in part
        assert f"held {held.coverage:.4f} (" in part


def test_some_horizon_misses_a_bar_and_the_rows_do_not_allow_something(result):
    """Or else the card would not be asked to say either."""
    assert any(False in one.bars.values() for one in result.metrics.values())
    assert any(one.limits for one in result.metrics.values())


def test_peaks_views_and_how_to_repeat_the_run_are_told(result):
    card = result.card
    for target, one in result.outcomes.items():
        assert f"| {target.replace('_', ' ')} | {one.rows:,} | {one.loss:.4f} | training period " in card
    for name, view in VIEWS.items():
        assert f"| {name} | `{content_id(json.dumps(view, sort_keys=True))}` |" in card
    assert fingerprint(result.model) in card
    start = result.split.test_from.isoformat()
    told = f"\ntrenddrop train --label viral_v1 --platform tiktok --model recipe.yaml --test-from {start}\n"
    assert told in card
    assert "in a folder with `recipe.yaml` of this run," in card
    assert "- `heat`: How hot it is.\n- `views_1h`\n" in card
    assert "Begins to grow. Kind `onset`: multiple 3.0." in card
    assert "| data | warehouse snapshot 41 |" in card


def test_the_details_agree_with_the_rows(result):
    """Weeks and slices by plain counting over the test predictions."""
    rows = result.test_predictions.filter(result.test_predictions["is_viral_6h"].is_not_null())
    detail = result.details[6]
    assert sum(stretch.rows for stretch in detail.stretches) == rows.height
    assert detail.stretches[0].prevalence == pytest.approx(
        rows.filter(rows["event_timestamp"].dt.date() == rows["event_timestamp"].dt.date().min())["is_viral_6h"].mean()
    )
    assert detail.lead_times_h.size == round(detail.alerts.event_recall * detail.alerts.events)
    assert np.median(detail.lead_times_h) == detail.alerts.lead_time_to_onset_h
    assert result.details[12].alerts.lead_time_to_peak_h is not None  # the horizon whose peaks are known
    assert {"over_time.png", "lead_time.png", "probability_intervals.png", "peaks.png"} <= set(result.plots)
    assert json.loads(json.dumps(detail.as_dict()))["slices"]["under_24h_old"] == json.loads(
        json.dumps(asdict(detail.slices["under_24h_old"]))
    )


def test_the_plots_of_the_details_have_ink_and_nothing_known_draws_nothing(result):
    for name in ("over_time.png", "lead_time.png", "probability_intervals.png", "peaks.png"):
        pixels = imread(io.BytesIO(result.plots[name]))
        assert min(pixels.shape[:2]) > 150
        assert pixels.std() > 0.05
    assert draw_detail_plots({}, {}, []) == {}
    silent = replace(result.details[6], stretches=(), lead_times_h=np.empty(0))
    assert draw_detail_plots({6: silent}, {}, []) == {}
