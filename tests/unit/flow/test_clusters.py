"""The stages of the features: clusters first, then the features of hashtags and of all other entities."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from trenddrop.flow import stages
from trenddrop.flow.clusters import fit_clusters, fit_clusters_of_run
from trenddrop.flow.workspace import Workspace
from trenddrop.schemas import TABLES

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
TOPICS = ("cake", "goal", "song")


class Topics:
    """Embeds a text as the topic that it names."""

    name = "topics"
    dimensions = 3

    def encode(self, texts):
        return np.array([[0.1 + (topic in text) for topic in TOPICS] for text in texts], dtype=np.float32)


@pytest.fixture
def workspace(wh, settings, metric):
    rows = [metric(at, tag=f"{topic} {i}", view_count=1.0) for topic in TOPICS for i in range(6) for at in (12, 96)]
    wh.append("hashtag_metrics", pa.Table.from_pylist(rows, schema=TABLES["hashtag_metrics"].ibis().to_pyarrow()))
    return Workspace(settings, wh, clock=lambda: MONDAY + 100 * HOUR)


def features(workspace):
    rows = workspace.warehouse.table("hashtag_features").to_pyarrow().to_pylist()
    return {(row["hashtag_id"], row["feature_timestamp"]): row for row in rows}


def test_features_have_no_theme_until_clusters_are_fitted_and_then_from_that_hour_on(workspace):
    stages.build_all_features(workspace, "tiktok")
    assert {row["cluster_id"] for row in features(workspace).values()} == {None}
    summary = fit_clusters(workspace, embedder=Topics())
    assert (summary.clusterings, summary.assignments) == (1, 18)
    stages.build_all_features(workspace, "tiktok")
    for (tag, moment), row in features(workspace).items():
        assert (row["theme_label"] is not None) == (moment >= MONDAY), (tag, moment)
        if row["theme_label"] is not None:
            assert row["theme_label"] in tag
    assert fit_clusters(workspace, embedder=Topics()).clusterings == 0


def test_a_run_fits_themes_where_that_costs_little(workspace, tmp_path):
    def of_run(**rules):
        text = "".join(f"{name}: {value}\n" for name, value in ({"every_d": 7, "least_hashtags": 2} | rules).items())
        (tmp_path / "themes.yaml").write_text(text)
        settings = workspace.settings.model_copy(update={"configs": tmp_path})
        again = Workspace(settings, workspace.warehouse, clock=workspace.clock)
        return fit_clusters_of_run(again, embedder=Topics()).document()

    assert of_run(least_hashtags=19, most_new_hashtags=100)["left_out"] == "18 hashtags, fewer than 19"
    assert "18 new hashtags, more than 17; 'trenddrop features cluster'" in of_run(most_new_hashtags=17)["left_out"]
    assert workspace.warehouse.table("hashtag_clusters").count().to_pyarrow().as_py() == 0
    fitted = {"clusterings": 1, "assignments": 18, "fitted_at": MONDAY, "left_out": None}
    assert of_run(most_new_hashtags=18) == fitted
    assert of_run(most_new_hashtags=0) == fitted | {"clusterings": 0, "assignments": 0}


def test_errors_of_live_predictions_become_features_when_their_outcome_is_known(workspace):
    wh, issued = workspace.warehouse, MONDAY - 60 * HOUR
    stamp = {
        name: pl.Datetime("us", "UTC") for name in ("issued_at", "feature_timestamp", "matures_at", "created_timestamp")
    }
    prediction = {
        "prediction_id": "p",
        "hashtag_id": "tiktok:cake 1",
        "issued_at": issued,
        "prediction_window_hours": 24,
        "viral_definition_name": "growth",
        "probability": 0.25,
        "reasons": "[]",
        "model_name": "m",
        "model_version": "1",
        "feature_service": "s",
        "feature_timestamp": issued,
        "snapshot_id": "1",
        "matures_at": issued + 24 * HOUR,
        "is_backtest": False,
        "platform": "tiktok",
        "created_timestamp": issued,
    }
    label = {
        "hashtag_id": "tiktok:cake 1",
        "label_timestamp": issued,
        "prediction_window_hours": 24,
        "is_viral": True,
        "viral_definition_name": "growth",
        "labeling_method": "automatic",
        "platform": "tiktok",
        "matured_at": issued + 24 * HOUR,
    }
    wh.append("predictions", pl.DataFrame([prediction], schema_overrides=stamp))
    wh.append(
        "viral_labels",
        pl.DataFrame([label]).with_columns(pl.col("label_timestamp", "matured_at").dt.cast_time_unit("us")),
    )
    stages.build_all_features(workspace, "tiktok")
    errors = {key: row["last_prediction_error"] for key, row in features(workspace).items()}
    known = {key: error for key, error in errors.items() if error is not None}
    assert known == {("tiktok:cake 1", MONDAY + 24 * HOUR): 0.75}


def test_the_features_of_creators_are_built_with_those_of_hashtags(workspace):
    wh = workspace.warehouse
    seen = {"observed_at": MONDAY, "fetched_at": MONDAY, "platform": "tiktok", "batch_id": "b"}
    wh.append("creator_observations", pl.DataFrame([seen | {"creator_id": "c", "follower_count": 7}]))
    stages.build_all_features(workspace, "tiktok", stages.Range(start=MONDAY))
    rows = wh.table("creator_features").to_pyarrow().to_pylist()
    assert [(row["creator_id"], row["feature_timestamp"], row["creator_followers"]) for row in rows] == [
        ("c", MONDAY, 7.0)
    ]
    stages.build_all_features(workspace, "tiktok", stages.Range(start=MONDAY))
    assert wh.table("creator_features").count().to_pyarrow().as_py() == 1
