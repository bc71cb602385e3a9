import math
import os
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import ibis.expr.types as ir
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trenddrop.core.time import hour_end
from trenddrop.normalized import hashtag_metrics
from trenddrop.normalized.hashtag_metrics import MEASURES
from trenddrop.normalized.series import LONGEST_SPREAD_H

START = datetime(2025, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
COUNTERS = ("view_count", "video_count", "creator_count", "like_count", "comment_count", "share_count")
WINDOWS = tuple(f"{name}_increment" for name in COUNTERS)
OF_VIDEOS = ("view_count", "like_count", "comment_count", "share_count")
Row = dict[str, Any]


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def observation(observed: float, fetched: float | None = None, *, tag: str = "a", **values: Any) -> Row:
    return {
        "hashtag_id": f"w:{tag}",
        "observed_at": at(observed),
        "fetched_at": at(observed if fetched is None else fetched),
        "platform": "w",
        "batch_id": "b",
        **values,
    }


def video(
    name: str, observed: float, fetched: float | None = None, *, tags: Iterable[str] = ("a",), **values: Any
) -> Row:
    return {
        "video_id": f"w:{name}",
        "observed_at": at(observed),
        "fetched_at": at(observed if fetched is None else fetched),
        "hashtag_ids": [f"w:{tag}" for tag in sorted(tags)],
        "platform": "w",
        "batch_id": "b",
        **values,
    }


@dataclass
class Held:
    engine: Any

    def hold(self, rows: ir.Table) -> ir.Table:
        return self.engine.stage(rows)

    def is_empty(self, rows: ir.Table) -> bool:
        return not rows.count().to_pyarrow().as_py()


@pytest.fixture
def compute(engine: Any) -> Callable[..., list[Row]]:
    return computing(engine)


def computing(engine: Any) -> Callable[..., list[Row]]:
    def run(observations: list[Row], videos: list[Row] | None = None) -> list[Row]:
        table = engine.load("hashtag_observations", observations)
        seen = None if videos is None else engine.load("video_observations", videos)
        given = [name for name in MEASURES if any(row.get(name) is not None for row in observations)]
        rows = engine.stage(hashtag_metrics(table, seen, measures=given, work=Held(engine))).to_pyarrow().to_pylist()
        return sorted(rows, key=lambda row: (row["hashtag_id"], row["timestamp"], row["created_timestamp"]))

    return run


# --- the same, said slowly: what is known at each moment, computed from nothing but what was fetched by then ---------


def steps(known: list[Row], counters: Iterable[str]) -> dict[datetime, Row]:
    levels: dict[datetime, tuple[datetime, Row]] = {}
    for hour in sorted({hour_end(row["observed_at"]) for row in known}):
        inside = [row for row in known if hour_end(row["observed_at"]) == hour]
        newest = max((row["observed_at"], row["fetched_at"]) for row in inside)
        tied = [row for row in inside if (row["observed_at"], row["fetched_at"]) == newest]
        level = {
            name: max((row[name] for row in tied if row.get(name) is not None), default=None)
            for name in (*counters, "score")
        }
        levels[hour] = (newest[1], level)
    rows: dict[datetime, Row] = {}
    before: tuple[datetime, datetime, Row] | None = None
    for hour, (fetched, level) in levels.items():
        gains: Row = dict.fromkeys(counters)
        hours, created, is_reset = 1, fetched, False
        if before is not None:
            hours = round((hour - before[0]) / HOUR)
            created = max(fetched, before[1])
            for name in counters:
                if level[name] is not None and before[2][name] is not None:
                    gain = level[name] - before[2][name]
                    is_reset |= gain < 0
                    gains[name] = gain / hours if gain >= 0 and hours <= LONGEST_SPREAD_H else None
            for back in range(1, hours if hours <= LONGEST_SPREAD_H else 1):
                rows[hour - back * HOUR] = {
                    "created": created,
                    "gains": gains,
                    "is_gap": True,
                    "is_reset": False,
                    "score": None,
                    "view_total": None,
                }
        rows[hour] = {
            "created": created, "gains": gains, "is_gap": False, "is_reset": is_reset,
            "score": level["score"], "view_total": level.get("view_count"),
        }  # fmt: skip
        before = (hour, fetched, level)
    return rows


def of_levels(known: list[Row]) -> dict[datetime, Row]:
    return steps([row for row in known if any(row.get(name) is not None for name in (*COUNTERS, "score"))], COUNTERS)


def summed(parts: list[tuple[datetime, Any, Row, bool, bool]]) -> dict[datetime, Row]:
    rows: dict[datetime, Row] = {}
    for hour, mark, gains, is_own, is_reset in parts:
        row = rows.setdefault(
            hour,
            {
                "created": set(),
                "gains": dict.fromkeys(COUNTERS),
                "is_gap": True,
                "is_reset": False,
                "score": None,
                "view_total": None,
            },
        )
        row["created"].add(mark)
        for name, gain in gains.items():
            if gain is not None:
                row["gains"][name] = (row["gains"][name] or 0) + math.floor(gain * 1_000_000 + 0.5)
        row["is_gap"] &= not is_own
        row["is_reset"] |= is_reset
    for row in rows.values():
        row["gains"] = {name: None if gain is None else gain / 1_000_000 for name, gain in row["gains"].items()}
    return rows


def of_windows(known: list[Row]) -> dict[datetime, Row]:
    parts = []
    counting = [row for row in known if any(row.get(f"{name}_increment") is not None for name in COUNTERS)]
    for moment in {row["observed_at"] for row in counting}:
        same = [row for row in counting if row["observed_at"] == moment]
        fetched = max(row["fetched_at"] for row in same)
        tied = [row for row in same if row["fetched_at"] == fetched]
        gains = {
            name: max(
                (row[f"{name}_increment"] for row in tied if row.get(f"{name}_increment") is not None), default=None
            )
            for name in COUNTERS
        }
        parts.append((hour_end(moment), ("window", moment, fetched), gains, True, False))
    return summed(parts)


def of_videos(known: list[Row], tag: str) -> dict[datetime, Row]:
    parts: list[tuple[datetime, Any, Row, bool, bool]] = []
    creators = set()
    for name in {row["video_id"] for row in known}:
        same = [row for row in known if row["video_id"] == name]
        if not any(tag in row["hashtag_ids"] for row in same):
            continue
        for hour, row in steps(same, OF_VIDEOS).items():
            parts.append((hour, (name, row["created"]), row["gains"], not row["is_gap"], row["is_reset"]))
        dated = [row for row in same if row.get("created_at") is not None]
        if dated:
            first = min(row["fetched_at"] for row in dated)
            tied = [row for row in dated if row["fetched_at"] == first]
            born = hour_end(min(row["created_at"] for row in tied))
            parts.append((born, (name, "born"), {"video_count": 1.0}, False, False))
            people = [row["creator_id"] for row in tied if row.get("creator_id")]
            if people:
                creators.add((born, min(people)))
    for born, person in creators:
        parts.append((born, (person, "person"), {"creator_count": 1.0}, False, False))
    return summed(parts)


def reference(observations: list[Row], videos: list[Row] | None = None, *, with_unchanged: bool = False) -> list[Row]:
    videos = videos or []
    tags = {row["hashtag_id"] for row in observations} | {tag for row in videos for tag in row["hashtag_ids"]}
    rows: list[Row] = []
    for tag in tags:
        own = [row for row in observations if row["hashtag_id"] == tag]
        tagged = {row["video_id"] for row in videos if tag in row["hashtag_ids"]}
        seen = [row for row in videos if row["video_id"] in tagged]
        versions: dict[datetime, list[tuple[datetime, Any, Row]]] = {}
        for moment in sorted({row["fetched_at"] for row in own + seen}):
            known = [row for row in own if row["fetched_at"] <= moment]
            streams = [
                of_levels(known),
                of_windows(known),
                of_videos([r for r in seen if r["fetched_at"] <= moment], tag),
            ]
            for hour in {hour for stream in streams for hour in stream}:
                parts = [stream[hour] for stream in streams if hour in stream]
                mark = [stream[hour]["created"] if hour in stream else None for stream in streams]
                kept = versions.setdefault(hour, [])
                if not kept or kept[-1][1] != mark:
                    kept.append((moment, mark, merged(parts)))
        for hour, kept in versions.items():
            last = {max(hour, hour_end(moment)): (moment, row) for moment, _, row in kept}
            before: Row | None = None
            for moment, row in last.values():
                if with_unchanged or row != before:
                    rows.append({"hashtag_id": tag, "timestamp": hour, "created_timestamp": moment, **row})
                before = row
    return sorted(rows, key=lambda row: (row["hashtag_id"], row["timestamp"], row["created_timestamp"]))


def merged(parts: list[Row]) -> Row:
    def first(values: Iterable[Any]) -> Any:
        return next((value for value in values if value is not None), None)

    return {
        **{name: first(part["gains"].get(name) for part in parts) for name in COUNTERS},
        "score": first(part["score"] for part in parts),
        "view_total": first(part["view_total"] for part in parts),
        "is_gap": all(part["is_gap"] for part in parts),
        "is_reset": any(part["is_reset"] for part in parts),
    }


def assert_same(got: list[Row], expected: list[Row]) -> None:
    keys = ("hashtag_id", "timestamp", "created_timestamp")
    assert [tuple(row[key] for key in keys) for row in got] == [tuple(row[key] for key in keys) for row in expected]
    for one, other in zip(got, expected, strict=True):
        for name, value in other.items():
            assert one[name] == value, (name, one, other)


# --- what is promised ---------------------------------------------------------------------------------------------


def test_first_level_has_no_increment(compute: Callable[..., list[Row]]) -> None:
    (row,) = compute([observation(10, view_count=100, score=3.0)])
    assert (row["view_count"], row["view_total"], row["score"]) == (None, 100, 3.0)
    assert (row["timestamp"], row["created_timestamp"], row["platform"]) == (at(60), at(10), "w")


def test_an_observation_on_the_hour_belongs_to_the_hour_that_ends(compute: Callable[..., list[Row]]) -> None:
    assert [row["timestamp"] for row in compute([observation(60, view_count=1), observation(61, view_count=2)])] == [
        at(60),
        at(120),
    ]


def test_increment_over_a_gap_is_spread_and_known_when_it_was_fetched(compute: Callable[..., list[Row]]) -> None:
    rows = compute([observation(10, view_count=100), observation(190, view_count=160)])
    assert [(row["timestamp"], row["view_count"], row["is_gap"]) for row in rows] == [
        (at(60), None, False), (at(120), 20.0, True), (at(180), 20.0, True), (at(240), 20.0, False),
    ]  # fmt: skip
    assert {row["created_timestamp"] for row in rows[1:]} == {at(190)}
    assert [row["view_total"] for row in rows] == [100, None, None, 160]


def test_an_increment_over_more_than_a_week_is_unknown_and_fills_no_hours(compute: Callable[..., list[Row]]) -> None:
    rows = compute([observation(10, view_count=1), observation(10 + 60 * 169, view_count=500)])
    assert [(row["view_count"], row["is_gap"]) for row in rows] == [(None, False), (None, False)]


def test_a_counter_that_goes_down_is_a_reset_and_not_zero(compute: Callable[..., list[Row]]) -> None:
    rows = compute([observation(10, view_count=100, like_count=5), observation(70, view_count=40, like_count=7)])
    assert (rows[1]["view_count"], rows[1]["like_count"], rows[1]["is_reset"]) == (None, 2.0, True)


def test_a_late_observation_adds_versions_and_leaves_the_earlier_ones(compute: Callable[..., list[Row]]) -> None:
    in_order = [observation(10, view_count=100), observation(130, view_count=160)]
    before, after = compute(in_order), compute([*in_order, observation(70, 200, view_count=150)])
    assert [row for row in after if row["created_timestamp"] <= at(130)] == before
    late = [
        (row["timestamp"], row["view_count"], row["is_gap"]) for row in after if row["created_timestamp"] == at(200)
    ]
    assert late == [(at(120), 50.0, False), (at(180), 10.0, False)]


def test_a_correction_fetched_in_time_replaces_the_row(compute: Callable[..., list[Row]]) -> None:
    rows = compute([observation(10, view_count=100), observation(70, view_count=120), observation(80, view_count=130)])
    assert [(row["created_timestamp"], row["view_count"]) for row in rows] == [(at(10), None), (at(80), 30.0)]


def test_window_counters_add_up_within_the_hour_and_a_later_fetch_replaces(compute: Callable[..., list[Row]]) -> None:
    rows = compute([
        observation(70, view_count_increment=5), observation(90, view_count_increment=7),
        observation(90, 400, view_count_increment=9),
    ])  # fmt: skip
    assert [(row["created_timestamp"], row["view_count"], row["view_total"]) for row in rows] == [
        (at(90), 12.0, None), (at(400), 14.0, None),
    ]  # fmt: skip


def test_videos_sum_up_to_their_hashtags(compute: Callable[..., list[Row]]) -> None:
    rows = compute([], [
        video("x", 70, tags="ab", view_count=10, created_at=at(20), creator_id="p"),
        video("y", 70, tags="a", view_count=100, created_at=at(30), creator_id="p"),
        video("x", 130, tags="ab", view_count=16), video("y", 130, tags="a", view_count=104),
    ])  # fmt: skip
    of_a = [row for row in rows if row["hashtag_id"] == "w:a"]
    names = ("timestamp", "view_count", "video_count", "creator_count", "is_gap")
    assert [tuple(row[name] for name in names) for row in of_a] == [
        (at(60), None, 2.0, 1.0, True), (at(120), None, None, None, False), (at(180), 10.0, None, None, False),
    ]  # fmt: skip


def test_own_counters_win_over_those_of_videos_column_by_column(compute: Callable[..., list[Row]]) -> None:
    rows = compute(
        [observation(10, view_count=1000), observation(70, view_count=1500)],
        [video("x", 10, view_count=1, like_count=1), video("x", 70, view_count=11, like_count=4)],
    )
    assert (rows[1]["view_count"], rows[1]["like_count"], rows[1]["view_total"]) == (500.0, 3.0, 1500)


def test_a_reading_that_says_nothing_new_makes_no_version(compute: Callable[..., list[Row]]) -> None:
    first = [observation(10, view_count=100), observation(70, view_count=120, score=None)]
    again = [observation(10, 200, view_count=100), observation(70, 400, view_count=120, score=None)]
    assert compute([*first, *again]) == compute(first)


def test_a_value_that_comes_goes_and_returns_makes_a_version_each_time(compute: Callable[..., list[Row]]) -> None:
    scores = [(10, 0.0), (100, None), (200, None), (300, 0.0), (400, 0.0)]
    rows = compute([observation(10, fetched, view_count=1, score=score) for fetched, score in scores])
    assert [(row["created_timestamp"], row["score"]) for row in rows] == [
        (at(10), 0.0), (at(100), None), (at(300), 0.0),
    ]  # fmt: skip


def test_a_video_that_adds_nothing_to_an_hour_makes_no_version(compute: Callable[..., list[Row]]) -> None:
    rows = compute([], [
        video("x", 10, view_count=10), video("x", 70, view_count=16),
        video("y", 70, 200, view_count=5), video("z", 70, 300, view_count=7), video("z", 10, 400, view_count=7),
    ])  # fmt: skip
    assert [(row["timestamp"], row["created_timestamp"], row["view_count"]) for row in rows] == [
        (at(60), at(10), None), (at(120), at(70), 6.0),
    ]  # fmt: skip


class Clashing(str):
    """A name whose hash is that of all others, so that a set of them iterates in the order in which it was filled."""

    __slots__ = ()

    def __hash__(self) -> int:
        return 0


def test_the_reference_does_not_depend_on_the_order_of_sets() -> None:
    late, *first = [video("y", 70, 400), video("x", 10), video("y", 10)]
    seen = [row | {"video_id": Clashing(row["video_id"])} for row in (late, *first)]
    rows = [row for row in reference([], seen, with_unchanged=True) if row["timestamp"] == at(60)]
    assert [row["created_timestamp"] for row in rows] == [at(10)]


EDGES = (0, 60, 60 + 1 / 60e6, 120 - 1 / 60e6, 120, 180, 1800, 60 * 168, 60 * 168 + 61)
CASES = int(os.environ.get("TRENDDROP_METRIC_CASES", "60"))  # thousands find what is rare
SEED = int(os.environ.get("TRENDDROP_METRIC_SEED", "20261121"))


READINGS = {
    "level": ("view_count", "like_count", "score"),
    "window": ("view_count_increment", "share_count_increment"),
}


@dataclass
class Chance:
    """Moments and counts; often at one moment, on the hour, or the same again."""

    draw: random.Random
    are_tied: bool

    def minute(self) -> float:
        kind = self.draw.random() if self.are_tied else 1.0
        if kind < 0.8:
            return self.draw.choice(EDGES if kind < 0.3 else (10, 50, 70, 110, 130, 170))
        return self.draw.randint(0, 420) * 5

    def delay(self) -> int:
        kind = self.draw.random()
        if kind < 0.5:
            return self.draw.choice((10, 50, 60, 120, 600, 60 * 170)) if kind < 0.2 and self.are_tied else 0
        return self.draw.randint(1, 50) if kind < 0.75 else self.draw.randint(60, 900)

    def level(self) -> int | None:
        return self.draw.choice([None, *range(5 if self.are_tied else 41)])


def history(draw: random.Random, prefix: str = "") -> tuple[list[Row], list[Row]]:
    """Observations of some hashtags and videos, in any order."""
    chance = Chance(draw, are_tied=draw.random() < 0.7)
    observations: list[Row] = []
    for tag in draw.sample("abcdef", draw.randint(1, 4)):
        for _ in range(draw.randint(0, 7)):
            kind = draw.choice(["level", "level", "window", "both"])
            values: Row = {name: chance.level() for name in READINGS.get(kind, sum(READINGS.values(), ()))}
            if values.get("score") is not None:
                values["score"] = float(values["score"])
            moment = chance.minute()
            observations.append(observation(moment, moment + chance.delay(), tag=prefix + tag, **values))
    videos: list[Row] = []
    for name in draw.sample("uvwxyz", draw.randint(0, 5)):
        created, person = at(chance.minute() - 300), draw.choice([None, "p", "q"])
        for _ in range(draw.randint(0, 5)):
            values = {counter: chance.level() for counter in ("view_count", "like_count")}
            values |= {"created_at": draw.choice([None, created]), "creator_id": person}
            tags = [prefix + tag for tag in draw.sample("abc", draw.randint(0, 2))]
            moment = chance.minute()
            videos.append(video(prefix + name, moment, moment + chance.delay(), tags=tags, **values))
    draw.shuffle(observations)
    draw.shuffle(videos)
    return observations, videos


def versions_of(rows: list[Row]) -> dict[tuple[str, datetime], list[tuple[datetime, Row]]]:
    """Per hashtag and hour what was said from when on, of sorted rows."""
    found: dict[tuple[str, datetime], list[tuple[datetime, Row]]] = {}
    for row in rows:
        said = {name: row[name] for name in (*COUNTERS, "score", "view_total", "is_gap", "is_reset")}
        found.setdefault((row["hashtag_id"], row["timestamp"]), []).append((row["created_timestamp"], said))
    return found


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(draw=st.randoms(use_true_random=False))
def test_equals_what_is_computed_moment_by_moment(duckdb_engine: Any, draw: random.Random) -> None:
    observations, videos = history(draw)
    assert_same(computing(duckdb_engine)(observations, videos), reference(observations, videos))


@pytest.fixture(scope="module")
def cases() -> list[tuple[list[Row], list[Row]]]:
    """Histories of hashtags and videos of their own, so that one computation takes all of them."""
    draw = random.Random(SEED)
    return [history(draw, f"{number}-") for number in range(CASES)]


def test_many_histories_at_once_on_both_engines(
    compute: Callable[..., list[Row]], cases: list[tuple[list[Row], list[Row]]]
) -> None:
    rows = compute([row for case, _ in cases for row in case], [row for _, case in cases for row in case])
    expected = [row for case in cases for row in reference(*case)]
    assert_same(rows, sorted(expected, key=lambda row: (row["hashtag_id"], row["timestamp"], row["created_timestamp"])))


@pytest.mark.parametrize("streams", ["levels", "videos", "all"])
def test_what_is_visible_at_any_moment_does_not_miss_the_unchanged_versions(
    compute: Callable[..., list[Row]], cases: list[tuple[list[Row], list[Row]]], streams: str
) -> None:
    parts = cases
    if streams == "levels":
        parts = [([row | dict.fromkeys(WINDOWS) for row in own], []) for own, _ in cases]
    elif streams == "videos":
        parts = [([], seen) for _, seen in cases]
    videos = [row for _, part in parts for row in part]
    kept = versions_of(compute([row for part, _ in parts for row in part], videos or None))
    every = versions_of([row for part in parts for row in reference(*part, with_unchanged=True)])
    assert kept.keys() == every.keys()
    assert sum(map(len, kept.values())) < sum(map(len, every.values()))
    for hour, versions in kept.items():
        assert all(one != other for (_, one), (_, other) in pairwise(versions)), hour
        for moment, said in every[hour]:
            assert [known for created, known in versions if created <= moment][-1:] == [said], (hour, moment)
