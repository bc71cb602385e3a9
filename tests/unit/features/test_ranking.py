"""Where a hashtag stands on its platform's list."""

import pytest

from trenddrop.features import hashtag_features

TO_NEIGHBOURS = ("score_to_above", "score_to_third_above", "score_to_below", "score_to_third_below")


@pytest.fixture
def rows_at(duckdb_engine, metric):
    """Return the features at hour ``at`` by hashtag, from {hour: {tag: score}} and {tag: category}."""

    def compute(scores, at, extra=(), categories=None):
        metrics = [
            metric(hour, tag=tag, platform="weibo", score=score, view_count=10.0)
            for hour, tags in scores.items()
            for tag, score in tags.items()
        ]
        moment = metric(at)["timestamp"]
        seen = [
            {"hashtag_id": f"weibo:{tag}", "observed_at": moment, "fetched_at": moment, "category": category}
            | {"platform": "weibo", "batch_id": "b"}
            for tag, category in (categories or {}).items()
        ]
        table = duckdb_engine.load("hashtag_metrics", [*metrics, *extra])
        observations = duckdb_engine.load("hashtag_observations", seen)
        features = hashtag_features(table, observations=observations, stage=duckdb_engine.stage)
        rows = features.to_pyarrow().to_pylist()
        return {row["hashtag_id"].split(":")[1]: row for row in rows if row["feature_timestamp"] == moment}

    return compute


def test_ties_share_a_rank_and_the_next_one_is_skipped(rows_at):
    rows = rows_at({0: {"a": 9.0, "b": 9.0, "c": 5.0, "d": None}}, at=0)
    assert {tag: row["score_rank"] for tag, row in rows.items()} == {"a": 1.0, "b": 1.0, "c": 3.0, "d": None}


def test_rank_change_counts_the_places_gained(rows_at):
    rows = rows_at({0: {"a": 9.0, "b": 8.0, "c": 7.0}, 1: {"a": 1.0, "b": 2.0, "c": 3.0}}, at=1)
    assert rows["c"]["rank_change_1h"] == 2.0
    assert rows["a"]["rank_change_1h"] == -2.0
    assert rows["a"]["best_rank_24h"] == 1.0


def test_the_tenth_score_needs_ten_known_scores(rows_at):
    ten = {f"t{i}": 100.0 - i for i in range(10)}
    assert rows_at({0: ten}, at=0)["t0"]["score_to_10th"] == pytest.approx(100 / 91)
    nine = ten | {"t9": None}
    assert rows_at({0: nine}, at=0)["t0"]["score_to_10th"] is None


def test_ties_around_the_tenth_place_still_give_the_tenth_score(rows_at):
    scores = {f"t{i}": 50.0 for i in range(8)} | {f"u{i}": 20.0 for i in range(5)} | {"last": 1.0}
    assert rows_at({0: scores}, at=0)["last"]["score_to_10th"] == pytest.approx(1 / 20)


def test_new_entrants_are_those_that_were_not_there_the_hour_before(rows_at):
    rows = rows_at({0: {"a": 1.0}, 1: {"a": 1.0, "b": 2.0, "c": 3.0}}, at=1)
    assert rows["a"]["platform_new_entrants_1h"] == 2
    assert rows["a"]["platform_list_size"] == 3
    assert rows["a"]["platform_view_share_1h"] == pytest.approx(1 / 3)


def test_another_platform_is_another_list(rows_at, metric):
    others = [metric(0, tag=f"x{i}", platform="tiktok", score=1e6) for i in range(12)]
    alone, together = rows_at({0: {"a": 1.0}}, at=0), rows_at({0: {"a": 1.0}}, at=0, extra=others)
    assert together["a"] == alone["a"]


def test_neighbours_are_one_and_three_places_away_and_unknown_scores_have_none(rows_at):
    rows = rows_at({0: {"a": 80.0, "b": 40.0, "c": 20.0, "d": 10.0, "e": 5.0, "unknown": None}}, at=0)
    assert [rows["d"][name] for name in TO_NEIGHBOURS] == [0.5, 0.125, 2.0, None]
    assert [rows["a"][name] for name in TO_NEIGHBOURS] == [None, None, 2.0, 8.0]
    assert [rows["unknown"][name] for name in TO_NEIGHBOURS] == [None] * 4


def test_equal_scores_are_neighbours_of_the_same_height(rows_at):
    rows = rows_at({0: {"a": 6.0, "b": 6.0, "c": 3.0}}, at=0)
    assert {row["score_to_above"] for row in rows.values()} == {None, 1.0, 0.5}


def test_a_category_counts_its_hashtags_on_the_list_and_among_the_best_ten(rows_at):
    scores = {f"t{i:02}": 100.0 - i for i in range(12)} | {"unscored": None}
    categories = {"t00": "news", "t09": "news", "t10": "news", "unscored": "news", "t11": "stars"}
    rows = rows_at({0: scores}, at=0, categories=categories)
    counts = {
        tag: (row["topic_category"], row["category_list_size"], row["category_top_10"]) for tag, row in rows.items()
    }
    assert counts["t10"] == counts["unscored"] == ("news", 4, 2)
    assert counts["t11"] == ("stars", 1, 0)
    assert counts["t01"] == (None, None, None)
