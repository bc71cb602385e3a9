"""Group D: the cluster that was known at T, whatever is fitted, assigned or embedded later."""

import os
import random
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from trenddrop.core.errors import ConfigError
from trenddrop.features import build_features
from trenddrop.features.cluster_history import WEEK, clusterings, update_clusterings
from trenddrop.features.semantic import DEFINITIONS, ClusterTables, with_clusters
from trenddrop.normalized.hours import hour_of
from trenddrop.schemas import TABLES

START = datetime(2026, 1, 2, tzinfo=UTC)  # a Friday
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAMES = [definition.name for definition in DEFINITIONS]
ROUNDS = int(os.environ.get("TRENDDROP_LEAK_ROUNDS", "10"))


# --- the feature, from dated clusters and assignments ---------------------------------------------------


def drawn(rng, hours, tags="abc"):
    """Some clusterings, and assignments of the hashtags to them, some of which come later or change."""
    clusters, assignments = [], []
    for number, at in enumerate(sorted(rng.sample(range(hours * 60), 4))):
        fitted = START + timedelta(minutes=at)
        for cluster in range(3):
            clusters.append(
                {
                    "clustering_id": f"fit{number}",
                    "cluster_id": cluster,
                    "fitted_at": fitted,
                    "theme_label": f"theme {number} {cluster}",
                    "centroid": [1.0],
                    "hashtag_count": 1,
                    "model": "m",
                    "seed": 0,
                }
            )
        for tag in tags:
            for _ in range(rng.choice([0, 1, 1, 2])):
                known = fitted + rng.choice([0, 0, 7, 90, 1000]) * timedelta(minutes=1)
                assignments.append(
                    {
                        "clustering_id": f"fit{number}",
                        "hashtag_id": f"tiktok:{tag}",
                        "known_at": known,
                        "cluster_id": rng.randrange(3),
                        "similarity": rng.random(),
                    }
                )
    unique = {(row["clustering_id"], row["hashtag_id"], row["known_at"]): row for row in assignments}
    return clusters, list(unique.values())


def naive(hours, clusters, assignments, tags="abc"):
    result = {}
    for tag in tags:
        for at in hours:
            t = START + at * HOUR
            fits = [(row["fitted_at"], row["clustering_id"]) for row in clusters if row["fitted_at"] <= t]
            newest = max(fits, default=(None, None))[1]
            known = [
                (row["known_at"], row["cluster_id"], row["similarity"])
                for row in assignments
                if row["clustering_id"] == newest and row["hashtag_id"] == f"tiktok:{tag}" and row["known_at"] <= t
            ]
            if known:
                _, cluster, similarity = max(known)
                themes = {(row["clustering_id"], row["cluster_id"]): row["theme_label"] for row in clusters}
                result[tag, at] = (cluster, themes[newest, cluster], similarity)
            else:
                result[tag, at] = (None, None, None)
    return result


def computed(engine, hours, clusters, assignments, tags="abc"):
    moments = [{"hashtag_id": f"tiktok:{tag}", "timestamp": START + at * HOUR} for tag in tags for at in hours]
    blank = {"window_duration_minutes": 60, "is_gap": False, "is_reset": False, "platform": "tiktok"}
    grid = engine.load("hashtag_metrics", [m | blank | {"created_timestamp": m["timestamp"]} for m in moments])
    grid = engine.stage(grid.select("hashtag_id", "timestamp", hour=hour_of(grid.timestamp)))
    tables = None
    if clusters is not None:
        loaded = {"hashtag_clusters": clusters, "hashtag_cluster_assignments": assignments}
        tables = ClusterTables(*(engine.load(name, rows) for name, rows in loaded.items()))
    wide = with_clusters(grid, tables, stage=engine.stage)
    wide = wide.mutate(**{d.name: d.expression(wide).cast(d.dtype) for d in DEFINITIONS})
    rows = wide.select("hashtag_id", "timestamp", *NAMES).to_pyarrow().to_pylist()
    assert len(rows) == len(moments)
    return {
        (row["hashtag_id"][-1], round((row["timestamp"] - START) / HOUR)): tuple(row[name] for name in NAMES)
        for row in rows
    }


def test_equals_plain_loops_on_both_engines(engine):
    rng = random.Random(2)
    clusters, assignments = drawn(rng, 80)
    hours = range(0, 90, 2)
    got = computed(engine, hours, clusters, assignments, tags="abcz")
    assert got == naive(hours, clusters, assignments, tags="abcz")
    assert len({values[1] for values in got.values()}) > 4


def test_without_a_clustering_the_features_are_null(engine):
    assert set(computed(engine, range(3), None, None).values()) == {(None, None, None)}
    assert set(computed(engine, range(3), [], []).values()) == {(None, None, None)}


def test_what_is_not_visible_at_t_changes_no_bit(duckdb_engine):
    for seed in range(ROUNDS):
        rng = random.Random(seed)
        clusters, assignments = drawn(rng, 60)
        t = rng.randrange(5, 55)
        moment = START + t * HOUR
        others = [row for row in clusters if row["fitted_at"] <= moment]
        others += [row | {"theme_label": "x"} for row in clusters if row["fitted_at"] > moment and rng.random() < 0.5]
        changed = [row if row["known_at"] <= moment else row | {"cluster_id": rng.randrange(3)} for row in assignments]
        changed = [row for row in changed if row["known_at"] <= moment or rng.random() < 0.5]
        before = computed(duckdb_engine, range(t + 1), clusters, assignments)
        assert computed(duckdb_engine, range(t + 1), others, changed) == before, seed


# --- the history of clusterings --------------------------------------------------------------------------


def vector(rng, theme):
    centre = np.zeros(6)
    centre[theme] = 1.0
    return (centre + rng.normal(0, 0.05, 6)).tolist()


def embeddings(tags, known_at, *, seed=0, themes=3):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "hashtag_id": [f"tiktok:{tag}" for tag in tags],
            "model": "m",
            "known_at": known_at,
            "text_hash": [f"h{tag}{seed}" for tag in tags],
            "words": [[f"theme{int(tag[1:]) % themes}", tag] for tag in tags],
            "vector": [vector(rng, int(tag[1:]) % themes) for tag in tags],
        },
        schema_overrides={"known_at": pl.Datetime("us", "UTC"), "vector": pl.List(pl.Float32)},
    )


def metrics(metric, tags, hours):
    rows = [metric(at, tag=tag, view_count=1.0) for tag in tags for at in hours]
    return pl.DataFrame(rows, schema=_polars("hashtag_metrics"))


def _polars(table):
    return dict(pl.from_arrow(TABLES[table].ibis().to_pyarrow().empty_table()).schema)


OLD, YOUNG = [f"t{i}" for i in range(24)], [f"n{i}" for i in range(3)]


@pytest.fixture
def lake(wh, metric):
    """Hashtags of three themes from Friday on, and three more that come on the second Tuesday."""
    wh.append("hashtag_metrics", metrics(metric, OLD, range(0, 24 * 14, 12)))
    wh.append("hashtag_metrics", metrics(metric, YOUNG, range(24 * 11, 24 * 14, 12)))
    wh.append("hashtag_embeddings", embeddings(OLD, START))
    wh.append("hashtag_embeddings", embeddings(YOUNG, START + 11 * 24 * HOUR, seed=1))
    return wh


def assignments_of(wh):
    rows = wh.table("hashtag_cluster_assignments").to_pyarrow().to_pylist()
    return {(row["clustering_id"], row["hashtag_id"], row["known_at"]): row for row in rows}


def features_of(wh):
    build_features(wh)
    table = wh.table("hashtag_features").select("hashtag_id", "feature_timestamp", *NAMES)
    return {tuple(row.values())[:2]: tuple(row[name] for name in NAMES) for row in table.to_pyarrow().to_pylist()}


def test_clusterings_are_fitted_on_mondays_and_keep_their_ids(lake):
    summary = update_clusterings(lake, model="m", until=START + 13 * 24 * HOUR)
    first, second = clusterings(lake, "m")
    assert summary.clusterings == 2
    assert summary.newest == second
    assert [first.fitted_at, second.fitted_at] == [MONDAY, MONDAY + WEEK]
    assert [c.cluster_id for c in first.clusters] == [c.cluster_id for c in second.clusters]
    assert all(c.similarity_to_previous > 0.99 for c in second.clusters)
    assert sum(c.hashtag_count for c in first.clusters) == len(OLD)
    assert {word for c in first.clusters for word in c.theme_label.split(", ")} >= {"theme0", "theme1", "theme2"}


def test_features_begin_with_the_first_clustering_and_a_young_hashtag_joins_when_it_is_seen(lake):
    update_clusterings(lake, model="m", until=START + 13 * 24 * HOUR)
    features = features_of(lake)
    for (tag, moment), values in features.items():
        assert (values[0] is None) == (moment < MONDAY), (tag, moment)
        if values[0] is not None:
            assert f"theme{int(tag.removeprefix('tiktok:')[1:]) % 3}" in values[1]
            assert 0.9 < values[2] <= 1


def test_updating_twice_is_as_once_and_in_pieces_as_at_once(lake, migrated_clickhouse, metric):
    end = START + 13 * 24 * HOUR
    update_clusterings(lake, model="m", until=MONDAY)
    update_clusterings(lake, model="m", until=end)
    pieces, dated = clusterings(lake, "m"), assignments_of(lake)
    assert update_clusterings(lake, model="m", until=end).assignments == 0
    assert (clusterings(lake, "m"), assignments_of(lake)) == (pieces, dated)
    for name in ("hashtag_metrics", "hashtag_embeddings"):
        migrated_clickhouse.append(name, lake.table(name).to_polars())
    update_clusterings(migrated_clickhouse, model="m", until=end)
    assert (clusterings(migrated_clickhouse, "m"), assignments_of(migrated_clickhouse)) == (pieces, dated)


def test_a_later_refit_changes_no_bit_of_a_feature_before_it(lake):
    update_clusterings(lake, model="m", until=MONDAY + 8 * 24 * HOUR)
    before = features_of(lake)
    refit = MONDAY + 2 * WEEK
    lake.append("hashtag_embeddings", embeddings(OLD, refit - HOUR, seed=7, themes=5))
    assert update_clusterings(lake, model="m", until=refit).clusterings == 1
    after = features_of(lake)
    assert {key: values for key, values in after.items() if key[1] < refit - HOUR} == {
        key: values for key, values in before.items() if key[1] < refit - HOUR
    }


def test_what_is_embedded_after_a_fit_does_not_change_it(lake, metric):
    update_clusterings(lake, model="m", until=MONDAY)
    (fitted,) = clusterings(lake, "m")
    other = [f"t{i}" for i in range(100, 130)]
    lake.append("hashtag_embeddings", embeddings(other, MONDAY + timedelta(microseconds=1)))
    lake.append("hashtag_metrics", metrics(metric, other, [10]))
    update_clusterings(lake, model="m", until=MONDAY + HOUR)
    assert clusterings(lake, "m") == [fitted]


def test_a_hashtag_not_seen_for_a_month_is_not_fitted_on_but_assigned(lake, metric):
    lake.append("hashtag_embeddings", embeddings(["t900"], START))
    update_clusterings(lake, model="m", until=MONDAY)
    (fitted,) = clusterings(lake, "m")
    assert sum(c.hashtag_count for c in fitted.clusters) == len(OLD)
    assert "tiktok:t900" in {name for _, name, _ in assignments_of(lake)}


def test_less_than_a_week_of_data_is_clustered_at_its_end(lake):
    until = START + 30 * HOUR + timedelta(minutes=20)
    update_clusterings(lake, model="m", until=until)
    assert [c.fitted_at for c in clusterings(lake, "m")] == [START + 30 * HOUR]


def test_nothing_embedded_is_nothing_clustered(wh):
    summary = update_clusterings(wh, model="m", until=MONDAY)
    assert (summary.clusterings, summary.assignments, summary.newest) == (0, 0, None)
    with pytest.raises(ConfigError, match="cannot be fitted every"):
        update_clusterings(wh, model="m", until=MONDAY, every=timedelta(0))
