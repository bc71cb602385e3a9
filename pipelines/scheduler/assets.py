"""The jobs as steps that write assets; each calls what its plain command calls."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from pipelines.build_features import FeaturesJob, build_features
from pipelines.build_labels import LabelsJob, build_labels
from pipelines.check_drift import DriftJob, check_drift
from pipelines.index_trends import IndexJob, index_trends
from pipelines.ingest import IngestJob
from pipelines.predict import PredictJob, predict
from pipelines.retrain import RetrainJob, retrain
from pipelines.scheduler.attempts import Attempts
from pipelines.scheduler.checks import (
    level_results,
    level_specs,
    rule_results,
    rule_specs,
    sound_result,
    sound_spec,
)
from pipelines.scheduler.config import SchedulerConfig, registered_name
from pipelines.scheduler.resource import WorkspaceResource
from pipelines.scheduler.tables import Step, asset_specs
from trenddrop.core.errors import NotFoundError
from trenddrop.core.settings import Settings
from trenddrop.flow import Workspace, stages
from trenddrop.flow.clusters import fit_clusters
from trenddrop.flow.jobs import files_of
from trenddrop.warehouse import count_rows

ONE_RUN = dg.BackfillPolicy.single_run()  # of all partitions of a backfill: a range is built at once
Events = Iterator[dg.MaterializeResult | dg.AssetCheckResult]


def flow_assets(plan: SchedulerConfig, settings: Settings, steps: dict[str, Step]) -> list[dg.AssetsDefinition]:
    """Return the assets of every job."""
    makers = (
        ingest_assets,
        theme_assets,
        feature_assets,
        label_assets,
        model_assets,
        prediction_assets,
        drift_assets,
        index_assets,
    )
    return [make(plan, settings, steps) for make in makers]


def ingest_assets(plan: SchedulerConfig, settings: Settings, steps: dict[str, Step]) -> dg.AssetsDefinition:
    """Return the tables from raw records to hourly metrics."""
    step = steps["ingest"]

    @dg.multi_asset(
        **_common(step, plan, settings),
        check_specs=[*rule_specs(step, settings), *level_specs(step)],
        backfill_policy=ONE_RUN,
    )
    def ingest(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> Events:
        window = context.partition_time_window
        days = [window.start.date() + timedelta(days=day) for day in range((window.end - window.start).days)]
        attempts = Attempts()
        with workspace.open("ingest") as ws:
            for job in plan.ingest:
                with attempts.of(job.source):
                    _take_in(ws, job.model_copy(update={"days": tuple(days)}))
            stages.normalize_batches(ws)
            is_live = _utc(window.end) > ws.clock()  # the days of a backfill are over: nothing arrives in them
            checks = stages.measure_quality(ws, now=ws.clock() if is_live else None)
        with workspace.open() as ws:
            if not attempts.errors:
                yield from _materialized(step, ws)
            yield from rule_results(step, checks)
            yield from level_results(step, ws)
            attempts.require_all()

    return ingest


def theme_assets(plan: SchedulerConfig, settings: Settings, steps: dict[str, Step]) -> dg.AssetsDefinition:
    """Return the embeddings and clusters of the hashtags."""
    step = steps["themes"]

    @dg.multi_asset(**_common(step, plan, settings))
    def themes(workspace: WorkspaceResource) -> Events:
        with workspace.open("themes") as ws:
            stages.require_checked(ws)  # a clustering is kept for good
            fit_clusters(ws)
            yield from _materialized(step, ws)

    return themes


class FeatureHours(dg.Config):
    """How many hours before the partition are brought up to date as well: late records change them."""

    trailing_hours: int = 0


def feature_assets(plan: SchedulerConfig, settings: Settings, steps: dict[str, Step]) -> dg.AssetsDefinition:
    """Return the features of every entity and their quality."""
    step = steps["features"]

    @dg.multi_asset(
        **_common(step, plan, settings), check_specs=[sound_spec(), *level_specs(step)], backfill_policy=ONE_RUN
    )
    def features(context: dg.AssetExecutionContext, config: FeatureHours, workspace: WorkspaceResource) -> Events:
        window = context.partition_time_window
        start, end = _utc(window.start) - timedelta(hours=config.trailing_hours), _utc(window.end)
        with workspace.open("features") as ws:
            attempts = Attempts()
            for one in plan.platforms:
                with attempts.of(one.platform):
                    build_features(ws, FeaturesJob(platform=one.platform, start=start, end=end))
            attempts.require_all()
        with workspace.open() as ws:
            yield from _materialized(step, ws)
            yield sound_result(ws, [one.platform for one in plan.platforms])
            yield from level_results(step, ws)

    return features


def label_assets(plan: SchedulerConfig, settings: Settings, steps: dict[str, Step]) -> dg.AssetsDefinition:
    """Return the labels: what is known of every hour by now, those of the partition's day included."""
    step = steps["labels"]

    @dg.multi_asset(**_common(step, plan, settings), backfill_policy=ONE_RUN)
    def labels(workspace: WorkspaceResource) -> Events:
        with workspace.open("labels") as ws:
            attempts, found = Attempts(), []
            for one in plan.platforms:
                with attempts.of(one.platform):
                    found.append(build_labels(ws, LabelsJob(platform=one.platform, label=one.label)))
            attempts.require_all()
            yield from _materialized(step, ws, labels=found)

    return labels


class RetrainedModels(dg.Config):
    """Which models are trained again, by their names in the registry; none named: every one."""

    models: list[str] = []


def model_assets(plan: SchedulerConfig, settings: Settings, steps: dict[str, Step]) -> dg.AssetsDefinition:
    """Return the registered models: one training of each platform, or of those named, and what the gate said."""
    step = steps["retraining"]

    @dg.multi_asset(**_common(step, plan, settings))
    def retraining(config: RetrainedModels, workspace: WorkspaceResource) -> Events:
        with workspace.open("retraining") as ws:
            attempts, found = Attempts(), []
            for one in plan.platforms:
                with attempts.of(one.platform):
                    if not config.models or registered_name(ws, one) in config.models:
                        job = RetrainJob(platform=one.platform, label=one.label, model=one.model)
                        found.append(retrain(ws, job)["model"])
            attempts.require_all()
            if config.models and not found:
                raise NotFoundError(f"retraining: no platform of scheduler.yaml has a model of {config.models}")
            yield from _materialized(step, ws, models=found)

    return retraining


def prediction_assets(plan: SchedulerConfig, settings: Settings, steps: dict[str, Step]) -> dg.AssetsDefinition:
    """Return the live predictions; they cannot be filled in later, so they have no partitions."""
    step = steps["predictions"]

    @dg.multi_asset(**_common(step, plan, settings), check_specs=level_specs(step))
    def predictions(workspace: WorkspaceResource) -> Events:
        with workspace.open("predictions") as ws:
            attempts = Attempts()
            for one in plan.platforms:
                with attempts.of(one.platform):
                    predict(ws, PredictJob(platform=one.platform, label=one.label, model=one.model))
            attempts.require_all()
        with workspace.open() as ws:
            yield from _materialized(step, ws)
            yield from level_results(step, ws)

    return predictions


def drift_assets(plan: SchedulerConfig, settings: Settings, steps: dict[str, Step]) -> dg.AssetsDefinition:
    """Return the proposals to train a serving model again; the sensor acts on them."""
    step = steps["drift"]

    @dg.multi_asset(**_common(step, plan, settings))
    def drift(workspace: WorkspaceResource) -> Events:
        with workspace.open("drift") as ws:
            attempts, found = Attempts(), []
            for one in plan.platforms:
                with attempts.of(one.platform):
                    found.append(check_drift(ws, DriftJob(platform=one.platform, label=one.label, model=one.model)))
            attempts.require_all()
            yield from _materialized(step, ws, comparisons=found)

    return drift


def index_assets(plan: SchedulerConfig, settings: Settings, steps: dict[str, Step]) -> dg.AssetsDefinition:
    """Return the embeddings of the trends, and with them the index."""
    step = steps["index"]

    @dg.multi_asset(**_common(step, plan, settings))
    def index(workspace: WorkspaceResource) -> Events:
        with workspace.open("index") as ws:
            index_trends(ws, IndexJob())
            yield from _materialized(step, ws)

    return index


def retry_policy(plan: SchedulerConfig) -> dg.RetryPolicy:
    """Return how a step that broke is tried again."""
    return dg.RetryPolicy(
        max_retries=plan.retries.maximum,
        delay=plan.retries.delay_s,
        backoff=dg.Backoff.EXPONENTIAL,
        jitter=dg.Jitter.PLUS_MINUS,
    )


def _common(step: Step, plan: SchedulerConfig, settings: Settings) -> dict[str, Any]:
    return {"name": step.name, "specs": asset_specs(step, plan, settings), "retry_policy": retry_policy(plan)}


def _take_in(workspace: Workspace, job: IngestJob) -> None:
    source = stages.source_named(workspace, job.source)
    stages.ingest_files(workspace, source, files_of(job.folder, job.files, job.days))


def _materialized(step: Step, workspace: Workspace, **metadata: Any) -> Iterator[dg.MaterializeResult]:
    """Yield each table of the step with the rows that it has now."""
    more = {name: dg.MetadataValue.json(value) for name, value in metadata.items()}
    for table in step.tables:
        yield dg.MaterializeResult(asset_key=table, metadata=_rows(workspace, table) | more)


def _rows(workspace: Workspace, table: str) -> dict[str, Any]:
    is_here = workspace.warehouse.has_table(table)
    return {"dagster/row_count": count_rows(workspace.warehouse.table(table))} if is_here else {}


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
