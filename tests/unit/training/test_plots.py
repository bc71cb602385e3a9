import io

import matplotlib as mpl
import numpy as np
import polars as pl
import pytest
from matplotlib.image import imread

from trenddrop.modeling import fit, predict
from trenddrop.training.evaluate import Evaluation, evaluate
from trenddrop.training.horizon_metrics import HorizonMetrics
from trenddrop.training.plots import draw_plots


@pytest.fixture(scope="module")
def evaluations(model, make_frame, spec):
    train, test = make_frame(seed=5, days=6), make_frame(seed=6, days=6)
    scored = test.with_columns(predict(model, test).select(pl.col("^probability_.*$")))
    scored = scored.with_columns(champion_probability_6h=pl.col("probability_6h") ** 2)
    return [evaluate(train, scored, spec, features=("heat",), horizon=horizon) for horizon in (6, 12)]


def test_every_plot_is_a_png_with_ink_in_it(model, evaluations):
    plots = draw_plots(model, evaluations)
    assert set(plots) == {
        "feature_importance.png",
        "intervals.png",
        "precision_recall.png",
        "reliability.png",
        "scores.png",
    }
    for png in plots.values():
        pixels = imread(io.BytesIO(png))
        assert min(pixels.shape[:2]) > 150
        assert pixels.std() > 0.05


def test_drawing_leaves_matplotlib_as_it_was_and_repeats(model, evaluations):
    before = dict(mpl.rcParams)
    first = draw_plots(model, evaluations)
    assert dict(mpl.rcParams) == before
    assert draw_plots(model, evaluations) == first


def test_one_horizon_three_horizons_and_no_positives_are_drawn(model, evaluations):
    assert len(draw_plots(model, evaluations[:1])) == 5
    assert len(draw_plots(model, [*evaluations, evaluations[0]])) == 5
    empty = Evaluation(6, HorizonMetrics(rows=3, positives=0), np.zeros(3, bool), {"model": np.zeros(3)})
    assert list(draw_plots(model, [empty])) == ["feature_importance.png"]


def test_a_model_without_trees_is_drawn(make_frame, spec):
    flat = make_frame(days=4).with_columns(is_viral_6h=pl.lit(False)).drop("is_viral_12h")
    assert draw_plots(fit(flat, spec, features=["heat", "score"]), [])


def test_a_constant_model_is_drawn_beside_its_rivals(make_frame, spec):
    frame = make_frame(days=6).drop("is_viral_12h")
    constant = fit(frame.with_columns(is_viral_6h=pl.lit(False)), spec, features=["heat", "score"])
    test = frame.with_columns(predict(constant, frame)["probability_6h"])
    judged = evaluate(frame, test, spec, features=("heat", "score"), horizon=6)
    assert judged.metrics.calibration_slope is None
    assert len(draw_plots(constant, [judged])) == 5
