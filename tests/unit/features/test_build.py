"""hashtag_features: equal to plain loops on both engines, blind to the future, the same in pieces as at once."""

import json
import math
import os
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trenddrop.features import ALL_DEFINITIONS, DEFINITIONS, build_features, hashtag_features, write_feature_definitions
from trenddrop.features.residuals import PredictionTables
from trenddrop.features.semantic import ClusterTables
from trenddrop.schemas import TABLES

HOUR = timedelta(hours=1)
Row = dict[str, Any]
PLATFORMS = {"a": "tiktok", "b": "tiktok", "c": "weibo", "d": "weibo"}


@pytest.fixture(scope="session")
def random_metrics(metric: Callable[..., Row]) -> Callable[..., list[Row]]:
    """Metrics of four hashtags with holes, gap rows, nulls, zeros, ties, late rows and later versions."""

    def draw(rng: random.Random, hours: int, tags: str = "abcd") -> list[Row]:
        rows = [
            row
            for tag, platform in PLATFORMS.items()
            if tag in tags
            for at in range(hours)
            for row in _versions_of_hour(rng, metric, at, tag, platform)
        ]
        return list({(r["hashtag_id"], r["timestamp"], r["created_timestamp"]): r for r in rows}.values())

    return draw


def _versions_of_hour(rng: random.Random, metric: Callable[..., Row], at: int, tag: str, platform: str) -> list[Row]:
    kind = rng.choice(["on time"] * 6 + ["gap", "hole", "late", "twice", "thrice"])
    lateness = {
        "on time": [-5],
        "gap": [rng.choice([90, 200, 3000])],
        "hole": [],
        "late": [rng.choice([0.5, 60, 240, 12000])],
        "twice": [-30, rng.choice([-10, 0, 61, 700])],
        "thrice": [-30, 100, 400],
    }[kind]

    def count(top: int) -> float | None:
        value = rng.choice([None, 0, rng.randrange(top), rng.randrange(top), rng.randrange(top)])
        return value / rng.choice([1, 3, 7]) if value is not None and kind in ("gap", "thrice") else value

    return [
        metric(
            at,
            tag=tag,
            platform=platform,
            late=late,
            is_gap=kind == "gap",
            view_count=count(1000),
            video_count=count(20),
            creator_count=count(10),
            like_count=count(100),
            comment_count=count(50),
            share_count=count(30),
            score=None if kind == "gap" or rng.random() < 0.2 else rng.choice([1.0, 2.5, 3.7, 1e6 / 3]),
            view_total=rng.randrange(10**6),
        )
        for late in lateness
    ]


def _observations(rng: random.Random, metrics: list[Row]) -> list[Row]:
    return [
        {
            "hashtag_id": row["hashtag_id"],
            "observed_at": row["timestamp"] - rng.choice([0, 10, 10]) * timedelta(minutes=1),
            "fetched_at": row["created_timestamp"] + rng.choice([0, 0, 40]) * timedelta(minutes=1),
            "video_count": rng.choice([None, rng.randrange(100)]),
            "creator_count": rng.randrange(100),
            "category": rng.choice([None, "news", "news", "stars"]),
            "platform": row["platform"],
            "batch_id": "b",
        }
        for row in metrics
        if not row["is_gap"]
    ]


def _videos(rng: random.Random, metrics: list[Row], n: int = 60) -> list[Row]:
    """Videos of few creators, seen several times, late, with other tags, views, creators or sounds; some from weeks ago."""
    start = min(row["timestamp"] for row in metrics) - rng.choice([0, 20, 170, 300]) * HOUR
    end = max(row["timestamp"] for row in metrics)
    every_tag = [*(f"{platform}:{tag}" for tag, platform in PLATFORMS.items()), "tiktok:e", "tiktok:f", "tiktok:g"]
    videos = []
    for i in range(n):
        created = start + rng.random() * (end - start)
        if rng.random() < 0.2:  # exactly on the hour
            created = created.replace(minute=0, second=0, microsecond=0)
        changing = {
            "region": ["US", "VN", "VN", None, ""],
            "creator_id": [None, "p", "q", "r", "s"],
            "sound_id": [None, "x", "y", "z"],
        }
        video: Row = {name: rng.choice(values) for name, values in changing.items()}
        tags = rng.sample(every_tag, rng.randrange(4))
        for k in range(rng.choice([1, 1, 2, 3])):
            observed = created + timedelta(minutes=rng.randrange(-30, 600))
            if k and rng.random() < 0.3:
                tags = rng.sample(every_tag, rng.randrange(4))
            changed = {name: rng.choice(values) for name, values in changing.items() if k and rng.random() < 0.2}
            videos.append(
                video
                | changed
                | {
                    "video_id": f"v{i}",
                    "observed_at": observed + k * timedelta(seconds=1),
                    "fetched_at": observed + rng.choice([0, 5, 300, 12000]) * timedelta(minutes=1),
                    "created_at": rng.choice([created] * 20 + [None, created + timedelta(days=2)]),
                    "view_count": rng.choice([None, 0, 7, rng.randrange(1000), 10**10 + i]),
                    "hashtag_ids": tags + tags[: rng.choice([0, 0, 1])],
                    "platform": "tiktok",
                    "batch_id": "b",
                }
            )
    twins = [row | {"region": "BR", "view_count": 5} for row in rng.sample(videos, 5)]  # equal moments, other content
    return videos + twins


def _sounds(rng: random.Random, metrics: list[Row]) -> list[Row]:
    start = min(row["timestamp"] for row in metrics)
    return [
        {
            "sound_id": sound,
            "observed_at": start - timedelta(hours=rng.randrange(-40, 250)),
            "fetched_at": start + timedelta(minutes=rng.randrange(-9000, 2000)),
            "usage_count": rng.choice([None, 5]),
            "platform": "tiktok",
            "batch_id": "b",
        }
        for sound in ("x", "y")
    ]


TABLES_OF_WORLD = ("hashtag_metrics", "hashtag_observations", "video_observations", "sound_observations")
_ARGUMENTS = ("metrics", "observations", "video_observations", "sound_observations")


def _world(rng: random.Random, metrics: list[Row]) -> dict[str, list[Row]]:
    made = metrics, _observations(rng, metrics), _videos(rng, metrics), _sounds(rng, metrics)
    return dict(zip(TABLES_OF_WORLD, made, strict=True))


def _loaded(engine: Any, world: dict[str, list[Row]]) -> dict[str, Any]:
    """Return the arguments of ``hashtag_features`` for the tables of a world."""
    tables = {a: engine.load(name, world[name]) for a, name in zip(_ARGUMENTS, TABLES_OF_WORLD, strict=True)}
    return tables | {"stage": engine.stage}


def _rows(features: Any) -> dict[tuple[str, Any], Row]:
    rows = features.to_pyarrow().to_pylist()
    keyed = {(row["hashtag_id"], row["feature_timestamp"]): row for row in rows}
    assert len(keyed) == len(rows)
    return keyed


def _assert_equal(got: dict[Any, Row], expected: dict[Any, Row]) -> None:
    assert set(got) == set(expected)
    for key, row in expected.items():
        for name, value in row.items():
            actual = got[key][name]
            if name == "timezone_distribution":
                actual, value = (text and json.loads(text) for text in (actual, value))
                assert list(actual or ()) == sorted(actual or ()), (key, name)
                assert actual == pytest.approx(value, abs=1e-9) if value else actual is None, (key, name, actual, value)
            elif value is None or isinstance(value, str):
                assert actual == value, (key, name, actual, value)
            else:
                assert actual is not None, (key, name, value)
                assert math.isclose(actual, value, rel_tol=1e-9, abs_tol=1e-9), (key, name, actual, value)


@pytest.mark.parametrize(("hours", "tags", "seed"), [(45, "abcd", 50), (200, "c", 200)])
def test_equals_plain_loops_on_both_engines(engine, naive, random_metrics, hours, tags, seed):
    rng = random.Random(seed)
    metrics = random_metrics(rng, hours, tags)
    world = _world(rng, metrics)
    expected = naive(metrics, *(world[name] for name in TABLES_OF_WORLD[1:]))
    features = hashtag_features(**_loaded(engine, world))
    assert set(next(iter(expected.values()))) == {definition.name for definition in DEFINITIONS}
    if tags == "abcd":  # so that equal means something
        here = [d.name for d in DEFINITIONS if d.group not in "DG"]  # those have tests of their own
        dull = [name for name in here if len({row[name] for row in expected.values()}) < 2]
        assert dull == [
            "score_to_10th",
            "score_to_third_above",
            "score_to_third_below",
        ]  # longer lists: test_ranking.py
    _assert_equal(_rows(features), expected)


# --- blind to the future ------------------------------------------------------------------------------


def _is_visible(row: Row, t: Any) -> bool:
    times = ("timestamp", "created_timestamp") if "timestamp" in row else ("observed_at", "fetched_at")
    return max(row[name] for name in times) <= t


def _with_another_future(rng: random.Random, rows: list[Row], t: Any) -> list[Row]:
    """Change, add and delete records that are not visible at t."""
    result = [row for row in rows if _is_visible(row, t)]
    for row in rows:
        fate = rng.choice(["keep", "change", "delete", "add"])
        if _is_visible(row, t):
            if "timestamp" in row and fate == "add":  # a correction that comes after t
                late = max(row["timestamp"], t) + timedelta(minutes=rng.choice([1, 59, 600]))
                result.append(_changed(rng, row) | {"created_timestamp": late})
        elif fate != "delete":
            result.append(_changed(rng, row) if fate in ("change", "add") else row)
    return result


def _changed(rng: random.Random, row: Row) -> Row:
    numbers = ("view_count", "video_count", "creator_count", "like_count", "comment_count", "share_count", "score")
    changes: Row = {name: rng.choice([None, 10**9, 3]) for name in numbers if name in row}
    if "category" in row:
        changes["category"] = rng.choice([None, "stars", "other"])
    if "region" in row:
        changes |= {"region": rng.choice(["US", "FR"]), "hashtag_ids": ["tiktok:a", "weibo:c"]}
        changes |= {"creator_id": rng.choice(["p", "new"]), "sound_id": rng.choice(["x", "w"])}
        changes |= {"created_at": row["created_at"] and row["created_at"] - rng.choice([0, 300]) * HOUR}
    return row | changes


def _future_that_leaks(engine: Any, features: Callable[..., Any], seed: int, inputs: Callable[..., Any]) -> list[Any]:
    """Return the (hashtag, T, feature) that change although only records invisible at T did."""
    rng = random.Random(seed)
    world = inputs(rng)
    t = rng.choice(sorted({row["timestamp"] for row in world["hashtag_metrics"]})[10:-3])
    other = {name: _with_another_future(rng, rows, t) for name, rows in world.items()}
    before, after = (
        {key: row for key, row in _rows(features(**_loaded(engine, tables))).items() if key[1] <= t}
        for tables in (world, other)
    )
    assert before
    COMPARED.append(len(before))
    return [
        (key, name)
        for key in before.keys() | after.keys()
        for name in (before.get(key) or after[key])
        if key not in before or key not in after or not _is_same_bits(before[key][name], after[key][name])
    ]


COMPARED: list[int] = []  # (hashtag, T) of each example


def _is_same_bits(a: Any, b: Any) -> bool:
    return type(a) is type(b) and (a.hex() == b.hex() if isinstance(a, float) else a == b)


@pytest.fixture(scope="session")
def inputs(random_metrics: Callable[..., list[Row]]) -> Callable[..., Any]:
    def draw(rng: random.Random) -> dict[str, list[Row]]:
        return _world(rng, random_metrics(rng, 200 if DEEP else 36, "abcd" if DEEP else "abc"))

    return draw


DEEP = int(os.environ.get("TRENDDROP_DEEP_EXAMPLES", "0"))  # 60 compare over 10,000 (hashtag, T)


@settings(deadline=None, max_examples=DEEP or 3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_records_not_visible_at_t_change_no_bit_of_a_feature_at_or_before_t(duckdb_engine, inputs, seed):
    assert _future_that_leaks(duckdb_engine, hashtag_features, seed, inputs) == []


def test_a_deep_leakage_run_compares_ten_thousand_rows():
    if not DEEP:
        pytest.skip("set TRENDDROP_DEEP_EXAMPLES=60 for the deep run")
    assert sum(COMPARED) >= 10_000, f"compared only {sum(COMPARED)} (hashtag, T)"
    print(f"compared {sum(COMPARED)} (hashtag, T)")  # noqa: T201 - the figure of the run


def test_the_leakage_test_catches_a_planted_leak(duckdb_engine, inputs):
    def newest_version_of_every_hour(metrics: Any, **others: Any) -> Any:
        newest_first = ibis.window(group_by=["hashtag_id", "timestamp"], order_by=metrics.created_timestamp.desc())
        metrics = metrics.mutate(place=ibis.row_number().over(newest_first)).filter(ibis._.place == 0).drop("place")
        return hashtag_features(metrics.mutate(created_timestamp=metrics.timestamp), **others)

    def latest_level_joined_into_the_past(metrics: Any, **others: Any) -> Any:
        rows = hashtag_features(metrics, **others)
        latest = metrics.group_by("hashtag_id").aggregate(latest=metrics.view_count.max().cast("float64"))
        return rows.left_join(latest, "hashtag_id").mutate(view_total=ibis._.latest).select(*rows.columns)

    def newest_state_of_every_video(metrics: Any, **others: Any) -> Any:
        videos = others.pop("video_observations")
        known = videos.mutate(observed_at=videos.created_at, fetched_at=videos.created_at)
        return hashtag_features(metrics, video_observations=known.filter(known.created_at.notnull()), **others)

    for leaking in (newest_version_of_every_hour, latest_level_joined_into_the_past, newest_state_of_every_video):
        assert any(_future_that_leaks(duckdb_engine, leaking, seed, inputs) for seed in range(4))


# --- in pieces as at once, and through the warehouse ---------------------------------------------------


@settings(deadline=None, max_examples=DEEP // 8 or 1, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_pieces_of_the_range_are_bit_for_bit_the_full_backfill(duckdb_engine, inputs, seed):
    rng = random.Random(seed)
    world = inputs(rng)
    tables = _loaded(duckdb_engine, world)
    moments = sorted({row["timestamp"] for row in world["hashtag_metrics"]})
    cuts = [None, *sorted(rng.sample(moments, 2)), None]
    pieces: dict[Any, Row] = {}
    for start, end in zip(cuts, cuts[1:], strict=False):
        are_few = start is not None and rng.random() < 0.5
        pieces |= _rows(hashtag_features(**tables, start=start, end=end, are_few_hours=are_few))
    full = _rows(hashtag_features(**tables))
    assert pieces.keys() == full.keys()
    for key, row in full.items():
        assert all(_is_same_bits(row[name], pieces[key][name]) for name in row), key


@settings(deadline=None, max_examples=DEEP // 8 or 1, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_an_update_after_each_arrival_is_bit_for_bit_the_full_backfill(duckdb_engine, inputs, seed):
    """Records come when they are fetched, also long after they happened; an update computes the hours since the last."""
    rng = random.Random(seed)
    world = inputs(rng)
    moments = sorted({row["timestamp"] for row in world["hashtag_metrics"]})
    updates = [*sorted(rng.sample(moments[:-1], 3)), moments[-1]]
    updated: dict[Any, Row] = {}
    start = None
    for now in updates:
        arrived = {name: [row for row in rows if _is_visible(row, now)] for name, rows in world.items()}
        tables = _loaded(duckdb_engine, arrived)
        are_few = start is not None and rng.random() < 0.5
        updated |= _rows(hashtag_features(**tables, start=start, end=now + HOUR, are_few_hours=are_few))
        start = now + HOUR
    full = _rows(hashtag_features(**_loaded(duckdb_engine, world)))
    assert updated.keys() == full.keys()
    for key, row in full.items():
        assert all(_is_same_bits(row[name], updated[key][name]) for name in row), key


def test_a_table_without_rows_says_what_leaving_it_out_says(duckdb_engine, random_metrics):
    world = dict.fromkeys(TABLES_OF_WORLD, []) | {"hashtag_metrics": random_metrics(random.Random(8), 30)}
    clusters = [duckdb_engine.load(name, []) for name in ("hashtag_clusters", "hashtag_cluster_assignments")]
    issued = [duckdb_engine.load(name, []) for name in ("predictions", "viral_labels")]
    tables = _loaded(duckdb_engine, world)
    empty = hashtag_features(**tables, clusters=ClusterTables(*clusters), predictions=PredictionTables(*issued))
    assert _rows(empty) == _rows(hashtag_features(tables["metrics"], stage=duckdb_engine.stage))


def test_eight_days_of_history_are_enough_for_a_range(duckdb_engine, metric):
    rng = random.Random(5)
    metrics = [
        metric(at, view_count=rng.randrange(100) / 3, score=rng.random(), view_total=at) for at in range(0, 400, 3)
    ]
    start = metrics[-4]["timestamp"]
    full = _rows(hashtag_features(duckdb_engine.load("hashtag_metrics", metrics)))
    range_ = _rows(hashtag_features(duckdb_engine.load("hashtag_metrics", metrics), start=start))
    assert range_ == {key: row for key, row in full.items() if key[1] >= start}
    assert len(range_) == 4


def _append(wh, table, rows):
    wh.append(table, pa.Table.from_pylist(rows, schema=TABLES[table].ibis().to_pyarrow()))


def test_building_twice_changes_nothing_and_a_late_record_touches_only_later_rows(wh, inputs, metric):
    for table, rows in inputs(random.Random(3)).items():
        _append(wh, table, rows)
    count = build_features(wh)
    first = _rows(wh.table("hashtag_features"))
    assert len(first) == count > 0
    assert build_features(wh) == count
    assert _rows(wh.table("hashtag_features")) == first
    late = metric(10, tag="a", late=15 * 60, view_count=1e6)
    _append(wh, "hashtag_metrics", [late])
    build_features(wh, platform="tiktok", start=late["created_timestamp"])
    changed = {key for key, row in _rows(wh.table("hashtag_features")).items() if row != first.get(key)}
    assert changed
    assert all(moment >= late["created_timestamp"] for _, moment in changed)


def test_a_row_that_no_longer_belongs_is_removed(wh, metric):
    rows = [metric(at, view_count=float(at)) for at in range(5)]
    _append(wh, "hashtag_metrics", rows)
    assert build_features(wh) == 5
    wh.delete("hashtag_metrics", pa.table({"hashtag_id": ["tiktok:a"], "timestamp": [rows[4]["timestamp"]]}))
    assert build_features(wh) == 4
    assert wh.table("hashtag_features").count().to_pyarrow().as_py() == 4


def test_ranges_of_one_platform_leave_the_others_alone(wh, metric):
    _append(wh, "hashtag_metrics", [metric(at, platform=p) for at in range(6) for p in ("tiktok", "weibo")])
    start = metric(2)["timestamp"]
    assert build_features(wh, platform="weibo", start=start, end=start + 3 * HOUR) == 3
    assert {key[0] for key in _rows(wh.table("hashtag_features"))} == {"weibo:a"}
    assert build_features(wh) == 12


def test_values_lie_in_the_ranges_that_the_definitions_promise(duckdb_engine, inputs):
    rows = _rows(hashtag_features(**_loaded(duckdb_engine, inputs(random.Random(11))))).values()
    for definition in DEFINITIONS:
        values = [row[definition.name] for row in rows]
        assert definition.is_nullable or None not in values, definition.name
        for value in values:
            if value is not None and definition.valid_min is not None:
                assert value >= definition.valid_min - 1e-9, definition.name
            if value is not None and definition.valid_max is not None:
                assert value <= definition.valid_max + 1e-9, definition.name


def test_definitions_are_written_once_and_a_gone_one_is_marked(wh):
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]
    assert write_feature_definitions(wh, clock=lambda: clock[0]) == len(ALL_DEFINITIONS)
    clock[0] += HOUR
    assert write_feature_definitions(wh, clock=lambda: clock[0]) == 0
    row = wh.table("feature_definitions").limit(1).to_pyarrow().to_pylist()[0]
    _append(wh, "feature_definitions", [row | {"feature_name": "of_yesterday"}])
    assert write_feature_definitions(wh, clock=lambda: clock[0]) == 1
    stored = {row["feature_name"]: row for row in wh.table("feature_definitions").to_pyarrow().to_pylist()}
    assert stored["of_yesterday"]["deprecated_at"] == clock[0]
    assert stored["velocity"]["deprecated_at"] is None
    assert stored["velocity"]["created_at"] == datetime(2026, 1, 1, tzinfo=UTC)


def test_the_job_runs_on_clickhouse_too(migrated_clickhouse, metric):
    rows = [metric(at, tag=t, view_count=float(at)) for at in range(8) for t in "ab"]
    _append(migrated_clickhouse, "hashtag_metrics", rows)
    assert build_features(migrated_clickhouse) == 16
    assert build_features(migrated_clickhouse, start=metric(4)["timestamp"]) == 8
    assert migrated_clickhouse.table("hashtag_features").count().to_pyarrow().as_py() == 16


# --- in parts, with a kill in between ------------------------------------------------------------------


class Watch:
    """Progress that remembers, and stops the work at a step."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.steps: list[tuple[int, int]] = []
        self._stop_at = stop_at

    def advance(self, stage: str, done: int, total: int) -> None:
        self.steps.append((done, total))
        if done == self._stop_at:
            raise KeyboardInterrupt


def _of_days(metric: Callable[..., Row], days: int) -> list[Row]:
    rng = random.Random(1)
    hours = range(24 * days)
    return [metric(at, view_count=rng.randrange(99) / 3, score=rng.random(), view_total=at) for at in hours]


def test_a_long_build_goes_on_where_it_was_killed(wh, metric, monkeypatch):
    _append(wh, "hashtag_metrics", _of_days(metric, 3))
    with pytest.raises(KeyboardInterrupt):
        build_features(wh, chunk_rows=24, progress=Watch(stop_at=3))  # while it builds the second day
    assert 0 < len(_rows(wh.table("hashtag_features"))) < 72
    built = []
    monkeypatch.setattr(
        "trenddrop.features.build.hashtag_features",
        lambda *args, **kwargs: built.append(kwargs["start"]) or hashtag_features(*args, **kwargs),
    )
    watch = Watch()
    assert build_features(wh, chunk_rows=24, progress=watch) == 72
    assert None not in built  # the first part, whose start is open, was there
    assert watch.steps[-1] == (watch.steps[-1][1],) * 2
    assert [done for done, _ in watch.steps] == sorted(done for done, _ in watch.steps)
    assert _rows(wh.table("hashtag_features")) == _rows(hashtag_features(wh.table("hashtag_metrics")))
    assert wh.table("feature_chunks").count().to_pyarrow().as_py() == 0


def test_a_long_build_takes_moments_with_a_fraction_of_a_second(wh, metric):
    _append(wh, "hashtag_metrics", [metric(at, late=-5.011) for at in range(48)])
    assert build_features(wh, chunk_rows=24) == 48


def test_a_killed_build_begins_again_when_its_inputs_changed(wh, metric):
    _append(wh, "hashtag_metrics", _of_days(metric, 2))
    with pytest.raises(KeyboardInterrupt):
        build_features(wh, chunk_rows=24, progress=Watch(stop_at=3))
    _append(wh, "hashtag_metrics", [metric(5, late=60, view_count=1e6)])
    build_features(wh, chunk_rows=24)
    assert _rows(wh.table("hashtag_features")) == _rows(hashtag_features(wh.table("hashtag_metrics")))


def test_a_deprecated_feature_says_since_when_and_what_replaces_it(wh, monkeypatch):
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    old = replace(ALL_DEFINITIONS[0], deprecated="velocity_6h")
    monkeypatch.setattr("trenddrop.features.build.ALL_DEFINITIONS", (old, *ALL_DEFINITIONS[1:]))
    write_feature_definitions(wh, clock=lambda: moment)
    assert write_feature_definitions(wh, clock=lambda: moment + HOUR) == 0
    stored = {row["feature_name"]: row for row in wh.table("feature_definitions").to_pyarrow().to_pylist()}
    assert (stored[old.name]["deprecated_at"], stored[old.name]["replaced_by"]) == (moment, "velocity_6h")
