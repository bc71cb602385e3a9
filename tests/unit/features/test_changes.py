"""Counts followed through their changes, against counting hour by hour."""

import random

import ibis
import pytest

from trenddrop.features.changes import changes_of, covered, greatest_at, hours_in, segments
from trenddrop.features.running import running_totals
from trenddrop.features.videos import Hours


@pytest.fixture
def intervals():
    rng = random.Random(4)
    rows = []
    for _ in range(300):
        start = rng.randrange(60)
        rows.append((rng.randrange(3), start, start + rng.randrange(1, 25), rng.randrange(1, 10**6)))
    return rows


def table(rows):
    return ibis.memtable(rows, columns=["tag", "from_hour", "until_hour", "views"])


def by_hour(intervals, reduce):
    """Return {(tag, hour): reduced views of the intervals that hold the hour}."""
    held = {(tag, hour): [] for tag in range(3) for hour in range(90)}
    for tag, start, end, views in intervals:
        for hour in range(start, end):
            held[tag, hour].append(views)
    return {key: reduce(values) for key, values in held.items() if values}


def rows_of(engine, expression):
    return engine.backend.to_pyarrow(expression).to_pylist()


def test_sums_at_an_hour_are_those_of_the_intervals_that_hold_it(duckdb_engine, intervals):
    rows = table(intervals)
    moments = ibis.memtable([(tag, hour) for tag in range(3) for hour in range(90)], columns=["tag", "hour"])
    changes = changes_of(rows, ("tag",), {"n": 1, "views": rows.views})
    got = rows_of(duckdb_engine, running_totals(moments, changes, keys=("tag",), sums=("n", "views")))
    expected = by_hour(intervals, sum)
    assert len(got) == 270
    assert {(r["tag"], r["hour"]): r["views"] for r in got if r["n"]} == expected


def test_stretches_tile_the_time_in_which_something_holds(duckdb_engine, intervals):
    rows = table(intervals)
    got = rows_of(duckdb_engine, segments(changes_of(rows, ("tag",), {"views": rows.views}), ("tag",)))
    tiled = {
        (r["tag"], hour): r["views"] for r in got if r["until_hour"] for hour in range(r["from_hour"], r["until_hour"])
    }
    assert {key: views for key, views in tiled.items() if views} == by_hour(intervals, sum)
    assert all(r["views"] == 0 for r in got if r["until_hour"] is None)


def test_the_greatest_is_found_for_intervals_of_every_length(duckdb_engine, intervals):
    assert {end - start for _, start, end, _ in intervals} == set(range(1, 25))
    got = rows_of(duckdb_engine, greatest_at(table(intervals), "views"))
    assert {(r["tag"], r["hour"]): r["views"] for r in got} == by_hour(intervals, max)


def test_what_intervals_cover_together_is_told_once(duckdb_engine, intervals):
    sparse = [row for row in intervals if row[1] % 7 == 0]
    got = rows_of(duckdb_engine, covered(table(sparse), ("tag",)))
    hours = [(r["tag"], hour) for r in got for hour in range(r["from_hour"], r["until_hour"])]
    assert sorted(hours) == sorted(by_hour(sparse, len))
    ends, begins = {(r["tag"], r["until_hour"]) for r in got}, {(r["tag"], r["from_hour"]) for r in got}
    assert not ends & begins  # stretches that touch are one


def test_hours_are_those_asked_for(duckdb_engine):
    got = rows_of(duckdb_engine, hours_in(table([(0, 3, 9, 1)]), Hours(None, 6)))
    assert [r["hour"] for r in got] == [3, 4, 5]
    got = rows_of(duckdb_engine, hours_in(table([(0, 3, 9, 1)]), Hours(None, 2)))
    assert got == []
