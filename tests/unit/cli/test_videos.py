"""``trenddrop feedback``: which documents it reads, and which line it names."""

import json

from typer.testing import CliRunner

from trenddrop.cli import commands  # noqa: F401 - registers them
from trenddrop.cli.app import app
from trenddrop.core.settings import Settings


def document(number: int, note: str) -> str:
    values = {"platform_metadata_id": f"m{number}", "timestamp": "2026-01-01T00:00:00Z", "engagement_score": 0.5}
    return json.dumps(values | {"positive_feedback": [note]}, ensure_ascii=False)


def feedback(settings: Settings, content: bytes, *options: str) -> str:
    path = settings.home / "posts.jsonl"
    path.write_bytes(content)
    done = CliRunner().invoke(app, ["feedback", str(path), "--home", str(settings.home), *options])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_document_ends_at_a_line_feed_and_not_at_a_separator_within_its_text(settings: Settings) -> None:
    content = "\r\n".join([document(1, "one\u2028two"), document(2, "one\u0085two"), document(3, "last")])
    summary = json.loads(feedback(settings, content.encode(), "--json"))
    assert (summary["raw_records"], summary["processed"], summary["failed"]) == (3, 3, 0)


def test_what_is_refused_is_printed_with_its_line_in_the_file(settings: Settings) -> None:
    content = "\n".join([document(1, "one\u2028two"), "", "{truncated", document(2, "x")])
    assert "refused: line 3: document: Invalid JSON" in feedback(settings, content.encode())
