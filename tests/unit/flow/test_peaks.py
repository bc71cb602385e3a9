"""The peak of each labelled hour beside its features, on both engines."""

from datetime import UTC, datetime, timedelta

import polars as pl

from trenddrop.core.settings import Settings
from trenddrop.flow.peaks import with_peaks
from trenddrop.flow.workspace import Workspace
from trenddrop.labels import load_label

T = datetime(2026, 1, 2, tzinfo=UTC)


def a_label(hashtag, hours, *, horizon=6, confidence=1.0, viral=True, definition="growth_multiple", method="automatic"):
    return {
        "hashtag_id": f"tiktok:{hashtag}",
        "label_timestamp": T,
        "prediction_window_hours": horizon,
        "is_viral": viral,
        "viral_definition_name": definition,
        "actual_peak_timestamp": None if hours is None else T + timedelta(hours=hours),
        "peak_view_count": None if hours is None else 100.0 * hours,
        "growth_rate_percent": None,
        "confidence_score": confidence,
        "labeling_method": method,
        "platform": "tiktok",
        "matured_at": T + timedelta(hours=horizon),
    }


def test_peaks_stand_beside_their_rows_and_what_is_censored_is_null(any_wh):
    labels = [
        a_label("a", 3),
        a_label("a", 9, horizon=12, viral=False),
        a_label("b", 5, confidence=0.4),  # the series ended soon after the event
        a_label("c", None, viral=False),
        a_label("d", 2, viral=None),
        a_label("e", 4),
        a_label("e", 1, definition="viral_v1"),
    ]
    any_wh.append("viral_labels", pl.DataFrame(labels, schema_overrides={"growth_rate_percent": pl.Float64}))
    frame = pl.DataFrame(
        {
            "hashtag_id": [f"tiktok:{name}" for name in "edcbax"],
            "event_timestamp": pl.Series([T] * 6, dtype=pl.Datetime("us", "UTC")),
        }
    )
    workspace = Workspace(Settings(), any_wh)
    found = with_peaks(workspace, frame, load_label("growth_multiple"), "tiktok", snapshot=any_wh.snapshot_id())
    assert found["hashtag_id"].to_list() == frame["hashtag_id"].to_list()
    assert found["hours_to_peak_6h"].to_list() == [4, None, None, None, 3, None]
    assert found["peak_views_6h"].to_list() == [400, None, None, None, 300, None]
    assert found["hours_to_peak_12h"].to_list() == [None, None, None, None, 9, None]
    assert found.schema["hours_to_peak_48h"] == found.schema["peak_views_24h"] == pl.Float64
