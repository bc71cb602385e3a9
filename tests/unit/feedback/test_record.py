import json
from datetime import UTC, datetime

from trenddrop.core.ids import content_id
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


def test_a_refused_document_names_its_line_among_empty_and_known_ones(wh):
    take(wh, GOOD)
    summary = take(wh, GOOD, "", "{truncated", GOOD, "{truncated")
    raw = wh.table("raw_trenddrop_data").filter(lambda row: row.processing_status == "failed").to_polars()
    assert raw["line_number"].to_list() == [3]
    assert [error.split(":")[0] for error in summary.errors] == ["line 3"]
    assert (summary.raw_records, summary.duplicates) == (4, 3)


def test_the_documents_of_one_call_are_one_batch_whose_id_is_made_once(wh, monkeypatch):
    calls = []
    names = record_feedback.__globals__  # of the module as it was imported: doctests import it once more
    monkeypatch.setitem(names, "content_id", lambda *parts: calls.append(len(parts)) or content_id(*parts))
    take(wh, *(GOOD.replace("m1", f"m{number}") for number in range(20)))
    assert calls.count(20) == 1
    assert wh.table("raw_trenddrop_data").batch_id.nunique().execute() == 1
