"""Is this installation well? One line per question, each with the way out where the answer is no."""

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass

from trenddrop.core.errors import TrendDropError
from trenddrop.core.settings import Settings
from trenddrop.embeddings.minilm import PACKAGE, packaged_folder, verify_weights
from trenddrop.feature_store import online_place
from trenddrop.flow.latency import JUDGED, recent_service_levels
from trenddrop.flow.workspace import Workspace
from trenddrop.quality import Compliance, load_sla
from trenddrop.quality.latency import ServiceLevel

PACKAGES = ("duckdb", "ibis-framework", "sqlglot", "polars", "lightgbm", "mlflow", "feast", "torch", "faiss-cpu")
LOW_DISK_GB = 5.0
NEXT_STEP = "see processing_latency for the slow runs, or change the level in sla.yaml"
NEXT_STEPS = {
    "staging": "ingest smaller files more often, or give the engine more threads and memory_limit in settings.yaml",
    "normalized": "ingest smaller files more often, or give the engine more threads and memory_limit in settings.yaml",
    "features": "build fewer trailing hours at a time (trailing_hours of the job), or move to engine: clickhouse",
    "predictions": "score fewer hours at a time (--hours)",
    "end_to_end": "see which stage above is slow; if none is, let the jobs follow each other closer (configs/jobs)",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer; ``is_well`` is None where there is nothing to judge yet."""

    question: str
    is_well: bool | None
    answer: str


def examine(workspace: Workspace) -> list[Finding]:
    """Return what was found of Python, packages, home, warehouse, online store, weights, batches and service levels."""
    questions: tuple[tuple[str, Callable[[Workspace], tuple[bool | None, str]]], ...] = (
        ("python", _python),
        ("packages", _packages),
        ("home", _home),
        ("warehouse", _warehouse),
        ("online store", _online_store),
        ("embedding weights", _weights),
        ("batches", _batches),
    )
    findings = []
    for question, ask in questions:
        try:
            is_well, answer = ask(workspace)
        except TrendDropError as error:
            is_well, answer = False, str(error)
        findings.append(Finding(question, is_well, answer))
    try:
        return findings + service_level_findings(workspace)
    except TrendDropError as error:
        return [*findings, Finding("service levels", False, str(error))]


def _python(_: Workspace) -> tuple[bool | None, str]:
    version = ".".join(map(str, sys.version_info[:3]))
    return (3, 11) <= sys.version_info[:2] <= (3, 13), f"{version} (3.11 to 3.13 are supported)"


def _packages(_: Workspace) -> tuple[bool | None, str]:
    return True, ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)


def _home(workspace: Workspace) -> tuple[bool | None, str]:
    home = workspace.settings.home.resolve()
    free_gb = shutil.disk_usage(home).free / 1e9
    is_writable = os.access(home, os.W_OK)
    return (
        is_writable and free_gb > LOW_DISK_GB,
        f"{home}, {free_gb:.0f} GB free{'' if is_writable else ', not writable'}",
    )


def _warehouse(workspace: Workspace) -> tuple[bool | None, str]:
    wh = workspace.warehouse
    versions = wh.table("schema_versions").to_polars()
    return True, f"{wh.engine}, schema version {versions['version_id'].max()}, snapshot {wh.snapshot_id()}"


def _online_store(workspace: Workspace) -> tuple[bool | None, str]:
    return True, f"{online_place(workspace.settings)} answers"


def _weights(_: Workspace) -> tuple[bool | None, str]:
    verify_weights(packaged_folder() / "model.safetensors")
    return True, f"{PACKAGE} {importlib.metadata.version(PACKAGE)}, checksum matches"


def _batches(workspace: Workspace) -> tuple[bool | None, str]:
    counts = workspace.warehouse.table("ingestion_batches").group_by("status").agg(n=lambda t: t.count()).to_polars()
    if counts.is_empty():
        return None, "nothing ingested yet"
    text = ", ".join(f"{n} {status}" for status, n in sorted(counts.iter_rows()))
    waiting = "processing" in counts["status"].to_list()
    return not waiting, text + ("; run 'trenddrop ingest' again to finish them" if waiting else "")


def service_level_findings(workspace: Workspace) -> list[Finding]:
    """Return one finding per stage that has a service level: how it was kept in the last days, else what to do."""
    kept = {level.process_name: level for level in recent_service_levels(workspace)}
    return [
        _level_finding(name, kept.get(name), level)
        for name, level in load_sla(extra=workspace.settings.configs).stages.items()
    ]


def _level_finding(name: str, kept: Compliance | None, level: ServiceLevel) -> Finding:
    question = f"service level {name}"
    target = f"{level.share:.0%} within {level.limit_s:g} s"
    if kept is None:
        return Finding(question, None, f"not run in the last {JUDGED.days} days (target {target})")
    found = f"{kept.share_met:.0%} of {kept.runs} within {level.limit_s:g} s, slowest {kept.slowest_s:.1f} s"
    advice = "" if kept.is_met else f"; {NEXT_STEPS.get(name, NEXT_STEP)}"
    return Finding(question, kept.is_met, f"{found} (target {level.share:.0%}){advice}")


def is_well(findings: list[Finding]) -> bool:
    """Return whether nothing was found wrong."""
    return all(finding.is_well is not False for finding in findings)


def settings_summary(settings: Settings) -> dict[str, str]:
    """Return what the installation is set to."""
    return {"home": str(settings.home.resolve()), "engine": settings.engine, "mlflow": settings.tracking_uri()}
