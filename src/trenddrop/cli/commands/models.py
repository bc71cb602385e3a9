"""Commands on models: run, train, backtest, predict, demo."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trenddrop.cli.app import Home, Json, app, workspace
from trenddrop.cli.commands.data import FetchedAt, Inputs, MoreInputs, SourceName
from trenddrop.cli.commands.videos import HORIZONS, print_metadata
from trenddrop.cli.console import OUT, print_json, print_table
from trenddrop.cli.trends import print_trends
from trenddrop.core.time import HORIZONS_HOURS, parse_moment

if TYPE_CHECKING:
    from trenddrop.flow.run import RunRequest

Label = Annotated[str | None, typer.Option("--label", help="a label definition; default: the source's")]
LabelName = Annotated[str, typer.Option("--label", help="a definition's name, its kind, or the path of a .yaml")]
Platform = Annotated[str, typer.Option("--platform", help="the platform whose hashtags are meant")]
TestFrom = Annotated[
    str | None, typer.Option("--test-from", help="first day of the test period; default: the last quarter")
]
Model = Annotated[str, typer.Option("--model", help="models/<name>.yaml, or the path of a .yaml")]


@app.command()
def run(
    source: SourceName,
    inputs: Inputs,
    more: MoreInputs = None,
    label: Label = None,
    test_from: TestFrom = None,
    fetched_at: FetchedAt = None,
    model: Model = "viral_lightgbm",
    home: Home = None,
    json: Json = False,
) -> None:
    """Do the main job: raw files in, predictions out, judged on the last part of the period."""
    from trenddrop.flow.run import likeliest
    from trenddrop.flow.run import run as run_flow

    request = _request(source, (*inputs, *(more or [])), label, test_from, fetched_at, model)
    with workspace(home, quiet=json) as ws:
        result = run_flow(ws, request)
        top = likeliest(ws, result.scores)
    if json:
        print_json(result.document)
        return
    print_run(result.document)
    print_trends(top, HORIZONS_HOURS)


def print_run(document: Mapping[str, Any]) -> None:
    """Print what a run did: counts, stages, the backtest and the gate's word."""
    counts = ("raw_records", "processed", "failed", "duplicates", "hashtags", "metric_rows", "feature_rows")
    print_table("Data", counts, [[document[name] for name in counts]])
    labels = ("label", "label_rows", "positives", "unknown_labels", "prediction_rows")
    print_table("Labels and predictions", labels, [[document[name] for name in labels]])
    stages = [[name, stage["rows"], stage["seconds"]] for name, stage in document["stages"].items()]
    print_table("Stages", ["stage", "rows", "seconds"], stages)
    if left_out := document["themes"]["left_out"]:
        OUT.print(f"Themes were left as they are: {left_out}", markup=False)
    for alert in document["feature_quality"]["critical"]:
        OUT.print(f"critical: {alert}", style="bold red", markup=False)
    print_backtest(document)


def print_backtest(document: Mapping[str, Any]) -> None:
    """Print the backtest's figures and the gate's word."""
    print_metrics(document)
    model = document["model"]
    OUT.print(f"{model['name']} version {model['version']}: {'promoted' if model['promoted'] else 'not promoted'}")
    for reason in model["reasons"]:
        OUT.print(f"  {reason}", markup=False)


def print_metrics(document: Mapping[str, Any]) -> None:
    """Print average precision beside prevalence and every baseline, with the bootstrap interval."""
    rows = []
    for horizon, one in document["metrics"].items():
        best = one["best_baseline"] or "-"
        interval = "-" if one["interval"] is None else "{:.3f} to {:.3f}".format(*one["interval"])
        figures = [one[name] for name in ("rows", "positives", "prevalence", "average_precision")]
        rival = [best, one["baselines"].get(best), one["ratio_to_best_baseline"]]
        rows.append([f"{horizon} h", *figures, interval, *rival, one["brier_skill"], one["ece"]])
    columns = ["horizon", "rows", "positives", "prevalence", "AP", "95 % interval", "best baseline", "its AP", "ratio"]
    print_table(f"Backtest from {document['test_from'][:10]}", [*columns, "Brier skill", "ECE"], rows)
    names = sorted({name for one in document["metrics"].values() for name in one["baselines"]})
    baselines = [[f"{h} h", *(one["baselines"].get(n) for n in names)] for h, one in document["metrics"].items()]
    print_table("Average precision of the baselines on the same rows", ["horizon", *names], baselines)


def print_bars(document: Mapping[str, Any]) -> None:
    """Print which bars of the recipe are cleared, and what the data do not allow."""
    said = {True: "yes", False: "no", None: "undecided"}
    names = sorted({name for one in document["metrics"].values() for name in one["bars"]})
    rows = [[f"{h} h", *(said[one["bars"].get(name)] for name in names)] for h, one in document["metrics"].items()]
    print_table("Bars cleared", ["horizon", *(name.replace("_", " ") for name in names)], rows)
    for horizon, one in document["metrics"].items():
        for limit in one["limits"]:
            OUT.print(f"  {horizon} h: {limit}", markup=False)


@app.command()
def train(
    label: LabelName,
    platform: Platform,
    test_from: TestFrom = None,
    model: Model = "viral_lightgbm",
    home: Home = None,
    json: Json = False,
) -> None:
    """Train on the features and labels there are, log the run to MLflow, and apply the promotion rule."""
    from trenddrop.flow import stages
    from trenddrop.flow.training import train_model, training_document

    with workspace(home, quiet=json) as ws:
        start = parse_moment(test_from) if test_from else None
        definition = stages.label_named(ws, label)
        document = training_document(train_model(ws, definition, platform, spec_name=model, test_from=start))
    print_json(document) if json else print_backtest(document)


@app.command()
def tune(
    label: LabelName,
    platform: Platform,
    trials: Annotated[int, typer.Option("--trials", min=1, help="recipes to try, earlier calls included")] = 30,
    timeout: Annotated[float | None, typer.Option("--timeout", min=0, help="seconds; no trial begins later")] = None,
    test_from: TestFrom = None,
    model: Model = "viral_lightgbm",
    home: Home = None,
    json: Json = False,
) -> None:
    """Search for a better recipe on the part before the test period, and write it where --model can take it."""
    from trenddrop.flow import stages
    from trenddrop.flow.tuning import effort_of, tune_model

    with workspace(home, quiet=json) as ws:
        document = tune_model(
            ws,
            stages.label_named(ws, label),
            platform,
            spec_name=model,
            test_from=parse_moment(test_from) if test_from else None,
            effort=effort_of(ws, trials=trials, timeout_s=timeout),
        )
    if json:
        print_json(document)
        return
    rows = [[one["number"], one["value"], _params_text(one["params"])] for one in document["trials"]]
    print_table(f"Trials, judged from {document['inner_from'][:10]} on", ["trial", "mean AP", "recipe"], rows)
    OUT.print(f"best: trial {document['best']['trial']}; use it with --model {document['recipe']}", markup=False)


def _params_text(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={round(v, 4) if isinstance(v, float) else v}" for name, v in params.items())


@app.command()
def backtest(
    source: SourceName,
    inputs: Inputs,
    more: MoreInputs = None,
    label: Label = None,
    test_from: TestFrom = None,
    fetched_at: FetchedAt = None,
    model: Model = "viral_lightgbm",
    home: Home = None,
    json: Json = False,
) -> None:
    """Judge a recipe on raw files: train on the past, test on each later month or week; no model is kept."""
    from trenddrop.flow.backtest import run_backtest

    request = _request(source, (*inputs, *(more or [])), label, test_from, fetched_at, model)
    with workspace(home, quiet=json) as ws:
        document = run_backtest(ws, request)
    if json:
        print_json(document)
        return
    print_metrics(document)
    print_bars(document)
    print_alerts(document)


def _request(  # noqa: PLR0913 - what both commands take
    source: str, inputs: tuple[Path, ...], label: str | None, test_from: str | None, fetched_at: str | None, model: str
) -> "RunRequest":
    from trenddrop.flow.run import RunRequest

    return RunRequest(
        source=source,
        inputs=inputs,
        label=label,
        test_from=parse_moment(test_from) if test_from else None,
        fetched_at=parse_moment(fetched_at) if fetched_at else None,
        model=model,
    )


def print_alerts(document: Mapping[str, Any]) -> None:
    """Print what alerts are worth, the slices, and what a random split would have promised."""
    names = ["events", "event_recall", "lead_time_to_onset_h", "lead_time_to_peak_h"]
    names += ["alert_precision", "false_alerts_per_1000_topic_days"]
    rows = [[f"{h} h", *(_with_interval(one, name) for name in names)] for h, one in document["metrics"].items()]
    columns = ["horizon", *(name.replace("_", " ") for name in names)]
    print_table("Alerts, with 95 % intervals", columns, rows, ruled=True)
    figures = ("rows", "positives", "prevalence", "average_precision", "ratio_to_best_baseline")
    rows = [
        [f"{h} h", name.replace("_", " "), *(part[figure] for figure in figures)]
        for h, one in document["metrics"].items()
        for name, part in one["slices"].items()
    ]
    print_table("Slices", ["horizon", "slice", "rows", "positives", "prevalence", "AP", "ratio"], rows)
    leaks = [
        [f"{h} h", *(one["planted_leak"][name] for name in ("purged", "random", "gap"))]
        for h, one in document["metrics"].items()
        if one["planted_leak"]
    ]
    print_table("Planted leak: AP on the same rows", ["horizon", "purged split", "random split", "gap"], leaks)


def _with_interval(figures: Mapping[str, Any], name: str) -> Any:
    """Return a figure, and below it the interval of those that have one."""
    interval = figures["alert_intervals"].get(name)
    return figures[name] if interval is None else "{:.3f}\n{:.3f} to {:.3f}".format(figures[name], *interval)


@app.command()
def predict(
    label: LabelName,
    platform: Platform,
    hours: Annotated[int, typer.Option("--hours", min=1, help="score hashtags seen in the last N hours")] = 1,
    model: Model = "viral_lightgbm",
    home: Home = None,
    json: Json = False,
) -> None:
    """Score the newest features of every hashtag with the serving model, and bring the online store up to date."""
    from trenddrop.flow import stages
    from trenddrop.flow.run import likeliest, materialize_newest
    from trenddrop.flow.training import predict_now

    with workspace(home, quiet=json) as ws:
        scores = predict_now(ws, stages.label_named(ws, label), platform, spec_name=model, hours=hours)
        materialize_newest(ws, platform)
        top = likeliest(ws, scores)
    if json:
        print_json({"scored": scores.height, "trends": top.to_dicts()})
    else:
        print_trends(top, HORIZONS_HOURS)


@app.command()
def demo(
    source: Annotated[str | None, typer.Option("--source", help="default: two simulated weeks")] = None,
    inputs: Annotated[list[Path] | None, typer.Option("--input")] = None,
    more: MoreInputs = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Run everything on simulated (or given) records, and write a report to look at."""
    from trenddrop.flow.demo import run_demo

    with workspace(home, quiet=json) as ws:
        shown = run_demo(ws, source=source, inputs=[*(inputs or []), *(more or [])])
    if json:
        print_json(shown.document)
        return
    if shown.is_simulated:
        OUT.print("Simulated data: shows how everything works, says nothing about skill.", style="bold yellow")
    print_run(shown.document)
    print_trends(shown.trends, HORIZONS_HOURS)
    for video, matches, generations in shown.videos:
        OUT.print(f"\nVideo {video.identity}: {video.caption or video.summary}", style="bold", markup=False)
        rows = [
            [m.rank, m.title, m.similarity, *(m.probabilities.get(f"probability_{h}") for h in HORIZONS)]
            for m in matches
        ]
        print_table("Matches", ["rank", "trend", "similarity", *HORIZONS], rows[:5])
        for generation in generations:
            print_metadata(generation)
    OUT.print(f"\nReport: {shown.report}", markup=False)
