from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from trenddrop.core.errors import SchemaError
from trenddrop.schemas import TABLES
from trenddrop.scoring import Issue, prediction_rows, write_predictions

NOW = datetime(2025, 6, 3, 9, 30, tzinfo=UTC)
T = datetime(2025, 6, 1, 12, tzinfo=UTC)
ISSUE = Issue("viral", "3", "viral_v1", "service_1", "41", is_backtest=True)


def scores(count=3):
    return pl.DataFrame(
        {
            "hashtag_id": [f"tiktok:t{i}" for i in range(count)],
            "platform": ["tiktok"] * count,
            "event_timestamp": pl.Series([T] * count, dtype=pl.Datetime("us", "UTC")),
            "probability_6h": [0.1 * (i + 1) for i in range(count)],
            "probability_12h": [0.2 * (i + 1) for i in range(count)],
            "reasons": ['[{"text": "a"}]'] * count,
        }
    )


def test_one_row_per_score_and_horizon_in_the_table_s_columns():
    rows = prediction_rows(scores(), ISSUE, created=NOW)
    assert rows.columns == list(TABLES["predictions"].columns)
    assert rows.height == 6
    one = rows.filter((pl.col("hashtag_id") == "tiktok:t1") & (pl.col("prediction_window_hours") == 12)).to_dicts()[0]
    assert one["probability"] == pytest.approx(0.4)
    assert one["issued_at"] == one["feature_timestamp"] == T
    assert one["matures_at"] == T + timedelta(hours=12)
    assert one["created_timestamp"] == NOW
    assert one["reasons"] == '[{"text": "a"}]'


def test_intervals_stand_beside_their_horizon_and_the_peak_beside_the_widest():
    known = scores(1).with_columns(low_12h=pl.lit(0.1), high_12h=pl.lit(0.4), hours_to_peak=pl.lit(7.0))
    six, twelve = prediction_rows(known, ISSUE, created=NOW).sort("prediction_window_hours").to_dicts()
    assert (six["probability_low"], six["probability_high"], six["hours_to_peak"]) == (None, None, None)
    assert (twelve["probability_low"], twelve["probability_high"], twelve["hours_to_peak"]) == (0.1, 0.4, 7.0)
    assert twelve["peak_views"] is None


def test_a_live_row_is_issued_when_the_caller_says():
    live = Issue("viral", "3", "viral_v1", "s", "41", is_backtest=False, issued_at=NOW)
    row = prediction_rows(scores(1), live, created=NOW).to_dicts()[0]
    assert (row["issued_at"], row["feature_timestamp"]) == (NOW, T)
    assert row["matures_at"] == NOW + timedelta(hours=6)


def test_ids_depend_on_what_was_predicted_and_on_nothing_else():
    rows = prediction_rows(scores(), ISSUE, created=NOW)
    other = scores().with_columns(pl.col("probability_6h") / 2, reasons=pl.lit("[]"))
    later = prediction_rows(other, ISSUE, created=NOW + timedelta(days=1))
    assert rows["prediction_id"].equals(later["prediction_id"])
    assert rows["prediction_id"].n_unique() == 6
    assert rows["prediction_id"].str.contains("^[0-9a-f]{32}$").all()
    for changes in (
        {"model_version": "4"},
        {"is_backtest": False},
        {"viral_definition_name": "v2"},
        {"issued_at": NOW},
    ):
        values = {name: getattr(ISSUE, name) for name in Issue.__dataclass_fields__} | changes
        again = prediction_rows(scores(), Issue(**values), created=NOW)
        assert set(rows["prediction_id"]).isdisjoint(again["prediction_id"])


def test_the_id_of_a_prediction_never_changes():
    rows = prediction_rows(scores(1), ISSUE, created=NOW)
    assert rows["prediction_id"][0] == "6731e9ee7232e601fbe69f50489ff3a0"


def test_a_batch_of_one_and_of_many_give_the_same_ids():
    many = prediction_rows(scores(3), ISSUE, created=NOW)
    one = prediction_rows(scores(3)[1], ISSUE, created=NOW)
    assert set(one["prediction_id"]) == set(many.filter(pl.col("hashtag_id") == "tiktok:t1")["prediction_id"])


def test_without_reasons_the_list_is_empty():
    assert set(prediction_rows(scores().drop("reasons"), ISSUE, created=NOW)["reasons"]) == {"[]"}


def test_what_is_missing_is_named():
    with pytest.raises(SchemaError, match=r"missing columns \['platform'\]"):
        prediction_rows(scores().drop("platform"), ISSUE, created=NOW)
    with pytest.raises(SchemaError, match=r"missing columns \['probability_6h'\]"):
        prediction_rows(scores().select("hashtag_id", "platform", "event_timestamp"), ISSUE, created=NOW)


def test_writing_again_replaces_and_another_version_stays_beside(wh):
    assert write_predictions(wh, scores(), ISSUE, clock=lambda: NOW) == 6
    changed = scores().with_columns(probability_6h=pl.lit(0.01))
    assert write_predictions(wh, changed, ISSUE, clock=lambda: NOW) == 6
    table = pl.from_arrow(wh.table("predictions").to_pyarrow())
    assert table.height == 6
    assert set(table.filter(pl.col("prediction_window_hours") == 6)["probability"]) == {0.01}
    newer = Issue("viral", "4", "viral_v1", "service_1", "42", is_backtest=True)
    write_predictions(wh, scores(), newer, clock=lambda: NOW)
    assert wh.table("predictions").count().to_pyarrow().as_py() == 12


def test_no_scores_write_nothing(wh):
    assert write_predictions(wh, scores().clear(), ISSUE, clock=lambda: NOW) == 0
    assert wh.table("predictions").count().to_pyarrow().as_py() == 0
