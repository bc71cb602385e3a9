"""Commands on registered models: list, history, rollback, drift, proposals."""

import shlex
from dataclasses import asdict
from typing import Annotated

import orjson
import typer

from trenddrop.cli.app import Home, Json, app, workspace
from trenddrop.cli.commands.models import LabelName, Model, Platform
from trenddrop.cli.console import OUT, print_json, print_table

models_app = typer.Typer(no_args_is_help=True, help="List the registered models; see and take back their champions.")
app.add_typer(models_app, name="models")

Name = Annotated[str | None, typer.Argument(help="the model's name; may be left out where there is one")]
SHOWN = 10  # features, the furthest moved first
JSON_COLUMNS = ("config", "performance_metrics", "training_data_info")


@models_app.command("list")
def list_models(
    name: Annotated[str | None, typer.Argument(help="one model's name; default: all")] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """List every registered version: the table ml_models."""
    from trenddrop.flow.models import model_table

    with workspace(home, quiet=json) as ws:
        table = model_table(ws, name)
    rows = [row | {column: orjson.loads(row[column]) for column in JSON_COLUMNS} for row in table.to_dicts()]
    if json:
        print_json({"models": rows})
        return
    info = [row["training_data_info"] for row in rows]
    shown = [
        [r["name"], r["version"], ", ".join(r["aliases"]), f"{r['created_at']:%Y-%m-%d %H:%M}", i.get("data_cutoff")]
        for r, i in zip(rows, info, strict=True)
    ]
    print_table("Models", ["model", "version", "aliases", "registered", "learned until"], shown)


@models_app.command()
def history(name: Name = None, home: Home = None, json: Json = False) -> None:
    """Say which versions were champion, since when, by whom and why."""
    from trenddrop.flow.models import history_of

    with workspace(home, quiet=json) as ws:
        model, events = history_of(ws, name)
    if json:
        print_json({"model": model, "events": [asdict(event) for event in events]})
        return
    rows = [[e.at[:16], e.kind, e.version, e.before, e.by, e.why] for e in events]
    print_table(f"Champions of {model}", ["at", "how", "version", "in place of", "by", "why"], rows)


@models_app.command()
def rollback(
    name: Name = None,
    to: Annotated[str | None, typer.Option("--to", help="a version; default: the champion before this one")] = None,
    why: Annotated[str, typer.Option("--why", help="kept with the version")] = "",
    by: Annotated[str | None, typer.Option("--by", help="who asks for it; default: the user of this process")] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Make the champion before this one the champion again; asking twice takes one step back."""
    from trenddrop.flow.models import roll_back_model, rollback_document

    with workspace(home, quiet=json) as ws:
        done = roll_back_model(ws, name, to=to, by=by, why=why)
    if json:
        print_json(rollback_document(done))
    elif done.is_changed:
        OUT.print(f"{done.name}: version {done.champion} is the champion again, in place of {done.before}")
    else:
        OUT.print(
            f"{done.name}: version {done.champion} is the champion since the rollback of {done.event.at[:16]}; nothing "
            "was changed; --to VERSION goes further back"
        )


@models_app.command()
def drift(
    label: LabelName, platform: Platform, model: Model = "viral_lightgbm", home: Home = None, json: Json = False
) -> None:
    """Compare the serving model's newest window with what it learned from; say whether to train again."""
    from trenddrop.flow.drift import check_drift, drift_document
    from trenddrop.flow.stages import label_named

    with workspace(home, quiet=json) as ws:
        document = drift_document(check_drift(ws, label_named(ws, label), platform, spec_name=model))
    if json:
        print_json(document)
        return
    if not document["is_judged"]:
        OUT.print("Too few hours are newer than what the model learned from; nothing was judged (drift.yaml).")
        return
    moved = sorted(document["measures"], key=lambda one: -(one["value"] or 0.0))
    features = [one for one in moved if one["kind"] == "feature"]
    shown = [one for one in document["measures"] if one["kind"] != "feature"] + features[:SHOWN]
    rows = [[one["kind"], one["name"], one["value"], one["bound"], one["records"], one["is_drifted"]] for one in shown]
    name = document["model"]["name"]
    print_table(f"Drift of {name}", ["of", "name", "measure", "bound", "records", "has drifted"], rows)
    way_out = ["trenddrop", "train", "--label", label, "--platform", platform, "--model", model]
    _print_verdict(document["reasons"], shlex.join(way_out))


@models_app.command()
def proposals(home: Home = None, json: Json = False) -> None:
    """List the newest comparison of each model version, and whether it proposes to train again."""
    from trenddrop.flow.drift import proposals_of

    with workspace(home, quiet=json) as ws:
        found = proposals_of(ws).to_dicts()
    rows = [one | {column: orjson.loads(one[column]) for column in ("reasons", "measures")} for one in found]
    if json:
        print_json({"proposals": rows})
        return
    shown = [
        [
            r["model_name"],
            r["model_version"],
            f"{r['window_end']:%Y-%m-%d %H:%M}",
            r["is_proposed"],
            "; ".join(r["reasons"]),
        ]
        for r in rows
    ]
    print_table("Comparisons", ["model", "version", "until", "train again", "why"], shown)


def _print_verdict(reasons: list[str], way_out: str) -> None:
    if not reasons:
        OUT.print("Nothing has drifted beyond its bounds.")
        return
    OUT.print(f"Train it again ({way_out}):", style="bold", markup=False)
    for reason in reasons:
        OUT.print(f"  {reason}", markup=False)
