from datetime import timedelta

import polars as pl
import pytest

from trenddrop.core.errors import InputError, SchemaError
from trenddrop.modeling import fingerprint, fit
from trenddrop.modeling.metrics import average_precision


def small(frame):
    return frame.filter(pl.col("hashtag_id") < "tiktok:t12")


def test_every_labelled_horizon_of_the_spec_is_fitted_and_no_other(model):
    assert [one.horizon for one in model.horizons] == [6, 12]


def test_the_model_learns_and_is_calibrated_on_a_later_block(model, make_frame):
    later = make_frame(seed=9).drop_nulls("is_viral_6h")
    from trenddrop.modeling import predict

    probability = predict(model, later)["probability_6h"].to_numpy()
    viral = later["is_viral_6h"].to_numpy()
    assert average_precision(viral, probability) > 3 * viral.mean()
    assert probability.mean() == pytest.approx(viral.mean(), rel=0.3)
    assert model.horizons[0].calibrator.kind == "platt"


def test_the_order_of_rows_and_the_number_of_threads_change_no_bit(frame, spec, features):
    rows = small(frame)
    once = fit(rows, spec, features=features)
    again = fit(rows.sample(fraction=1.0, shuffle=True, seed=3), spec, features=features, threads=3)
    assert fingerprint(once) == fingerprint(again)


def test_rows_of_unknown_outcome_teach_nothing(frame, spec, features):
    rows = small(frame)
    unknown = pl.col("event_timestamp").dt.hour() == 7
    hidden = rows.with_columns(pl.when(~unknown).then(pl.col("^is_viral_.*$")).name.keep())
    lied = hidden.with_columns(pl.when(unknown).then(999.0).otherwise(pl.col("heat")).alias("heat"))
    assert fingerprint(fit(hidden, spec, features=features)) == fingerprint(fit(lied, spec, features=features))


def test_trained_until_is_the_last_row_that_taught(frame, spec, features):
    rows = small(frame)
    known = rows.drop_nulls("is_viral_6h")["event_timestamp"].max()
    assert (
        fit(rows, spec, features=features).trained_until == known == rows["event_timestamp"].max() - timedelta(hours=6)
    )


def test_too_few_positives_give_the_prevalence_and_say_so(frame, spec, features):
    rows = small(frame).with_columns(is_viral_6h=pl.int_range(pl.len()) < 3)
    one = fit(rows, spec, features=features).horizons[0]
    assert one.booster is None
    assert one.positives == 3
    assert one.prior == pytest.approx(3.5 / (rows.height + 1))


def test_a_short_period_is_fitted_without_a_calibration_block(frame, spec, features):
    rows = frame.filter(pl.col("event_timestamp") < frame["event_timestamp"][0] + timedelta(hours=40))
    one = fit(rows, spec, features=features).horizons[0]
    assert one.calibrator.kind == "none"
    assert one.rounds == spec.rounds.maximum


def test_a_frame_that_cannot_be_used_is_refused_in_one_line(frame, spec, features):
    with pytest.raises(SchemaError, match="none of the label columns"):
        fit(frame.drop("is_viral_6h", "is_viral_12h"), spec, features=features)
    with pytest.raises(SchemaError, match="expected a datetime in UTC"):
        fit(frame.with_columns(pl.col("event_timestamp").dt.replace_time_zone(None)), spec, features=features)
    with pytest.raises(SchemaError, match=r"missing columns \['hashtag_id'\]"):
        fit(frame.drop("hashtag_id"), spec, features=features)
    with pytest.raises(SchemaError, match=r"missing columns \['warmth'\]"):
        fit(frame, spec, features=["warmth"])
    with pytest.raises(InputError, match="no row with a known is_viral_6h"):
        fit(frame.with_columns(is_viral_6h=pl.lit(None, pl.Boolean)), spec, features=features)
