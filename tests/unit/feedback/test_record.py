import json
from datetime import UTC, datetime

from trenddrop.feedback import record_feedback
from trenddrop.warehouse import Warehouse

NOW = datetime(2026, 1, 2, tzinfo=UTC)
GOOD = json.dumps(
    {"platform_metadata_id": "m1", "timestamp": "2026-01-01T00:00:00Z", "views": 200, "likes": 10, "shares": 10}
)


def take(wh: Warehouse, *lines: str):
    return record_feedback(wh, lines, origin="posts.jsonl", clock=lambda: NOW)


def test_a_signal_is_the_engagement_per_view(wh):
    summary = take(wh, GOOD)
    signals = wh.table("feedback_signals").to_polars()
    assert summary.processed == 1
    assert signals["engagement_score"].to_list() == [0.1]
    assert signals["timestamp"].to_list() == [datetime(2026, 1, 1, tzinfo=UTC)]


def test_the_same_document_counts_once(wh):
    take(wh, GOOD)
    again = take(wh, GOOD, GOOD)
    assert (again.processed, again.duplicates) == (0, 2)
    assert wh.table("feedback_signals").count().execute() == 1


def test_what_cannot_be_read_is_kept_with_its_reasons_beside_the_good(wh):
    bad = '{"platform_metadata_id": "", "timestamp": "2026-01-01T00:00:00Z"}'
    summary = take(wh, "{truncated", bad, GOOD)
    raw = wh.table("raw_trenddrop_data").to_polars()
    failed = raw.filter(raw["processing_status"] == "failed")
    assert (summary.processed, summary.failed) == (1, 2)
    assert set(failed["raw_json"]) == {"{truncated", bad}
    assert all("platform_metadata_id" in reason or "JSON" in reason for reason in failed["error_message"])


def test_a_later_reading_of_the_same_moment_replaces_the_earlier(wh):
    take(wh, GOOD)
    take(wh, GOOD.replace("200", "100"))
    assert wh.table("feedback_signals").to_polars()["engagement_score"].to_list() == [0.2]
