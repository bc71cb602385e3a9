"""Every table of the warehouse as an asset: what it comes from, how it is partitioned, and when it is stale."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import dagster as dg

from pipelines.scheduler.config import SchedulerConfig
from trenddrop.core.settings import Settings
from trenddrop.quality import load_sla
from trenddrop.schemas import TABLES, raw_data
from trenddrop.schemas.table import TableSchema
from trenddrop.sources import load_source

MODELS = "ml_models"
OBSERVATIONS = ("hashtag_observations", "video_observations", "creator_observations", "sound_observations")
METRICS = ("hashtag_metrics",)
ENTITIES = ("hashtags", "videos", "creators", "sounds", "trend_topics")
THEMES = ("hashtag_embeddings", "hashtag_clusters", "hashtag_cluster_assignments")
FEATURES = ("hashtag_features", "creator_features", "video_features", "sound_features", "feature_definitions")
FEATURE_STATE = ("feature_quality", "feature_chunks")
LABELS = ("viral_labels", "label_constants")
# Written by the endpoint, by single commands, or by whatever runs: shown, and never scheduled.
ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "video_embeddings": (),
    "trend_matches": ("trend_embeddings", "video_embeddings", "predictions"),
    "platform_metadata": ("trend_matches",),
    "generations": ("trend_matches",),
    "post_schedules": ("platform_metadata",),
    "feedback_signals": ("platform_metadata",),
    "served_features": ("hashtag_features",),
    "processing_latency": (),
    "schema_versions": (),
}


@dataclass(frozen=True, slots=True)
class Step:
    """The tables that one job writes together, from which others, at which level of service."""

    name: str
    tables: tuple[str, ...]
    reads: tuple[str, ...]
    levels: Mapping[str, str] = field(default_factory=dict)  # table to its service level
    partitions: Any = None


def steps(config: SchedulerConfig, settings: Settings) -> dict[str, Step]:
    """Return the jobs by name, in the order of the flow."""
    raw = raw_tables(config, settings)
    days = dg.DailyPartitionsDefinition(start_date=config.first_day.isoformat(), end_offset=1)
    hours = dg.HourlyPartitionsDefinition(start_date=f"{config.first_day.isoformat()}-00:00", end_offset=1)
    taken = (*raw, "ingestion_batches", *OBSERVATIONS, *METRICS, *ENTITIES, "data_quality_checks")
    staged, metrics = dict.fromkeys((*raw, *OBSERVATIONS), "staging"), dict.fromkeys(METRICS, "normalized")
    found = (
        Step("ingest", taken, (), staged | metrics, days),
        Step("themes", THEMES, ("hashtags", "videos")),
        Step(
            "features",
            (*FEATURES, *FEATURE_STATE),
            # They read old predictions too, which are not named: these come from features, and a cycle does not load.
            ("hashtag_metrics", *OBSERVATIONS, "hashtag_clusters", "hashtag_cluster_assignments", "viral_labels"),
            dict.fromkeys(FEATURES[:-1], "features"),
            hours,
        ),
        Step("labels", LABELS, ("hashtag_metrics", "video_observations"), partitions=days),
        Step("retraining", (MODELS,), ("hashtag_features", "viral_labels", "feature_quality")),
        Step("predictions", ("predictions",), ("hashtag_features", MODELS), {"predictions": "predictions"}),
        Step("drift", ("retraining_proposals",), ("hashtag_features", "predictions", "viral_labels", MODELS)),
        Step("index", ("trend_embeddings",), ("trend_topics",)),
    )
    return {step.name: step for step in found}


def raw_tables(config: SchedulerConfig, settings: Settings) -> tuple[str, ...]:
    """Return the raw table of each source that is taken in."""
    systems = {load_source(job.source, extra=settings.configs).system for job in config.ingest}
    return tuple(raw_data(system).name for system in sorted(systems))


def asset_specs(step: Step, config: SchedulerConfig, settings: Settings) -> list[dg.AssetSpec]:
    """Return the assets of one job; a table is stale a service level after its tick was due, or a tick without one."""
    levels = load_sla(extra=settings.configs).stages
    rhythm = config.rhythms.get(step.name)
    specs = []
    for table in step.tables:
        policy = None
        if rhythm is not None:
            level = levels.get(step.levels.get(table, ""))
            grace = timedelta(seconds=level.limit_s) if level else rhythm.every
            policy = dg.FreshnessPolicy.time_window(fail_window=rhythm.every + grace)
        specs.append(
            table_spec(table, step.reads, group=step.name, partitions_def=step.partitions, freshness_policy=policy)
        )
    return specs


def table_spec(table: str, reads: Sequence[str], *, group: str, **more: Any) -> dg.AssetSpec:
    """Return the asset of one table, described by its schema."""
    columns = schema_of(table)
    shown = {} if columns is None else {"dagster/column_schema": column_schema(columns)}
    return dg.AssetSpec(
        table, deps=reads, group_name=group, description=table_description(table), metadata=shown, **more
    )


def schema_of(table: str) -> TableSchema | None:
    """Return the schema of a table of the warehouse."""
    if table.startswith("raw_"):
        return raw_data(table.removeprefix("raw_").removesuffix("_data"))
    return TABLES.get(table)


def table_description(table: str) -> str:
    """Return the sentence that the table's module begins with."""
    module = "raw_data" if table.startswith("raw_") else table
    text = (
        sys.modules[f"trenddrop.schemas.{module}"].__doc__
        if schema_of(table)
        else "Registered model versions, in MLflow."
    )
    return " ".join((text or "").split())


def column_schema(schema: TableSchema) -> dg.TableSchema:
    """Return the columns of a table in Dagster's words."""
    columns = [
        dg.TableColumn(
            name, dtype.lstrip("!"), constraints=dg.TableColumnConstraints(nullable=not dtype.startswith("!"))
        )
        for name, dtype in schema.columns.items()
    ]
    return dg.TableSchema(columns=columns)


def external_specs() -> list[dg.AssetSpec]:
    """Return the tables that no schedule writes."""
    return [table_spec(table, reads, group="elsewhere") for table, reads in ELSEWHERE.items()]
