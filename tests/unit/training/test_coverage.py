import numpy as np
import polars as pl
import pytest

from trenddrop.modeling import predict
from trenddrop.modeling.conformal import EVERYTHING, BandDays, Intervals, no_intervals, walk
from trenddrop.training.coverage import judge_intervals, walk_intervals


def test_the_figures_are_those_of_a_plain_loop_over_days_and_bands(model, make_frame, spec):
    spec = spec.model_copy(update={"intervals": Intervals(block_rows=1)})
    frame = make_frame(seed=3, days=20)
    rows = frame.with_columns(predict(model, frame)["probability_6h"])
    walked = walk_intervals(rows, spec, horizon=6)
    judged = judge_intervals(walked, spec)  # of days, not of blocks of several
    hits, total, without = 0, 0, 0
    bounds = walked.columns(rows)
    seen = rows.with_columns(bounds, day=pl.col("event_timestamp").dt.date())
    seen = seen.filter(pl.col("is_viral_6h").is_not_null())
    bands = pl.Series(spec.intervals.band(seen["probability_6h"].to_numpy()))
    for _, part in seen.with_columns(band=bands).group_by("day", "band"):
        share, mean = part["is_viral_6h"].mean(), part["probability_6h"].mean()
        if part["low_6h"].null_count():
            without += 1
            continue
        at, low, high = (np.arcsin(np.sqrt(part[name])) for name in ("probability_6h", "low_6h", "high_6h"))
        radius = max((at - low).max(), (high - at).max())  # an end at 0 or 1 is cut off
        total += 1
        hits += abs(np.arcsin(np.sqrt(share)) - np.arcsin(np.sqrt(mean))) <= radius + 1e-9
    assert (judged.band_days, judged.without) == (total, without)
    assert judged.coverage == pytest.approx(hits / total)
    assert judged.coverage_interval[0] <= judged.coverage <= judged.coverage_interval[1]
    assert 0 < judged.width < 1


def test_days_without_an_interval_are_counted_apart_and_decide_nothing(spec):
    days = BandDays(np.arange(2), *(np.full((2, 10), value) for value in (90.0, 0.3, 0.3)))
    walked = walk(no_intervals(spec.intervals, 48), days)
    assert (walked.radius == EVERYTHING).all()
    judged = judge_intervals(walked, spec)
    assert (judged.band_days, judged.without, judged.days) == (0, 20, 0)
    assert judged.coverage is judged.coverage_interval is judged.width is None
    assert judged.bands == ()
