"""Commands on data: ingest, labels, simulate, forget."""

from pathlib import Path
from typing import Annotated

import typer

from trenddrop.cli.app import Home, Json, app, workspace
from trenddrop.cli.console import OUT, print_json, print_table, progress_bars
from trenddrop.core.errors import InputError
from trenddrop.core.time import parse_moment

SourceName = Annotated[
    str, typer.Option("--source", help="tiktok_records, tiktok_export, a mapping's name or its path")
]
Inputs = Annotated[
    list[Path], typer.Option("--input", help="a file; repeat it, or let the paths follow", show_default=False)
]
MoreInputs = Annotated[list[Path] | None, typer.Argument(metavar="[PATH]...", help="more files", show_default=False)]
FetchedAt = Annotated[
    str | None, typer.Option("--fetched-at", help="when records without a fetch time were fetched, UTC")
]
Platform = Annotated[str | None, typer.Option("--platform", help="the platform whose hashtags are labelled")]
Label = Annotated[str | None, typer.Option("--label", help="a definition's name, its kind, or the path of a .yaml")]

LABEL_COLUMNS = (
    "a .csv, .jsonl or .parquet of labels with the columns hashtag_id (or hashtag, and platform or --platform), "
    "label_timestamp (UTC, on the hour), prediction_window_hours, is_viral (empty: unknown), and if known "
    "actual_peak_timestamp, peak_view_count, growth_rate_percent, confidence_score (0 to 1), labeling_method"
)

labels_app = typer.Typer(
    invoke_without_command=True, help="Label every hour by a viral definition; import labels; test a definition."
)
app.add_typer(labels_app, name="labels")


@app.command()
def ingest(
    source: SourceName,
    inputs: Inputs,
    more: MoreInputs = None,
    fetched_at: FetchedAt = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Take raw files in, exactly once: raw records, observations, hourly metrics."""
    from trenddrop.flow import stages

    with workspace(home, quiet=json) as ws:
        moment = parse_moment(fetched_at) if fetched_at else None
        taken = stages.ingest_files(ws, stages.source_named(ws, source, fetched_at=moment), [*inputs, *(more or [])])
        normal = stages.normalize_batches(ws)
    document = {
        "raw_records": taken.raw_records,
        "processed": taken.processed,
        "failed": taken.failed,
        "duplicates": taken.duplicates,
        "hashtags": normal.hashtags,
        "metric_rows": normal.metric_rows,
        "seconds": sum(stage.seconds for stage in ws.stages),
    }
    print_json(document) if json else print_table("Ingested", list(document), [list(document.values())])


@labels_app.callback()
def labels(
    context: typer.Context,
    label: Label = None,
    platform: Platform = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Label every hour of a platform by one viral definition; what is not known stays unknown."""
    if context.invoked_subcommand is not None:
        return
    from trenddrop.flow import stages

    if label is None or platform is None:
        raise InputError("labels: give --label and --platform, or a command: import, sensitivity")
    with workspace(home, quiet=json) as ws:
        summary = stages.build_all_labels(ws, stages.label_named(ws, label), platform)
    document = {"label_rows": summary.rows, "positives": summary.positives, "unknown": summary.unknown}
    print_json(document) if json else print_table(f"Labels {label}", list(document), [list(document.values())])


@labels_app.command("import")
def import_labels(
    path: Annotated[Path, typer.Argument(metavar="FILE", help=LABEL_COLUMNS)],
    label: Annotated[str, typer.Option("--label", help="the definition that the labels stand for")],
    platform: Annotated[str | None, typer.Option("--platform", help="of rows with a hashtag and no hashtag_id")] = None,
    method: Annotated[
        str, typer.Option("--method", help="manual or semi_supervised, where the file does not say it")
    ] = "manual",
    home: Home = None,
    json: Json = False,
) -> None:
    """Take labels in that people gave: they win over automatic ones and survive their rebuilds."""
    from trenddrop.flow import stages

    with workspace(home, quiet=json) as ws:
        done = stages.import_all_labels(ws, path, stages.label_named(ws, label), platform, method)
    document = {"rows": done.rows, "implied": done.implied, "written": done.written}
    print_json(document) if json else print_table(f"Imported into {label}", list(document), [list(document.values())])


@labels_app.command()
def sensitivity(
    label: Annotated[str, typer.Option("--label", help="a definition's name, its kind, or the path of a .yaml")],
    platform: Annotated[str, typer.Option("--platform", help="the platform whose hashtags are labelled")],
    parameters: Annotated[list[str] | None, typer.Option("--parameter", help="move only this one; repeat it")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="write the plot to this .png or .html")] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Move each number of a definition, one at a time, and say what becomes of the labels; nothing is stored."""
    from trenddrop.flow import stages
    from trenddrop.labels.sensitivity_plot import check_ending, write_plot

    if out is not None:
        check_ending(out)
    with workspace(home, quiet=json) as ws:
        report = stages.label_sensitivity(ws, stages.label_named(ws, label), platform, parameters or [])
    if out is not None:
        write_plot(report, out, title=f"{label} on {platform}")
    document = {"label": label, "platform": platform, "variants": report.to_dicts()}
    print_json(document) if json else print_table(f"Sensitivity of {label}", report.columns, report.rows())


@app.command()
def simulate(
    out: Annotated[Path, typer.Option("--out", help="folder for the records and the truth")],
    config: Annotated[
        str, typer.Option("--config", help="the simulation's .yaml, or a built-in's name")
    ] = "simulation",
    days: Annotated[int | None, typer.Option("--days", min=1)] = None,
    seed: Annotated[int | None, typer.Option("--seed")] = None,
    records_per_day: Annotated[int | None, typer.Option("--records-per-day", min=1_000, max=10_000_000)] = None,
    json: Json = False,
) -> None:
    """Write simulated raw TikTok records and the truth behind them; not evidence of skill."""
    from trenddrop.flow.simulation import simulate_into

    with progress_bars(quiet=json) as progress:
        changes = {"days": days, "seed": seed, "records_per_day": records_per_day}
        document = simulate_into(
            out, config, changes={key: value for key, value in changes.items() if value is not None}, progress=progress
        )
    print_json(document) if json else print_table("Simulated", list(document), [list(document.values())])


@app.command()
def forget(
    creator: Annotated[str | None, typer.Option("--creator", help="a creator_id; the creator's videos go too")] = None,
    video: Annotated[str | None, typer.Option("--video", help="a video_id")] = None,
    hashtag: Annotated[str | None, typer.Option("--hashtag", help="a hashtag_id, platform:name")] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Delete a creator, a video or a hashtag from every table, the online store and the index of trends.

    Raw records that name it and old snapshots go too; rows of others that list a hashtag stay without it. What was
    made of many stays: hourly metrics of hashtags, words and names of themes, models and what MLflow keeps of them,
    vectors of trends until 'trenddrop index --all' makes them anew, reports until they are written again. A
    raw record of another person that names a creator, as the author of a sound, stays too. The files that were taken
    in are yours to delete.
    """
    from trenddrop.flow.forget import forget as forget_entity

    chosen = [("creator", creator), ("video", video), ("hashtag", hashtag)]
    given = [(kind, entity) for kind, entity in chosen if entity]
    if len(given) != 1:
        raise InputError("forget: give exactly one of --creator, --video and --hashtag")
    kind, entity = given[0]
    with workspace(home, quiet=json) as ws:
        done = forget_entity(ws, kind, entity)  # type: ignore[arg-type]
    if json:
        print_json({"kind": kind, "id": entity, "deleted": done.deleted, "changed": done.changed})
    elif done.deleted or done.changed:
        names = sorted({*done.deleted, *done.changed})
        rows = [[name, done.deleted.get(name, 0), done.changed.get(name, 0)] for name in names]
        print_table(f"Forgot {kind} {entity}", ["table", "rows deleted", "rows changed"], rows)
    else:
        OUT.print(f"{kind} {entity}: nothing was kept of it", markup=False)
