"""Commands on the installation: serve, bench, doctor."""

import importlib.util
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from trenddrop.cli.app import Home, Json, app, workspace
from trenddrop.cli.console import OUT, print_json, print_table
from trenddrop.core.errors import FaultError, NotFoundError
from trenddrop.core.settings import load_settings

BENCHMARKS = Path(__file__).resolve().parents[4] / "tests" / "benchmarks"


@app.command()
def serve(
    host: Annotated[str, typer.Option("--host")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535)] = 8000,
    home: Home = None,
) -> None:
    """Serve the scoring endpoint: /v1/score, /v1/trends, /v1/match, /v1/metadata, /healthz, /docs."""
    from trenddrop.flow.serving import serve as run_server

    run_server(load_settings(home=home), host=host, port=port)


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="a benchmark's name, or all")],
    data: Annotated[
        Path | None, typer.Option("--data", help="the real data sets; default $TRENDDROP_REAL_DATA")
    ] = None,
    pairs: Annotated[int, typer.Option("--pairs", min=1, help="interleaved pairs; the median counts")] = 3,
    json: Json = False,
) -> None:
    """Measure us beside a peer on the same work in one run; a ratio is the peer's cost divided by ours."""
    known = sorted(path.stem for path in BENCHMARKS.glob("*.py") if "\ndef run(" in path.read_text(encoding="utf-8"))
    names = known if name == "all" else [name]
    if unknown := sorted(set(names) - set(known)):
        raise NotFoundError(f"bench: no {unknown[0]!r}; known: {', '.join(known) or 'none (they live in a checkout)'}")
    folder = data or Path(os.environ.get("TRENDDROP_REAL_DATA", "../shared/data"))
    if not folder.is_dir():
        raise NotFoundError(f"bench: no real data at {folder}; set TRENDDROP_REAL_DATA or give --data")
    results = [_load(each).run(folder, pairs=pairs) for each in names]
    if json:
        print_json(results[0] if name != "all" else {"name": "all", "results": results})
    for result in [] if json else results:
        rows = [[key, round(value, 3)] for key, value in result["ratios"].items()]
        print_table(f"{result['name']}: results equal: {result['equal']}", ["peer / ours", "ratio"], rows)
        OUT.print({"ours": result["ours"], "peers": result["peers"]})


def _load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"trenddrop_bench_{name}", BENCHMARKS / f"{name}.py")
    if spec is None or spec.loader is None:
        raise NotFoundError(f"bench: {BENCHMARKS / name}.py cannot be loaded")
    if str(BENCHMARKS) not in sys.path:  # benchmarks find one another beside them
        sys.path.insert(0, str(BENCHMARKS))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@app.command()
def doctor(home: Home = None, json: Json = False) -> None:
    """Examine the installation: versions, engine, weights, batches, service levels."""
    from trenddrop.flow.doctor import examine, is_well, settings_summary
    from trenddrop.flow.latency import recent_service_levels

    with workspace(home, quiet=json) as ws:
        findings = examine(ws)
        settings = settings_summary(ws.settings)
        levels = recent_service_levels(ws)
    if json:
        rows = [{"question": f.question, "is_well": f.is_well, "answer": f.answer} for f in findings]
        kept = [asdict(level) | {"is_met": level.is_met} for level in levels]
        print_json({"is_well": is_well(findings), "settings": settings, "findings": rows, "service_levels": kept})
    else:
        marks = {True: "well", False: "ILL", None: "-"}
        print_table("Doctor", ["", "what", "found"], [[marks[f.is_well], f.question, f.answer] for f in findings])
    if not is_well(findings):
        ill = ", ".join(finding.question for finding in findings if finding.is_well is False)
        raise FaultError(f"doctor: not well: {ill}; the table says what to do")
