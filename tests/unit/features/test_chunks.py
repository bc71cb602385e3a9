"""A long range in parts of whole days."""

from datetime import timedelta

import pytest

from trenddrop.features.chunks import Chunk, chunks_of

DAY = timedelta(days=1)


@pytest.mark.parametrize(("rows", "days"), [(24, 1), (47, 1), (48, 2), (71, 2), (1, 1)])
def test_parts_are_as_long_as_they_may_be_and_cover_the_range(duckdb_engine, metric, rows, days):
    metrics = duckdb_engine.load("hashtag_metrics", [metric(at) for at in range(72)])
    midnight = metric(0)["timestamp"]
    chunks = chunks_of(metrics, None, None, rows=rows)
    cuts = [midnight + k * DAY for k in range(days, 3, days)]
    assert chunks == [Chunk(*pair) for pair in zip([None, *cuts], [*cuts, None], strict=True)]


def test_a_short_range_is_one_part(duckdb_engine, metric):
    metrics = duckdb_engine.load("hashtag_metrics", [metric(at) for at in range(72)])
    start, last = metric(-5)["timestamp"], metric(71)["timestamp"]
    assert chunks_of(metrics, start, None, rows=72) == [Chunk(start, None, last=last)]
    assert chunks_of(metrics.filter(metrics.hashtag_id == "none"), start, None) == [Chunk(start, None, last=None)]
