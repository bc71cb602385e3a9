"""Commands on features: build, show, explain, quality, cluster, consistency, docs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.tree import Tree

from trenddrop.cli.app import Home, Json, app, workspace
from trenddrop.cli.console import OUT, print_json, print_table, sparkline
from trenddrop.core.errors import InputError, NotFoundError
from trenddrop.core.time import parse_moment

features = typer.Typer(help="Compute features, look at them, explain them, judge them.")
app.add_typer(features, name="features")

PAGE = Path(__file__).resolve().parents[4] / "docs" / "features.md"
ALL_PLATFORMS = "every platform"

Platform = Annotated[str | None, typer.Option("--platform", help="only this platform's hashtags")]
FromDate = Annotated[str | None, typer.Option("--from", help="first hour, UTC: 2025-06-01 or 2025-06-01T12:00")]
ToDate = Annotated[str | None, typer.Option("--to", help="hour after the last, UTC")]


@features.callback(invoke_without_command=True)
def _help(context: typer.Context) -> None:
    """Compute features, look at them, explain them, judge them."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@features.command()
def build(
    platform: Platform = None,
    start: FromDate = None,
    end: ToDate = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Compute hashtag features of every hour, or of a range, point in time."""
    from trenddrop.features import DEFINITIONS
    from trenddrop.flow import stages

    hours = stages.Range(parse_moment(start) if start else None, parse_moment(end) if end else None)
    if hours.start and hours.end and hours.start >= hours.end:
        raise InputError(f"features build: --from {start} is not before --to {end}; the range is [from, to)")
    with workspace(home, quiet=json) as ws:
        rows = stages.build_all_features(ws, platform, hours)
    document = {"feature_rows": rows, "features": len(DEFINITIONS), "seconds": ws.stages[-1].seconds}
    print_json(document) if json else print_table("Features", list(document), [list(document.values())])


@features.command()
def show(
    name: Annotated[str, typer.Argument(metavar="HASHTAG", help="platform:name, or a name that one platform has")],
    entity: Annotated[
        str, typer.Option("--entity", help="hashtag, creator, video or sound, given by its id")
    ] = "hashtag",
    hours: Annotated[int, typer.Option("--hours", min=2, max=24 * 90, help="how far the sparklines go back")] = 48,
    home: Home = None,
    json: Json = False,
) -> None:
    """Show the newest features of a hashtag (or of a creator, video or sound) by group, and how it came there."""
    from trenddrop.features.registry import GROUPS
    from trenddrop.flow.shown import feature_set_named, show_entity

    definitions = feature_set_named(entity).definitions  # a wrong kind is told before the warehouse is opened
    with workspace(home, quiet=json) as ws:
        shown = show_entity(ws, name, entity=entity, hours=hours)
    groups = {
        group: [d.name for d in definitions if d.group == group] for group in sorted({d.group for d in definitions})
    }
    if json:
        print_json(
            {
                f"{entity}_id": shown.identity,
                "feature_timestamp": shown.newest["feature_timestamp"],
                "features": {group: {name: shown.newest[name] for name in names} for group, names in groups.items()},
                "history": shown.history.to_dicts(),
            }
        )
        return
    OUT.print(f"{shown.identity} at {shown.newest['feature_timestamp']:%Y-%m-%d %H:%M} UTC", style="bold", markup=False)
    rows = [_spark_row(name, shown.history[name].to_list()) for name in shown.series]
    print_table(f"The last {hours} hours", ["feature", "least", "", "greatest", "now"], rows)
    for group, names in groups.items():
        known = [[name, _number(shown.newest[name])] for name in names if shown.newest[name] is not None]
        missing = [name for name in names if shown.newest[name] is None]
        print_table(f"{group}: {GROUPS.get(group, '')}", ["feature", "value"], known)
        if missing:
            OUT.print(f"  not known: {', '.join(missing)}", markup=False)


@features.command()
def explain(
    name: Annotated[str, typer.Argument(help="a feature, or table.feature where several entities have it")],
    home: Home = None,
    json: Json = False,
) -> None:
    """Explain a feature: meaning, range, what it is computed from, who reads it, how well it is."""
    from trenddrop.features import find_feature
    from trenddrop.flow.features import explain_feature

    find_feature(name)  # a wrong name is told before the warehouse is opened
    with workspace(home, quiet=json) as ws:
        found = explain_feature(ws, name)
    if json:
        print_json(found)
        return
    OUT.print(f"{found['name']}: {found['description']}", style="bold", markup=False)
    low, high = found["valid_range"]
    bounds = f"{'-inf' if low is None else f'{low:g}'} to {'inf' if high is None else f'{high:g}'}"
    facts = {
        "group": f"{found['group']}, {found['group_name']}",
        "of": f"{found['entity']}, table {found['table']}",
        "dtype": found["data_type"] + (", may be null" if found["is_nullable"] else ", never null"),
        "valid range": bounds,
        "lag": f"{found['computation_lag_minutes']} min after T",
        "version": str(found["version"]),
        "deprecated": f"use {found['deprecated']}" if found["deprecated"] else "no",
        "read by": ", ".join(found["services"]) or "no service",
    }
    print_table("Definition", ["what", ""], [list(fact) for fact in facts.items()])
    OUT.print("Computed from")
    OUT.print(_tree(found["name"], found["depends_on"]))
    if found["quality"]:
        _print_quality("Newest evaluation", found["quality"])
    else:
        OUT.print("Not evaluated yet: 'trenddrop features quality' does it.")


@features.command()
def quality(platform: Platform = None, home: Home = None, json: Json = False) -> None:
    """Evaluate every feature over its newest hours: nulls, outliers, range, drift, score; the worst first."""
    from trenddrop.flow.features import evaluate_all_features

    with workspace(home, quiet=json) as ws:
        evaluation = evaluate_all_features(ws, platform)
        if not evaluation.found:
            where = platform or ALL_PLATFORMS
            raise NotFoundError(f"features quality: no features of {where} yet; run 'trenddrop features build' first")
        stored = ws.warehouse.table("feature_quality")
        ids = {(one.table, one.platform, one.evaluated_at) for one in evaluation.found}
        moments = sorted({moment for _, _, moment in ids})
        rows = stored.filter(stored.evaluation_timestamp.isin(moments)).drop("id", "histogram").to_polars().to_dicts()
    rows = [row for row in rows if (row["table_name"], row["platform"], row["evaluation_timestamp"]) in ids]
    rows.sort(key=lambda row: (row["quality_score"] is not None, row["quality_score"] or 0.0, row["feature_name"]))
    alerts = [
        {"feature": a.feature, "table": a.table, "platform": a.platform, "measure": a.measure, "value": a.value,
         "severity": a.severity}
        for a in evaluation.alerts
    ]  # fmt: skip
    if json:
        print_json(evaluation.document() | {"alerts": alerts, "quality": rows})
        return
    _print_quality("The worst first", [row for row in rows if row["null_percentage"] < 100])
    if missing := evaluation.document()["missing"]:
        OUT.print(f"without any value: {', '.join(missing)}", markup=False)  # type: ignore[arg-type]
    if not evaluation.alerts:
        OUT.print("No alerts.")
    for alert in evaluation.alerts:
        OUT.print(f"{alert.severity}: {alert.summary()}", markup=False)


@features.command()
def cluster(until: ToDate = None, home: Home = None, json: Json = False) -> None:
    """Group hashtags by what they are about, week by week; features built afterwards tell cluster and theme."""
    from trenddrop.flow.clusters import fit_clusters

    with workspace(home, quiet=json) as ws:
        summary = fit_clusters(ws, until=parse_moment(until) if until else None)
    newest = summary.newest
    clusters = [] if newest is None else [
        [one.cluster_id, one.theme_label, one.hashtag_count] for one in newest.clusters
    ]  # fmt: skip
    facts = {
        "clusterings": summary.clusterings,
        "assignments": summary.assignments,
        "fitted_at": None if newest is None else newest.fitted_at,
    }
    names = ["cluster_id", "theme_label", "hashtag_count"]
    if json:
        print_json(facts | {"clusters": [dict(zip(names, row, strict=True)) for row in clusters]})
        return
    print_table(
        "New clusterings and assignments, and when the newest one was fitted", list(facts), [list(facts.values())]
    )
    print_table("Clusters", names, clusters)


@features.command()
def consistency(
    since: FromDate = None,
    until: ToDate = None,
    tolerance: Annotated[float, typer.Option("--tolerance", min=0, help="share by which floats may differ")] = 0.0,
    home: Home = None,
    json: Json = False,
) -> None:
    """Compare what was served with what the offline store says of the same moments; fail where they differ."""
    from trenddrop.flow.consistency import check_consistency, consistency_document, require_consistency

    moments = [parse_moment(moment) if moment else None for moment in (since, until)]
    with workspace(home, quiet=json) as ws:
        found = check_consistency(ws, since=moments[0], until=moments[1], tolerance=tolerance)
    document = consistency_document(found)
    if json:
        print_json(document)
    else:
        facts = ["vectors", "mismatched_vectors", "mismatch_rate"]
        print_table("Served against recomputed", facts, [[document[name] for name in facts]])
    require_consistency(found)


@features.command()
def docs(
    out: Annotated[Path, typer.Option("--out", help="the page")] = PAGE,
    json: Json = False,
) -> None:
    """Write docs/features.md from the definitions."""
    from trenddrop.features import FEATURE_SETS, features_page

    if not out.parent.is_dir():
        raise NotFoundError(f"features docs: no folder {out.parent}; give the page with --out")
    page = features_page()
    is_changed = not out.is_file() or out.read_text(encoding="utf-8") != page
    if is_changed:
        out.write_text(page, encoding="utf-8")
    count = sum(len(feature_set.definitions) for feature_set in FEATURE_SETS)
    if json:
        print_json({"path": str(out), "features": count, "changed": is_changed})
    else:
        OUT.print(f"{out}: {count} features, {'written' if is_changed else 'in step'}", markup=False)


def _print_quality(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a table per platform; nothing but the feature's own figures stand in it."""
    names = {
        "feature_name": "feature", "null_percentage": "null %", "mean_value": "mean", "std_value": "std",
        "min_value": "least", "max_value": "greatest", "outlier_count": "outliers", "out_of_range_count": "invalid",
        "distribution_drift_score": "KL", "population_stability_index": "PSI", "quality_score": "score",
    }  # fmt: skip
    for table, platform in dict.fromkeys((row["table_name"], row["platform"]) for row in rows):
        mine = [row for row in rows if (row["table_name"], row["platform"]) == (table, platform)]
        at, count = mine[0]["evaluation_timestamp"], mine[0]["total_records"]
        where = f"{table}{f' of {platform}' if platform else ''}, {count:,} rows to {at:%Y-%m-%d %H:%M}"
        cells = [[_number(row[name]) for name in names] for row in mine]
        print_table(f"{title}: {where}", list(names.values()), cells)


def _spark_row(name: str, values: Sequence[float | None]) -> list[Any]:
    known = [value for value in values if value is not None]
    bounds = [_number(bound) for bound in (min(known), max(known))] if known else [None, None]
    return [name, bounds[0], sparkline(values), bounds[1], _number(values[-1])]


def _number(value: Any) -> Any:
    """Return a figure short enough for a table.

    >>> _number(0.12345), _number(1234.5), _number(69569429.6), _number(0.00002), _number(None)
    ('0.123', '1,234', '69.6M', '2e-05', None)
    """
    if not isinstance(value, float):
        return value
    for size, unit in ((1e9, "G"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _tree(name: str, needs: Mapping[str, Any]) -> Tree:
    tree = Tree(name, highlight=False)
    for need, further in needs.items():
        tree.add(_tree(need, further))
    return tree
