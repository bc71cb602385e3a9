"""What is visible at T, to the minute; sums that do not depend on the order of the rows."""

import random
from datetime import timedelta

import ibis
import pytest

from trenddrop.features.definition import WindowAggregate, lag
from trenddrop.features.visibility import (
    exact_total,
    in_buckets,
    metric_versions,
    on_time_rows,
    other_rows,
    visible_hour,
    window_aggregates,
)
from trenddrop.normalized.hours import hour_of


def values(engine, metrics, aggregate):
    """Return the aggregate by hour after the first row."""
    versions = engine.stage(metric_versions(engine.load("hashtag_metrics", metrics)))
    rows = window_aggregates(on_time_rows(versions), other_rows(versions), (aggregate,), stage=engine.stage)
    start = min(row["timestamp"] for row in metrics)
    return {
        int((row["timestamp"] - start) / timedelta(hours=1)): row[aggregate.name]
        for row in rows.to_pyarrow().to_pylist()
        if not row["is_gap"]
    }


@pytest.mark.parametrize(("late", "hour"), [(-90, 0), (0, 0), (1e-6 / 60, 1), (60, 1), (60.5, 2)])
def test_a_row_is_visible_from_the_first_whole_hour_that_knows_it(engine, metric, late, hour):
    row = metric(0, late=late)
    table = engine.load("hashtag_metrics", [row])
    got = table.select(since=visible_hour(table) - hour_of(table.timestamp)).to_pyarrow().to_pylist()
    assert got == [{"since": hour}]


def test_an_hour_holds_its_end_and_not_its_start(engine, metric):
    moments = [metric(0), metric(0, late=0), metric(0, late=0.001), metric(1, late=0)]
    table = engine.load("hashtag_metrics", moments)
    rows = table.select(at=table.created_timestamp, hour=hour_of(table.created_timestamp)).to_pyarrow()
    first = min(rows["hour"].to_pylist())
    assert sorted(hour - first for hour in rows["hour"].to_pylist()) == [0, 0, 1, 1]


def test_a_lag_is_exactly_that_hour_or_nothing(engine, metric):
    metrics = [metric(at, view_count=float(at)) for at in (0, 1, 2, 5, 6)]
    assert values(engine, metrics, lag("lag", "view_count", hours=1)) == {0: None, 1: 0.0, 2: 1.0, 5: None, 6: 5.0}


def test_a_late_row_counts_only_from_when_it_was_known(engine, metric):
    metrics = [metric(at, view_count=1.0) for at in (0, 2, 3, 4)]
    metrics.append(metric(1, view_count=100.0, late=150))  # known at 3:30
    got = values(engine, metrics, WindowAggregate("sum", "view_count", "sum", oldest_h=23))
    assert got == {0: 1.0, 2: 2.0, 3: 3.0, 4: 104.0}


def test_a_later_version_replaces_the_earlier_one_from_then_on(engine, metric):
    metrics = [metric(at, view_count=1.0) for at in range(5)]
    metrics.append(metric(1, view_count=50.0, late=100))  # known at 2:40
    metrics.append(metric(1, view_count=None, late=170))  # known at 3:50: the value is withdrawn
    got = values(engine, metrics, WindowAggregate("sum", "view_count", "sum", oldest_h=23))
    assert got == {0: 1.0, 1: 2.0, 2: 3.0, 3: 53.0, 4: 4.0}
    counts = values(engine, metrics, WindowAggregate("known", "view_count", "count", oldest_h=23))
    assert counts == {0: 1, 1: 2, 2: 3, 3: 4, 4: 4}


def test_sums_are_the_same_bits_in_any_order(duckdb_engine, metric):
    rng = random.Random(2)
    metrics = [metric(0, tag=str(i), view_count=rng.random() * 10 ** rng.randrange(9)) for i in range(3000)]
    sums = set()
    for _ in range(4):
        rng.shuffle(metrics)
        table = duckdb_engine.load("hashtag_metrics", metrics)
        sums.add(table.aggregate(total=exact_total(table.view_count)).to_pyarrow()["total"][0].as_py().hex())
    assert len(sums) == 1
    assert float.fromhex(sums.pop()) == pytest.approx(sum(row["view_count"] for row in metrics), rel=1e-12)


def test_rows_fall_into_each_bucket_that_they_touch_once(duckdb_engine):
    rows = ibis.memtable({"first": [0, 23, 30], "last": [23, 24, 40]})
    buckets = in_buckets(rows, first=rows["first"], last=rows["last"], width_h=24)
    got = duckdb_engine.backend.to_pyarrow(buckets).to_pylist()
    assert sorted((row["first"], row["bucket"]) for row in got) == [(0, 0), (23, 0), (23, 1), (30, 1)]
