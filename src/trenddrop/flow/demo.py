"""The whole flow with something to look at: likeliest trends, matches, metadata and an HTML report."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from trenddrop.core.errors import InputError
from trenddrop.core.settings import config_folders
from trenddrop.core.time import HORIZONS_HOURS
from trenddrop.flow.run import RunRequest, RunResult, likeliest, run
from trenddrop.flow.simulation import simulate_into
from trenddrop.flow.videos import VideoBranch, read_videos
from trenddrop.flow.workspace import Workspace
from trenddrop.matching import Match, Video
from trenddrop.metadata import Generation
from trenddrop.report import Plot, ReportContent, VideoContent, draw_history, html_report
from trenddrop.sources.simulation import load_simulation

PLATFORMS = ("tiktok", "youtube", "instagram")
SIMULATED_SOURCE = "tiktok_records"
HISTORY_DAYS = 7
CAPTIONS = {
    "reliability": "On the diagonal, a probability means what it says.",
    "precision_recall": "Above the other curves is better; the flat line is the share of positives.",
    "intervals": "A dot is the average precision, its line the interval over resampled days.",
    "over_time": "The model and its best rival, week by week or day by day: a lead should hold.",
    "lead_time": "How many of the events that came were announced, and how long before.",
    "probability_intervals": "Whether the intervals of the probabilities held on later days.",
    "peaks": "Rows in groups of like prediction: the dots should lie on the line, their bars fill the band.",
    "scores": "The further apart the two, the better the scores tell them apart.",
    "feature_importance": "What the model reads most; not what makes topics go viral.",
}


@dataclass(frozen=True, slots=True)
class Demo:
    """What a demo shows."""

    document: dict[str, Any]
    trends: pl.DataFrame
    videos: Sequence[tuple[Video, list[Match], list[Generation]]]
    report: Path
    is_simulated: bool


def run_demo(workspace: Workspace, *, source: str | None, inputs: Sequence[Path]) -> Demo:
    """Run the flow on the inputs, or on two simulated weeks, and write ``report.html`` into the home."""
    is_simulated = source is None
    if is_simulated:
        folder = workspace.settings.home / "simulated"
        with workspace.stage("simulate") as stage:
            stage.rows = int(simulate_into(folder, changes={}, progress=workspace.progress)["records"])
        inputs = sorted(folder.glob("records-*.jsonl.zst"))
    if not inputs:
        raise InputError("demo: a source was given without inputs; add --input FILE")
    result = run(workspace, RunRequest(source=source or SIMULATED_SOURCE, inputs=tuple(inputs)))
    branch = VideoBranch(workspace)
    branch.build_index()
    videos = []
    with workspace.stage("metadata") as stage:
        for video in sample_videos(workspace, result.platform):
            matches = branch.match(video)
            videos.append((video, matches, branch.generate(video, PLATFORMS, matches=matches)))
        stage.rows = sum(len(generations) for _, _, generations in videos)
    trends = likeliest(workspace, result.scores)
    report = workspace.settings.home / "report.html"
    content = report_content(workspace, result, trends, videos, is_simulated=is_simulated)
    unfinished = report.with_name(f".{report.name}.unfinished")
    unfinished.write_text(html_report(content), encoding="utf-8")
    unfinished.replace(report)
    document = result.document | {
        "is_simulated": is_simulated,
        "report": str(report),
        "trends": trends.to_dicts(),
        "videos": [
            {
                "video_id": video.identity,
                "matches": [asdict(found) for found in matches],
                "metadata": [asdict(generation.metadata) for generation in generations],
            }
            for video, matches, generations in videos
        ],
    }
    return Demo(document, trends, videos, report, is_simulated)


def sample_videos(workspace: Workspace, platform: str) -> list[Video]:
    """Return ``samples/<platform>.json`` of the configs, or the three videos of the simulation."""
    for folder in config_folders(workspace.settings.configs):
        if (path := folder / "samples" / f"{platform}.json").is_file():
            return read_videos(path)
    return [Video(**sample.model_dump()) for sample in load_simulation(extra=workspace.settings.configs).samples]


def report_content(
    workspace: Workspace,
    result: RunResult,
    trends: pl.DataFrame,
    videos: Sequence[tuple[Video, list[Match], list[Generation]]],
    *,
    is_simulated: bool,
) -> ReportContent:
    """Return what the report shows of a run."""
    document = result.document
    names = (
        "raw_records",
        "failed",
        "duplicates",
        "hashtags",
        "metric_rows",
        "feature_rows",
        "label_rows",
        "positives",
    )
    trained = result.trained
    return ReportContent(
        title=f"Trends on {result.platform}",
        subtitle=f"{result.definition.name}, tested from {document['test_from'][:10]}",
        generated_at=workspace.clock(),
        is_simulated=is_simulated,
        headline={name.replace("_", " "): document[name] for name in names},
        trends=trends,
        history=history_plot(workspace, trends),
        plots=[
            Plot(name.removesuffix(".png").replace("_", " "), png, _caption(name))
            for name, png in sorted(trained.result.plots.items(), key=lambda plot: (_place(plot[0]), plot[0]))
        ],
        backtest=trained.result.figures(),
        outcomes={target: one.as_dict() for target, one in trained.result.outcomes.items()},
        videos=[
            VideoContent(
                video.identity,
                caption=video.caption,
                summary=video.summary,
                matches=[asdict(found) for found in matches[:5]],
                metadata=[asdict(generation.metadata) for generation in generations],
            )
            for video, matches, generations in videos
        ],
        checks=result.checks,
        features=result.evaluation.found,
        feature_alerts=result.evaluation.alerts,
        stages=[{"name": s.name, "seconds": s.seconds, "rows": s.rows} for s in workspace.stages],
        provenance={
            "model": f"{trained.model_name} version {document['model']['version']}",
            "promoted": "yes" if trained.decision.promoted else "no: " + "; ".join(trained.decision.reasons),
            "snapshot": trained.snapshot_id,
            "source": document["source"],
        },
    )


def history_plot(workspace: Workspace, trends: pl.DataFrame) -> Plot | None:
    """Draw the history of the likeliest trend that was seen twice at least."""
    metrics, predictions = workspace.warehouse.table("hashtag_metrics"), workspace.warehouse.table("predictions")
    for trend in trends.iter_rows(named=True):
        name = trend["hashtag_id"]
        history = metrics.filter(metrics.hashtag_id == name).to_polars().sort("timestamp", "created_timestamp")
        history = history.unique("timestamp", keep="last", maintain_order=True)
        history = history.filter(pl.col("timestamp") > trend["event_timestamp"] - pl.duration(days=HISTORY_DAYS))
        value = next((v for v in ("view_count", "score") if history[v].count() >= 2), None)
        if value is None:
            continue
        said = predictions.filter((predictions.hashtag_id == name) & predictions.is_backtest).to_polars()
        issued = said.pivot(
            "prediction_window_hours", index="issued_at", values="probability", aggregate_function="last"
        )
        issued = issued.rename({c: f"probability_{c}h" for c in issued.columns if c != "issued_at"}).sort("issued_at")
        png = draw_history(
            history,
            title=trend["title"],
            now=trend["event_timestamp"],
            probabilities={h: trend[f"probability_{h}h"] for h in HORIZONS_HOURS},
            issued=issued if issued.height else None,
            value=value,
        )
        return Plot(
            f"History of {trend['title']}", png, "Left what was seen, right how likely it goes viral from here."
        )
    return None


def _place(name: str) -> int:
    """Return where a plot stands: those with a caption first."""
    return next((place for place, key in enumerate(CAPTIONS) if name.startswith(key)), len(CAPTIONS))


def _caption(name: str) -> str:
    return next((caption for key, caption in CAPTIONS.items() if name.startswith(key)), "")
