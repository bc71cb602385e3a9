"""Features of creators, videos and sounds: equal to plain loops on both engines, blind to the future, in pieces as at once."""

import math
import os
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from trenddrop.core.errors import NotFoundError
from trenddrop.features import ALL_DEFINITIONS
from trenddrop.features.entities import ENTITIES, build_entity_features, entity_features, states
from trenddrop.schemas import TABLES

START = datetime(2026, 1, 2, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ROUNDS = int(os.environ.get("TRENDDROP_LEAK_ROUNDS", "4"))
Row = dict[str, Any]


# --- drawn observations -------------------------------------------------------------------------------


def _moments(rng: random.Random, hours: int) -> list[dict[str, datetime]]:
    """When something is observed and fetched: most at once, some late, with holes."""
    moments, at = [], START
    while at < START + hours * HOUR:
        at += rng.choice([1, 13, 60, 60, 60, 61, 300, 1500]) * MINUTE
        late = rng.choice([0, 0, 0, 1, 70, 600, 3000]) * MINUTE
        moments.append({"observed_at": at, "fetched_at": at + late})
    return moments


def _count(rng: random.Random, level: int) -> int | None:
    return None if rng.random() < 0.1 else max(0, level + rng.randrange(-3, 40))


def drawn(rng: random.Random, hours: int) -> dict[str, list[Row]]:
    """Observations of two creators, some videos of theirs and two sounds."""
    creators, sounds, videos = [], [], []
    for name in "ab":
        for i, moment in enumerate(_moments(rng, hours)):
            creators.append(
                moment
                | {
                    "creator_id": name,
                    "follower_count": _count(rng, 5 * i),
                    "following_count": _count(rng, 0),
                    "video_count": _count(rng, i),
                    "like_count": _count(rng, 50 * i),
                    "is_verified": rng.choice([True, False, None]),
                    "platform": "tiktok",
                    "batch_id": "b",
                }
            )
        for i, moment in enumerate(_moments(rng, hours)):
            usage = {"usage_count": _count(rng, 9 * i), "platform": "tiktok", "batch_id": "b"}
            sounds.append(moment | {"sound_id": f"s{name}"} | usage)
    for i in range(12):
        created = START + rng.randrange(hours * 60) * MINUTE
        for k, moment in enumerate(_moments(rng, 40)[:8]):
            shift = created - START - rng.choice([0, 0, 90]) * MINUTE
            counts = {f"{name}_count": _count(rng, 30 * k) for name in ("like", "comment", "share", "download")}
            videos.append(
                counts
                | {name: at + shift for name, at in moment.items()}
                | {
                    "video_id": f"v{i}",
                    "created_at": created if rng.random() < 0.95 else None,
                    "creator_id": rng.choice(["a", "a", "b", None]) if k % 3 == 0 else "a",
                    "sound_id": rng.choice(["sa", "sb", None]),
                    "view_count": _count(rng, 100 * k),
                    "hashtag_ids": [f"tiktok:{j}" for j in range(rng.randrange(4))],
                    "platform": "tiktok",
                    "batch_id": "b",
                }
            )
    tables = {"creator_observations": creators, "sound_observations": sounds, "video_observations": videos}
    return {name: _unique(name, rows) for name, rows in tables.items()}


def _unique(table: str, rows: list[Row]) -> list[Row]:
    return list({tuple(row[name] for name in TABLES[table].key): row for row in rows}.values())


# --- the same as plain loops ----------------------------------------------------------------------------


def _ceil(moment: datetime) -> datetime:
    floor = moment.replace(minute=0, second=0, microsecond=0)
    return floor if floor == moment else floor + HOUR


def _known(row: Row) -> datetime:
    return _ceil(max(row["observed_at"], row["fetched_at"]))


def _div(a: float | None, b: float | None) -> float | None:
    return None if a is None or not b else a / b


def _state(rows: list[Row], t: datetime) -> Row | None:
    """The newest observation of those that became known in (t - 7 days, t]."""
    seen = [row for row in rows if t - 168 * HOUR < _known(row) <= t]
    return max(seen, key=lambda row: (row["observed_at"], row["fetched_at"]), default=None)


def _base(rows: list[Row], t: datetime, w: int) -> Row | None:
    hours = [_known(row) for row in rows if t - 2 * w * HOUR < _known(row) <= t - w * HOUR]
    return _state(rows, max(hours)) if hours else None


def _gain(now: Row, base: Row | None, column: str, may_fall: bool) -> float | None:
    if base is None or now[column] is None or base[column] is None:
        return None
    gain = now[column] - base[column]
    return gain if gain >= 0 or may_fall else None


def _velocity(rows: list[Row], t: datetime, column: str, w: int, may_fall: bool = False) -> float | None:
    now, base = _state(rows, t), _base(rows, t, w)
    gain = _gain(now, base, column, may_fall)
    hours = gain is not None and (now["observed_at"] - base["observed_at"]) / HOUR
    return gain / hours if gain is not None and hours > 0 else None


def _growth(rows: list[Row], t: datetime, column: str, w: int, may_fall: bool = False) -> float | None:
    base = _base(rows, t, w)
    return _div(_gain(_state(rows, t), base, column, may_fall), base and base[column])


def _window_videos(videos: list[Row], key: str, value: str, t: datetime, w: int) -> list[Row]:
    found = []
    for video in sorted({row["video_id"] for row in videos}):
        rows = [row for row in videos if row["video_id"] == video and _known(row) <= t]
        if not rows:
            continue
        hour = max(map(_known, rows))
        state = _state(rows, hour)
        created = state["created_at"]
        if state[key] != value or created is None or not t - w * HOUR < created <= t:
            continue
        if max(hour, _ceil(created)) - hour < 168 * HOUR:
            found.append(state)
    return found


def _of_videos(videos: list[Row], prefix: str, key: str, value: str, t: datetime) -> Row:
    window = _window_videos(videos, key, value, t, 168)
    viewed = [row for row in window if row["view_count"] is not None]
    reactions = [row[name] for row in viewed for name in ("like_count", "comment_count", "share_count")]
    told = [count for count in reactions if count is not None]
    views = sum(row["view_count"] for row in viewed)
    return {
        f"{prefix}_videos_24h": len(_window_videos(videos, key, value, t, 24)),
        f"{prefix}_videos_7d": len(window),
        f"{prefix}_views_per_video_7d": _div(views, len(viewed)),
        f"{prefix}_engagement_7d": _div(sum(told), views) if told else None,
    }


def naive_creator(rows: list[Row], t: datetime, videos: list[Row]) -> Row:
    now = _state(rows, t)
    followers, following = now["follower_count"], now["following_count"]
    return {
        "creator_followers": followers,
        "creator_following": following,
        "creator_videos": now["video_count"],
        "creator_likes": now["like_count"],
        "creator_is_verified": now["is_verified"],
        "creator_age_hours": int((t - min(map(_known, rows))) / HOUR),
        "creator_follower_velocity_1h": _velocity(rows, t, "follower_count", 1, True),
        "creator_follower_velocity_6h": _velocity(rows, t, "follower_count", 6, True),
        "creator_follower_velocity_24h": _velocity(rows, t, "follower_count", 24, True),
        "creator_follower_velocity_7d": _velocity(rows, t, "follower_count", 168, True),
        "creator_follower_growth_24h": _growth(rows, t, "follower_count", 24, True),
        "creator_follower_growth_7d": _growth(rows, t, "follower_count", 168, True),
        "creator_like_velocity_24h": _velocity(rows, t, "like_count", 24),
        "creator_likes_per_video": _div(now["like_count"], now["video_count"]),
        "creator_likes_per_follower": _div(now["like_count"], followers),
        "creator_followers_per_following": _div(followers, following),
        **_of_videos(videos, "creator", "creator_id", now["creator_id"], t),
    }


def naive_sound(rows: list[Row], t: datetime, videos: list[Row]) -> Row:
    velocity = {w: _velocity(rows, t, "usage_count", w) for w in (1, 6, 24, 168)}
    return {
        "sound_usage": _state(rows, t)["usage_count"],
        "sound_age_hours": int((t - min(map(_known, rows))) / HOUR),
        "sound_usage_velocity_1h": velocity[1],
        "sound_usage_velocity_6h": velocity[6],
        "sound_usage_velocity_24h": velocity[24],
        "sound_usage_velocity_7d": velocity[168],
        "sound_usage_acceleration_24h": _div(velocity[24], velocity[168]),
        "sound_usage_growth_24h": _growth(rows, t, "usage_count", 24),
        "sound_usage_growth_7d": _growth(rows, t, "usage_count", 168),
        **_of_videos(videos, "sound", "sound_id", rows[0]["sound_id"], t),
    }


def naive_video(rows: list[Row], t: datetime, videos: list[Row]) -> Row:
    now = _state(rows, t)
    age = now["created_at"] and max(0, int((t - _ceil(now["created_at"])) / HOUR))
    velocity = {w: _velocity(rows, t, "view_count", w) for w in (1, 6, 24)}
    per_view = {
        f"video_{name}s_per_view": _div(now[f"{name}_count"], now["view_count"])
        for name in ("like", "comment", "share", "download")
    }
    parts = list(per_view.values())[:3]
    return per_view | {
        "video_views": now["view_count"],
        "video_likes": now["like_count"],
        "video_comments": now["comment_count"],
        "video_shares": now["share_count"],
        "video_hashtag_count": len(now["hashtag_ids"]),
        "video_age_hours": age,
        "video_views_per_hour": _div(now["view_count"], age),
        "video_view_velocity_1h": velocity[1],
        "video_view_velocity_6h": velocity[6],
        "video_view_velocity_24h": velocity[24],
        "video_view_acceleration_6h": _div(velocity[6], velocity[24]),
        "video_view_growth_24h": _growth(rows, t, "view_count", 24),
        "video_like_velocity_24h": _velocity(rows, t, "like_count", 24),
        "video_engagement_efficiency": None if None in parts else sum(parts),
    }


NAIVE = {"creator": naive_creator, "video": naive_video, "sound": naive_sound}


def naive(entity: str, tables: dict[str, list[Row]]) -> dict[tuple[str, datetime], Row]:
    kind = ENTITIES[entity]
    by_id: dict[str, list[Row]] = {}
    for row in tables[kind.observations]:
        by_id.setdefault(row[kind.key], []).append(row)
    return {
        (name, t): NAIVE[entity](rows, t, tables["video_observations"])
        for name, rows in by_id.items()
        for t in {_known(row) for row in rows}
    }


def computed(engine, entity, tables, **hours):
    kind = ENTITIES[entity]
    loaded = {name: engine.load(name, rows) for name, rows in tables.items()}
    features = entity_features(
        kind,
        loaded[kind.observations],
        video_observations=loaded["video_observations"],
        stage=engine.stage,
        **hours,
    )
    return _keyed(kind, features)


def _keyed(kind, features):
    rows = features.to_pyarrow().to_pylist()
    keyed = {(row[kind.key], row["feature_timestamp"]): row for row in rows}
    assert len(keyed) == len(rows)
    return keyed


@pytest.mark.parametrize("entity", ENTITIES)
def test_equals_plain_loops_on_both_engines(engine, entity):
    tables = drawn(random.Random(entity), 500)
    expected, got = naive(entity, tables), computed(engine, entity, tables)
    assert set(next(iter(expected.values()))) == {d.name for d in ENTITIES[entity].definitions}
    assert set(got) == set(expected)
    for key, row in expected.items():
        assert got[key]["created_timestamp"] == key[1]
        for name, value in row.items():
            actual = got[key][name]
            if value is None or actual is None:
                assert actual is value, (key, name, actual, value)
            else:
                assert math.isclose(actual, value, rel_tol=1e-9, abs_tol=1e-9), (key, name, actual, value)
    for definition in ENTITIES[entity].definitions:  # the draw reaches every feature
        values = {row[definition.name] for row in got.values()} - {None}
        assert len(values) > 1, definition.name
        assert definition.valid_min is None or min(values) >= definition.valid_min, definition.name
        assert definition.is_nullable or all(row[definition.name] is not None for row in got.values())


def test_definitions_fit_their_tables_and_are_unique():
    names = [definition.name for definition in ALL_DEFINITIONS]
    assert len(set(names)) == len(names)
    for kind in ENTITIES.values():
        keys = {kind.key, "feature_timestamp", "created_timestamp", "platform"}
        stored = {name: dtype for name, dtype in kind.schema.columns.items() if name not in keys}
        assert stored == {definition.name: definition.dtype for definition in kind.definitions}
        earlier: set[str] = set()
        for definition in kind.definitions:
            assert definition.entity == kind.name
            assert definition.name.startswith(f"{kind.name}_")
            for name in definition.depends_on:
                table, _, column = name.rpartition(".")
                assert column in (TABLES[table].columns if table else earlier), (definition.name, name)
            earlier.add(definition.name)


# --- blind to the future ------------------------------------------------------------------------------


def _with_another_future(rng: random.Random, table: str, rows: list[Row], t: datetime) -> list[Row]:
    """Change, add and delete observations that are not visible at t."""
    result = []
    for row in rows:
        fate = rng.choice(["keep", "change", "delete", "add"])
        if max(row["observed_at"], row["fetched_at"]) <= t:
            result.append(row)
            if fate == "add":  # a correction that was made before t and fetched after it
                late = {"fetched_at": t + rng.choice([1, 60, 700]) * MINUTE}
                result.append(_changed(rng, row) | late)
        elif fate != "delete":
            result.append(_changed(rng, row) if fate in ("change", "add") else row)
    return _unique(table, result)


def _changed(rng: random.Random, row: Row) -> Row:
    changes: Row = {name: rng.choice([None, 10**6, 3]) for name in row if name.endswith("_count")}
    if "video_id" in row:
        changes |= {"creator_id": "b", "sound_id": "sb", "created_at": START + HOUR, "hashtag_ids": []}
    return row | changes


def _leaks(engine, entity, seed):
    rng = random.Random(seed)
    tables = drawn(rng, 300)
    first = min(map(_known, tables[ENTITIES[entity].observations]))
    t = max(first, START + rng.randrange(20, 280) * HOUR)
    others = {name: _with_another_future(rng, name, rows, t) for name, rows in tables.items()}
    before, after = (
        {key: row for key, row in computed(engine, entity, world).items() if key[1] <= t} for world in (tables, others)
    )
    assert before
    return before != after


@pytest.mark.parametrize("entity", ENTITIES)
def test_what_is_not_visible_at_t_changes_no_bit(duckdb_engine, entity):
    assert [seed for seed in range(ROUNDS) if _leaks(duckdb_engine, entity, seed)] == []


@pytest.mark.parametrize("entity", ENTITIES)
def test_the_leakage_test_catches_observations_known_too_early(duckdb_engine, entity, monkeypatch):
    def known_when_made(observations, **options):
        return entity_states(observations.mutate(fetched_at=observations.observed_at), **options)

    entity_states = states.entity_states
    module = f"trenddrop.features.entities.{entity}s.entity_states"
    monkeypatch.setattr(module, known_when_made)
    assert any(_leaks(duckdb_engine, entity, seed) for seed in range(3))


# --- in pieces as at once, and through the warehouse ---------------------------------------------------


@pytest.mark.parametrize("entity", ENTITIES)
def test_pieces_of_the_range_are_bit_for_bit_the_full_backfill(duckdb_engine, entity):
    tables = drawn(random.Random(7), 900)
    cuts = [None, START + 400 * HOUR, START + 620 * HOUR, None]
    pieces: dict[Any, Row] = {}
    for start, end in zip(cuts, cuts[1:], strict=False):
        pieces |= computed(duckdb_engine, entity, tables, start=start, end=end)
    assert pieces == computed(duckdb_engine, entity, tables)


def _append(wh, tables):
    for table, rows in tables.items():
        wh.append(table, pa.Table.from_pylist(rows, schema=TABLES[table].ibis().to_pyarrow()))


def test_building_twice_changes_nothing_and_a_late_record_touches_only_later_rows(any_wh):
    _append(any_wh, drawn(random.Random(3), 60))
    kind = ENTITIES["creator"]
    count = build_entity_features(any_wh, "creator")
    first = _keyed(kind, any_wh.table("creator_features"))
    assert build_entity_features(any_wh, "creator", platform="tiktok") == count == len(first) > 0
    assert _keyed(kind, any_wh.table("creator_features")) == first
    known = START + 30 * HOUR
    late = {"observed_at": START + 20 * HOUR + MINUTE, "fetched_at": known - MINUTE, "follower_count": 10**6}
    _append(any_wh, {"creator_observations": [late | {"creator_id": "a", "platform": "tiktok", "batch_id": "c"}]})
    build_entity_features(any_wh, "creator", start=known)
    rows = _keyed(kind, any_wh.table("creator_features"))
    changed = {key for key, row in rows.items() if row != first.get(key)}
    assert ("a", known) in rows
    assert all(moment >= known for _, moment in changed)
    assert build_entity_features(any_wh, "creator") == len(rows)
    assert _keyed(kind, any_wh.table("creator_features")) == rows


def test_a_long_range_is_built_in_parts_and_says_how_far_it_is(wh):
    _append(wh, drawn(random.Random(5), 200))
    at_once = build_entity_features(wh, "video")
    rows = _keyed(ENTITIES["video"], wh.table("video_features"))
    wh.delete("video_features", wh.table("video_features").select("video_id").distinct().to_pyarrow())
    steps = []

    class Told:
        def advance(self, stage: str, done: int, total: int) -> None:
            steps.append((stage, done, total))

    assert build_entity_features(wh, "video", chunk_rows=20, progress=Told()) == at_once
    assert _keyed(ENTITIES["video"], wh.table("video_features")) == rows
    assert steps == [("video features", n, len(steps) - 1) for n in range(len(steps))]
    assert len(steps) > 3


def test_an_entity_without_observations_has_no_rows(wh):
    assert [build_entity_features(wh, entity) for entity in ENTITIES] == [0, 0, 0]


def test_an_unknown_entity_names_the_known_ones(wh):
    with pytest.raises(NotFoundError, match="'playlist': not defined; choose one of creator, video, sound"):
        build_entity_features(wh, "playlist")
