"""The jobs under Dagster: what it loads, what a tick asks for, and what materialising writes."""

from datetime import UTC, datetime

import dagster as dg
import polars as pl
import pytest
from pipelines.scheduler.build import definitions
from pipelines.scheduler.config import SchedulerConfig, load_scheduler
from pipelines.scheduler.tables import MODELS

from trenddrop.core.errors import ConfigError
from trenddrop.core.settings import Settings, load_settings, parse_config
from trenddrop.flow import open_workspace
from trenddrop.schemas import TABLES

RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def config(world, **changes) -> SchedulerConfig:
    folder = str(world.files[0].parent)
    values = load_scheduler().model_dump() | {
        "ingest": [{"source": "tiktok_records", "folder": folder, "files": "records-{day}.jsonl.zst"}],
        "platforms": [{"platform": "tiktok", "label": "growth_multiple", "model": str(world.recipe)}],
        "retries": {"maximum": 0},
    }
    return parse_config(SchedulerConfig, values | changes, origin="test")


@pytest.fixture(scope="module")
def loaded() -> dg.Definitions:
    return definitions(Settings(), load_scheduler())


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def execute(defs: dg.Definitions, name: str, instance: dg.DagsterInstance, **more) -> dg.ExecuteInProcessResult:
    job = defs.resolve_job_def(f"{name}_job")
    return job.execute_in_process(instance=instance, raise_on_error=False, **more)


def of_range(start: str, end: str) -> dict[str, str]:
    return dict(zip(RANGE, (start, end), strict=True))


def materialized(done: dg.ExecuteInProcessResult) -> set[str]:
    return {event.asset_key.to_user_string() for event in done.get_asset_materialization_events()}


def table(settings: Settings, name: str) -> pl.DataFrame:
    with open_workspace(settings) as workspace:
        return workspace.warehouse.table(name).to_polars()


def test_it_loads_and_every_table_of_the_warehouse_is_an_asset_with_its_columns(loaded):
    dg.Definitions.validate_loadable(loaded)
    graph = loaded.resolve_asset_graph()
    keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert keys == {*TABLES, "raw_tiktok_data", MODELS}
    features = graph.get(dg.AssetKey("hashtag_features"))
    parents = {key.to_user_string() for key in features.parent_keys}
    assert parents >= {"hashtag_metrics", "hashtag_clusters", "hashtag_cluster_assignments", "viral_labels"}
    assert "predictions" not in parents  # they come from features, and a cycle does not load
    assert features.metadata["dagster/column_schema"].columns[0].name == "hashtag_id"
    assert "hashtag" in features.description


@pytest.mark.parametrize(
    ("name", "partitions"),
    [
        ("hashtag_features", dg.HourlyPartitionsDefinition),
        ("viral_labels", dg.DailyPartitionsDefinition),
        ("hashtag_metrics", dg.DailyPartitionsDefinition),
        ("predictions", type(None)),
    ],
)
def test_tables_are_partitioned_by_what_can_be_built_again(loaded, name, partitions):
    assert isinstance(loaded.resolve_asset_graph().get(dg.AssetKey(name)).partitions_def, partitions)


def test_a_rhythm_of_no_job_is_named_with_the_jobs_that_there_are(tmp_path):
    settings = load_settings(home=tmp_path)
    plan = load_scheduler()
    wrong = plan.model_copy(update={"rhythms": plan.rhythms | {"featurs": plan.rhythms["features"]}})
    with pytest.raises(ConfigError, match=r"rhythms of \['featurs'\], which are no jobs; known: drift, features"):
        definitions(settings, wrong)


def test_freshness_is_the_rhythm_and_the_service_level_or_twice_the_rhythm_without_one(loaded):
    windows = {
        spec.key.to_user_string(): spec.freshness_policy.fail_window.to_timedelta().total_seconds()
        for spec in loaded.resolve_all_asset_specs()
        if spec.freshness_policy
    }
    assert windows["hashtag_metrics"] == 600 + 300
    assert windows["hashtag_features"] == 3600 + 600
    assert windows["predictions"] == 3600 + 300
    assert windows["viral_labels"] == 2 * 6 * 3600
    assert windows["hashtag_clusters"] == windows[MODELS] == 2 * 7 * 86_400
    assert windows["retraining_proposals"] == 2 * 86_400
    assert windows["trend_embeddings"] == 2 * 3600
    assert "trend_matches" not in windows  # no schedule writes it


def test_each_step_is_tried_again(loaded):
    steps = [loaded.resolve_job_def(f"{name}_job").nodes[0] for name in ("ingest", "features", "predictions")]
    assert [step.definition.retry_policy.max_retries for step in steps] == [3, 3, 3]


@pytest.mark.parametrize(
    ("name", "partition", "tags"),
    [
        ("ingest", None, ("2026-03-04", "2026-03-05")),
        ("features", "2026-03-05-10:00", None),
        ("labels", "2026-03-05", None),
        ("predictions", None, None),
        ("retraining", None, None),
        ("drift", None, None),
        ("tidy", None, None),
    ],
)
def test_a_tick_asks_for_the_partition_of_its_moment(loaded, name, partition, tags):
    schedule = loaded.resolve_schedule_def(f"{name}_schedule")
    at = datetime(2026, 3, 5, 10, 3, tzinfo=UTC)
    repository = loaded.get_repository_def()
    with dg.build_schedule_context(scheduled_execution_time=at, repository_def=repository) as context:
        (request,) = schedule.evaluate_tick(context).run_requests
    assert request.partition_key == partition
    if tags:
        assert tuple(request.tags[name] for name in RANGE) == tags
    if name == "features":
        assert request.run_config == {"ops": {"features": {"config": {"trailing_hours": 48}}}}


def test_a_backfill_of_days_and_of_hours_writes_just_these_and_tells_what_quality_found(settings, world, instance):
    here = definitions(settings, config(world))
    first = execute(here, "ingest", instance, partition_key="2026-01-05")
    assert first.success
    assert table(settings, "ingestion_batches").height == 1
    more = execute(here, "ingest", instance, tags=of_range("2026-01-05", "2026-01-07"))
    assert more.success
    assert table(settings, "ingestion_batches").height == 3  # the first day's was taken in before
    assert {"hashtag_metrics", "raw_tiktok_data", "data_quality_checks"} <= materialized(more)
    found = {check.check_name: check for check in more.get_asset_check_evaluations()}
    assert found["hashtag_resets"].passed
    assert found["hashtag_resets"].blocking

    assert execute(here, "features", instance, tags=of_range("2026-01-07-00:00", "2026-01-07-05:00")).success
    hours = table(settings, "hashtag_features")["feature_timestamp"].unique().sort()
    assert hours.to_list() == [datetime(2026, 1, 7, hour, tzinfo=UTC) for hour in range(6)]
    assert instance.get_materialized_partitions(dg.AssetKey("sound_features")) == {
        f"2026-01-07-0{hour}:00" for hour in range(6)
    }
    latency = table(settings, "processing_latency")
    assert set(latency["process_name"]) >= {"staging", "normalized", "features"}


def test_a_feed_that_stands_still_is_stale_today_and_not_in_a_backfill(settings, world, instance):
    source = {"source": "tiktok_records", "folder": str(world.files[0].parent), "files": world.files[0].name}
    here = definitions(settings, config(world, ingest=[source]))
    for day, is_fresh in (("2026-01-05", True), (f"{datetime.now(UTC):%Y-%m-%d}", False)):
        done = execute(here, "ingest", instance, partition_key=day)
        found = {check.check_name: check for check in done.get_asset_check_evaluations()}
        assert found["newest_hashtag_metrics"].passed is is_fresh


def failure(done: dg.ExecuteInProcessResult) -> str:
    (event,) = [event for event in done.all_events if event.is_step_failure]
    return str(event.event_specific_data.error)


def test_a_source_without_files_is_told_after_the_others_are_taken_in_and_normalized(settings, world, instance):
    (source,) = [one.model_dump() for one in config(world).ingest]
    absent = [{"source": "weibo_hot_search", "folder": str(settings.home / name)} for name in ("one", "two")]
    here = definitions(settings, config(world, ingest=[absent[0], source, absent[1]]))
    done = execute(here, "ingest", instance, partition_key="2026-01-05")
    assert not done.success
    for one in absent:
        assert f"weibo_hot_search: {one['folder']}: no such folder" in failure(done)
    assert not table(settings, "hashtag_metrics").is_empty()
    assert "hashtag_resets" in {check.check_name for check in done.get_asset_check_evaluations()}
    assert materialized(done) == set()  # the partition lacks a source


def test_a_platform_without_a_model_is_told_after_the_others_are_predicted(ran, world, instance, tmp_path):
    settings = ran.copy(tmp_path / "home")
    with open_workspace(settings) as workspace:
        said = workspace.warehouse.table("predictions")
        workspace.warehouse.delete("predictions", said.filter(~said.is_backtest).select("prediction_id").to_polars())
    (known,) = [one.model_dump() for one in config(world).platforms]
    here = definitions(settings, config(world, platforms=[known | {"platform": "weibo"}, known]))
    for name in ("predictions", "drift"):
        told = failure(execute(here, name, instance))
        assert "weibo: " in told
        assert "tiktok" not in told
    assert not table(settings, "predictions").filter(~pl.col("is_backtest")).is_empty()
    assert set(table(settings, "retraining_proposals")["platform"]) <= {"tiktok"}


def test_rows_past_their_retention_go_every_night(settings, world, instance):
    here = definitions(settings, config(world))
    with open_workspace(settings) as workspace:
        old = dict.fromkeys(("first_seen_at", "last_updated_at"), datetime(2020, 1, 1, tzinfo=UTC))
        tag = {"hashtag_id": "t:a", "name": "a", "status": "active", "platform": "tiktok", "trend_type": "hashtag"}
        workspace.warehouse.append("hashtags", pl.DataFrame([tag | old]))
    assert execute(here, "tidy", instance).success
    assert table(settings, "hashtags").is_empty()
    assert table(settings, "processing_latency")["process_name"].to_list() == ["tidy"]


def test_a_critical_check_fails_and_stops_the_jobs_downstream(settings, world, instance, tmp_path):
    rules = "rules:\n- {name: never, check: missing_fields, table: hashtags, columns: [title], "
    configs = tmp_path / "configs"
    configs.mkdir()
    (configs / "quality.yaml").write_text(f"{rules}description: x, severity: {{critical: 0.0}}}}\n")
    here = definitions(settings.model_copy(update={"configs": configs}), config(world))
    (settings.home / "settings.yaml").write_text(f"configs: {configs}\n")
    done = execute(here, "ingest", instance, partition_key="2026-01-05")
    (check,) = [one for one in done.get_asset_check_evaluations() if one.check_name == "never"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    hour = {"partition_key": "2026-01-05-05:00"}
    for name, more in {"features": hour, "themes": {}, "predictions": {}, "index": {}}.items():
        assert "never of hashtags" in failure(execute(here, name, instance, **more))
    for name in ("hashtag_features", "hashtag_embeddings", "hashtag_clusters", "trend_embeddings"):
        assert table(settings, name).is_empty()


def test_labels_models_and_predictions_follow(ran, world, instance, tmp_path):
    settings = ran.copy(tmp_path / "home")
    here = definitions(settings, config(world))
    for name, more in (("labels", {"partition_key": "2026-01-09"}), ("retraining", {}), ("predictions", {})):
        done = execute(here, name, instance, **more)
        assert done.success, [str(event.event_specific_data) for event in done.all_events if event.is_failure]
        assert materialized(done) >= {"labels": {"viral_labels"}, "retraining": {MODELS}}.get(name, {"predictions"})
    assert not table(settings, "predictions").filter(~pl.col("is_backtest")).is_empty()


def test_a_retraining_of_one_model_leaves_the_other_platforms_alone(ran, world, instance, tmp_path):
    settings = ran.copy(tmp_path / "home")
    name = ran.result.trained.model_name
    (known,) = [one.model_dump() for one in config(world).platforms]
    here = definitions(settings, config(world, platforms=[known | {"platform": "weibo"}, known]))

    def retrain(*models: str) -> dg.ExecuteInProcessResult:
        wanted = {"ops": {"retraining": {"config": {"models": list(models)}}}}
        return execute(here, "retraining", instance, run_config=wanted)

    done = retrain(name)
    assert done.success  # nothing of the other platform can be trained
    (made,) = done.get_asset_materialization_events()
    assert [one["name"] for one in made.materialization.metadata["models"].value] == [name]
    assert "no platform of scheduler.yaml has a model of ['absent']" in failure(retrain("absent"))
    assert "weibo: " in failure(retrain())
