from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from trenddrop.core.errors import InputError
from trenddrop.report import draw_history

NOW = datetime(2026, 1, 5, tzinfo=UTC)
HOURS = [NOW - timedelta(hours=back) for back in range(48, -1, -1)]


def history(**columns) -> pl.DataFrame:
    return pl.DataFrame({"timestamp": HOURS, "view_count": [float(10 + hour % 24) for hour in range(49)]} | columns)


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def test_a_history_becomes_a_picture():
    width, height = size(draw_history(history(), title="#a", now=NOW, probabilities={6: 0.1, 48: 0.4}))
    assert width > 2 * height


def test_gaps_and_earlier_predictions_are_drawn():
    plain = draw_history(history(), title="#a", now=NOW, probabilities={6: 0.1})
    gaps = draw_history(
        history(is_gap=[place == 9 for place in range(49)]), title="#a", now=NOW, probabilities={6: 0.1}
    )
    issued = pl.DataFrame({"issued_at": HOURS[:5], "probability_6h": [0.1] * 5})
    both = draw_history(history(), title="#a", now=NOW, probabilities={6: 0.1}, issued=issued)
    assert plain != gaps
    assert size(both)[1] > size(plain)[1]


@pytest.mark.parametrize("probabilities", [{}, {6: None}, {6: 0.0, 12: 0.0}, {6: 1.0}])
def test_missing_and_extreme_probabilities_are_drawn_too(probabilities):
    assert size(draw_history(history(), title="#a", now=NOW, probabilities=probabilities))[0] > 0


def test_a_single_known_hour_is_enough():
    one = history().with_columns(pl.when(pl.col("timestamp") == HOURS[7]).then("view_count").alias("view_count"))
    assert size(draw_history(one, title="#a", now=NOW, probabilities={6: 0.2}))[0] > 0


def test_a_history_without_any_known_value_is_refused():
    empty = history().with_columns(pl.lit(None, dtype=pl.Float64).alias("view_count"))
    with pytest.raises(InputError, match="#a"):
        draw_history(empty, title="#a", now=NOW, probabilities={6: 0.2})


@pytest.mark.parametrize("title", ["cash$flow$ $\\frac$", "高考作文", "#ночь", "🔥"])
def test_a_title_in_any_script_is_drawn_or_left_out_but_never_fails(title):
    assert size(draw_history(history(), title=title, now=NOW, probabilities={6: 0.2}))[0] > 0


def test_a_trend_first_seen_now_is_drawn():
    new = history().tail(1)
    assert size(draw_history(new, title="#a", now=NOW, probabilities={6: 0.2}))[0] > 0
