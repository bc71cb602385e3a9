from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from trenddrop.matching import latest_scores

T = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def predictions(*rows):
    """Each row: hashtag, issued hour, horizon, probability, and changes."""
    base = {
        "viral_definition_name": "top_rank_10",
        "reasons": "[]",
        "model_name": "m",
        "model_version": "1",
        "feature_service": "f",
        "snapshot_id": "0",
        "is_backtest": False,
        "platform": "tiktok",
    }
    times = dict.fromkeys(
        ("issued_at", "feature_timestamp", "matures_at", "created_timestamp"), pl.Datetime("us", "UTC")
    )
    return pl.DataFrame(
        [
            base
            | {
                "prediction_id": str(number),
                "hashtag_id": f"tiktok:{name}",
                "issued_at": T + hours * HOUR,
                "prediction_window_hours": horizon,
                "probability": probability,
                "feature_timestamp": T + hours * HOUR,
                "matures_at": T + (hours + horizon) * HOUR,
                "created_timestamp": T + hours * HOUR,
            }
            | changes
            for number, (name, hours, horizon, probability, changes) in enumerate(rows)
        ],
        schema_overrides=times,
    )


def test_the_newest_prediction_of_each_hashtag_one_column_per_horizon(wh):
    wh.transact(
        lambda: wh.append(
            "predictions",
            predictions(
                ("a", 0, 6, 0.1, {}),
                ("a", 1, 6, 0.2, {}),
                ("a", 1, 48, 0.4, {"reasons": '["why"]'}),
                ("a", 2, 6, 0.9, {"is_backtest": True}),
                ("b", 0, 24, 0.3, {"platform": "weibo"}),
            ),
        )
    )
    found = {row["hashtag_id"]: row for row in latest_scores(wh).to_dicts()}
    assert set(found) == {"tiktok:a", "tiktok:b"}
    a = found["tiktok:a"]
    assert [a[f"probability_{hours}h"] for hours in (6, 12, 24, 48)] == [0.2, None, None, 0.4]
    assert a["issued_at"] == T + HOUR
    assert a["reasons"] == '["why"]'
    assert found["tiktok:a"]["low_48h"] is found["tiktok:a"]["peak_views"] is None
    assert latest_scores(wh, platform="weibo")["hashtag_id"].to_list() == ["tiktok:b"]
    assert latest_scores(wh, at=T)["probability_6h"].to_list() == [0.1, None]


def test_of_two_models_at_the_same_moment_the_later_recorded_counts(wh):
    later = {"created_timestamp": T + HOUR, "model_version": "2"}
    rows = predictions(("a", 0, 6, 0.2, later), ("a", 0, 6, 0.1, {}))
    wh.transact(lambda: wh.append("predictions", rows))
    (row,) = latest_scores(wh).to_dicts()
    assert (row["probability_6h"], row["model_version"]) == (0.2, "2")


@pytest.mark.parametrize(
    "other", [{"model_name": "n"}, {"model_version": "2"}, {"viral_definition_name": "top_rank_50"}]
)
def test_no_row_mixes_what_two_models_or_two_definitions_said(wh, other):
    later = {"created_timestamp": T + HOUR, "reasons": '["later"]'} | other
    rows = predictions(
        ("a", 0, 6, 0.7, later),
        ("a", 0, 12, 0.8, later),
        ("a", 0, 6, 0.1, {}),
        ("a", 0, 48, 0.3, {"hours_to_peak": 7.0, "reasons": '["earlier"]'}),
    )
    wh.transact(lambda: wh.append("predictions", rows))
    (row,) = latest_scores(wh).to_dicts()
    assert [row[f"probability_{hours}h"] for hours in (6, 12, 24, 48)] == [0.7, 0.8, None, None]
    assert (row["reasons"], row["hours_to_peak"]) == ('["later"]', None)
    assert row.items() >= other.items()


def test_no_predictions_are_an_empty_frame_with_all_columns(wh):
    frame = latest_scores(wh)
    assert frame.is_empty()
    assert {"hashtag_id", "probability_6h", "probability_48h", "reasons", "model_version"} <= set(frame.columns)


def test_intervals_stand_beside_their_horizon_and_the_peak_is_that_of_the_widest(wh):
    band = {"probability_low": 0.1, "probability_high": 0.3, "hours_to_peak": 7.0, "peak_views_high": 900.0}
    rows = predictions(("a", 0, 6, 0.2, {"probability_low": 0.05}), ("a", 0, 24, 0.2, band))
    wh.transact(lambda: wh.append("predictions", rows))
    (row,) = latest_scores(wh).to_dicts()
    assert (row["low_6h"], row["high_6h"], row["low_24h"], row["high_24h"]) == (0.05, None, 0.1, 0.3)
    assert (row["hours_to_peak"], row["peak_views_high"], row["peak_views"]) == (7.0, 900.0, None)
