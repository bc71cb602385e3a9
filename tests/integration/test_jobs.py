"""The plain jobs as functions: what their configs change."""

import pytest
from pipelines.ingest import IngestJob, ingest

from trenddrop.core.errors import QualityError
from trenddrop.flow import open_workspace


def test_a_live_ingest_reports_a_feed_that_stands_still_and_an_archive_is_taken_in(settings, world):
    job = IngestJob(source="tiktok_records", folder=world.files[0].parent, files=world.files[0].name)
    with open_workspace(settings) as workspace:
        assert ingest(workspace, job)["checks"]
        with pytest.raises(QualityError, match="newest_hashtag_metrics"):  # the file ended months ago
            ingest(workspace, job.model_copy(update={"is_live": True}))
