"""Where a hashtag stands on its platform's list."""

import pytest

from trenddrop.features import hashtag_features


@pytest.fixture
def rows_at(duckdb_engine, metric):
    """Return the features at hour ``at`` by hashtag, from {hour: {tag: score}}."""

    def compute(scores, at, extra=()):
        metrics = [
            metric(hour, tag=tag, platform="weibo", score=score, view_count=10.0)
            for hour, tags in scores.items()
            for tag, score in tags.items()
        ]
        table = duckdb_engine.load("hashtag_metrics", [*metrics, *extra])
        rows = hashtag_features(table, stage=duckdb_engine.stage).to_pyarrow().to_pylist()
        moment = metric(at)["timestamp"]
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
