"""The plain jobs as functions: what their configs change."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from pipelines.build_features import FeaturesJob, build_features
from pipelines.build_labels import LabelsJob, build_labels
from pipelines.index_trends import IndexJob, index_trends
from pipelines.ingest import IngestJob, ingest
from pipelines.predict import PredictJob, predict
from pipelines.retrain import RetrainJob, retrain
from pipelines.tidy import TidyJob, tidy
from pipelines.train import TrainJob, train

from trenddrop.core.errors import QualityError
from trenddrop.flow import open_workspace, stages
from trenddrop.schemas import raw_data

NOW = datetime(2026, 6, 1, tzinfo=UTC)
RAW = raw_data("tiktok")


def test_a_live_ingest_reports_a_feed_that_stands_still_and_an_archive_is_taken_in(settings, world):
    job = IngestJob(source="tiktok_records", folder=world.files[0].parent, files=world.files[0].name)
    with open_workspace(settings) as workspace:
        assert ingest(workspace, job)["checks"]
        with pytest.raises(QualityError, match="newest_hashtag_metrics"):  # the file ended months ago
            ingest(workspace, job.model_copy(update={"is_live": True}))


def test_tidying_applies_the_retention_once_and_keeps_old_snapshots_readable(settings):
    texts = dict.fromkeys(("entity_type", "raw_json", "source_endpoint", "processing_status", "content_hash"), "x")
    ages = {"old": timedelta(days=31), "new": timedelta(days=29)}
    moments = [NOW - age for age in ages.values()]
    with open_workspace(settings, clock=lambda: NOW) as workspace:
        wh = workspace.warehouse
        wh.ensure_table(RAW)
        keys = {"id": list(ages), "created_at": moments, "batch_id": "b", "line_number": 1}
        wh.append(RAW.name, pl.DataFrame(texts | keys))
        before = wh.snapshot_id()
        assert tidy(workspace, TidyJob()) == {"deleted": {RAW.name: 1}}
        assert wh.table(RAW.name).to_polars()["id"].to_list() == ["new"]
        assert wh.table(RAW.name, snapshot=before).to_polars().height == 2
        assert tidy(workspace, TidyJob()) == {"deleted": {}}


@pytest.mark.parametrize(
    ("body", "job"),
    [
        (build_features, FeaturesJob(platform="tiktok")),
        (build_labels, LabelsJob(platform="tiktok", label="growth_multiple")),
        (train, TrainJob(platform="tiktok", label="growth_multiple")),
        (retrain, RetrainJob(platform="tiktok", label="growth_multiple")),
        (predict, PredictJob(platform="tiktok", label="growth_multiple")),
        (index_trends, IndexJob()),
    ],
)
def test_a_critical_finding_stops_every_job_that_builds_on_the_data(settings, body, job):
    with open_workspace(settings) as workspace:
        stages.measure_quality(workspace)  # there is no hashtag
        with pytest.raises(QualityError, match="some_hashtags of hashtags"):
            body(workspace, job)
