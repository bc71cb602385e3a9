from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trenddrop.sources.readings import Count, Duration, Flag, Moment, Reading, RequiredText, Score, Text, read

Hold = Callable[[ir.Table], ir.Table]


def values(hold: Hold, texts: Sequence[str | None], *readings: Reading) -> list[tuple[Any, ...]]:
    table = ibis.memtable(
        {"place": range(len(texts)), "x": list(texts), "text": list(texts)},
        schema={"place": "int64", "x": "string", "text": "string"},
    )
    result = hold(read(table, readings, reason="reason")).order_by("place").to_pyarrow().to_pylist()
    return [tuple(row[name] for name in (*(reading.name for reading in readings), "reason")) for row in result]


COUNTS: list[tuple[str | None, int | None]] = [
    ("1234", 1234), (" 1234 ", 1234), ("1,234", 1234), ("1,234,567.6", 1234568), ("541.2K", 541_200),
    ("215.7M", 215_700_000),
    ("1.2万", 12_000), ("3.83亿", 383_000_000), ("30k", 30_000), ("5 M", 5_000_000), ("2.1B", 2_100_000_000),
    ("10M+", 10_000_000), ("12 tr", 12_000_000), ("1865009.0", 1_865_009), ("1.5", 2), ("0", 0), ("1e3", 1000),
    ("", None), ("   ", None), (None, None),
]  # fmt: skip
FAULTS = [
    ("abc", "is not a number"), ("true", "is not a number"), ("{}", "is not a number"), ("[1]", "is not a number"),
    ("nan", "is not a number"), ("1,2", "is not a number"), ("12 apples", "is not a number"), ("-5", "is negative"),
    ("-1.5K", "is negative"), ("-1e30", "is negative"), ("1e400", "is too large for a counter"),
    ("123456789012345678901234567890", "is too large for a counter"), ("9e18", "is too large for a counter"),
]  # fmt: skip


def test_counts_in_every_notation(hold: Hold) -> None:
    found = values(hold, [text for text, _ in COUNTS], Count("n", "x", "views"))
    assert found == [(count, None) for _, count in COUNTS]


def test_a_count_that_cannot_be_read_has_a_reason(hold: Hold) -> None:
    found = values(hold, [text for text, _ in FAULTS], Count("n", "x", "views"))
    assert found == [(None, f"views: '{text}' {fault}") for text, fault in FAULTS]


def test_long_values_are_cut_short_in_reasons(hold: Hold) -> None:
    ((_, reason),) = values(hold, ["x" * 500], Count("n", "x", "views"))
    assert reason == f"views: '{'x' * 60}...' is not a number"


def test_plain_counts_take_no_suffix(hold: Hold) -> None:
    assert values(hold, ["12", "12K"], Count("n", "x", "views", "plain")) == [
        (12, None),
        (None, "views: '12K' is not a number"),
    ]


def test_scores(hold: Hold) -> None:
    found = values(
        hold,
        ["1.5", "-2", "0", "1e400", "inf", "1.2万", "", None, "hot"],
        Score("s", "x", "heat", zero_is_unknown=True),
    )
    assert found == [
        (1.5, None), (-2.0, None), (None, None), (None, "heat: '1e400' is not a finite number"),
        (None, "heat: 'inf' is not a finite number"), (12_000.0, None), (None, None), (None, None),
        (None, "heat: 'hot' is not a finite number"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "moment_format", "zone", "moment"),
    [
        ("1716209895", "epoch_s", "UTC", "2024-05-20T12:58:15+00:00"),
        ("1716209895.25", "auto", "UTC", "2024-05-20T12:58:15.250000+00:00"),
        ("1716209895123", "auto", "UTC", "2024-05-20T12:58:15.123000+00:00"),
        ("1716209895123456", "auto", "UTC", "2024-05-20T12:58:15.123456+00:00"),
        ("2025-01-01", "iso", "UTC", "2025-01-01T00:00:00+00:00"),
        ("2025-01-01", "iso", "Asia/Shanghai", "2024-12-31T16:00:00+00:00"),
        ("2025-01-01 10:00:00.5", "auto", "UTC", "2025-01-01T10:00:00.500000+00:00"),
        ("2025-01-01T10:00:00Z", "auto", "Asia/Shanghai", "2025-01-01T10:00:00+00:00"),
        ("2025-01-01T10:00:00+08:00", "iso", "UTC", "2025-01-01T02:00:00+00:00"),
        ("2025-01-01T10:00:00+08:00", "iso", "America/New_York", "2025-01-01T02:00:00+00:00"),
        ("31/12/2024 23:00", "%d/%m/%Y %H:%M", "Asia/Shanghai", "2024-12-31T15:00:00+00:00"),
    ],
)
def test_moments(hold: Hold, text: str, moment_format: str, zone: str, moment: str) -> None:
    found = values(hold, [text], Moment("t", "x", "time", moment_format, zone))
    assert found == [(datetime.fromisoformat(moment), None)]


@pytest.mark.parametrize("text", ["soon", "1e30", "20250101", "1716209895", "-5"])
def test_a_moment_that_cannot_be_read_has_a_reason(hold: Hold, text: str) -> None:
    moment_format = "epoch_ms" if text == "1716209895" else "auto"
    ((value, reason),) = values(hold, [text], Moment("t", "x", "time", moment_format))
    assert value is None
    assert reason.startswith(f"time: '{text}' is not a time")


def test_a_missing_moment_is_a_fault_only_where_it_is_required(hold: Hold) -> None:
    assert values(hold, [None], Moment("t", "x", "time")) == [(None, "time: is missing")]
    assert values(hold, [""], Moment("t", "x", "time", is_required=False)) == [(None, None)]


def test_durations(hold: Hold) -> None:
    found = values(hold, ["31", "00:31", "1:02:03", "", "long", "-3"], Duration("d", "x", "length"))
    assert found == [
        (31, None), (31, None), (3723, None), (None, None), (None, "length: 'long' is not a duration"),
        (None, "length: '-3' is not a duration"),
    ]  # fmt: skip


def test_flags(hold: Hold) -> None:
    assert values(hold, ["true", "False", "1", "maybe", None], Flag("f", "x")) == [
        (True, None),
        (False, None),
        (True, None),
        (None, None),
        (None, None),
    ]


def test_text_is_stripped_of_wide_spaces_too(hold: Hold) -> None:
    assert values(hold, [" 社会\u00a0\u3000", "  ", None], Text("t", "x")) == [
        ("社会", None),
        (None, None),
        (None, None),
    ]


def test_a_required_text_must_say_something(hold: Hold) -> None:
    names = ["", "  ", "#", " ＃ ", "\u3000", "\x1c"]
    assert values(hold, names, RequiredText("t", "x", "title")) == [(None, "title: is empty")] * len(names)


def test_all_reasons_of_a_record_are_collected(hold: Hold) -> None:
    found = values(hold, ["x"], Count("n", "x", "views"), Moment("t", "x", "time"))
    assert found == [(None, None, "views: 'x' is not a number; time: 'x' is not a time")]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(st.text(max_size=12), min_size=1, max_size=60))
def test_any_text_gives_a_value_or_a_reason_and_never_an_error(hold: Hold, texts: list[str]) -> None:
    readings = [Count("n", "x", "n"), Score("s", "x", "s"), Moment("t", "x", "t"), Duration("d", "x", "d")]
    for row in values(hold, texts, *readings):
        assert len(row) == 5
