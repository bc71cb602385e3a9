"""How a scheduled job runs: one YAML config, one workspace, one JSON line, an exit code."""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import orjson

from trenddrop.core.errors import InputError, TrendDropError, UserError
from trenddrop.core.settings import Config, load_settings, parse_config, read_yaml
from trenddrop.flow.latency import recorded_job
from trenddrop.flow.workspace import Workspace, open_workspace

JobT = TypeVar("JobT", bound=Config)


def files_of(folder: Path, pattern: str, days: Sequence[date] = ()) -> list[Path]:
    """Return the files that match, sorted; ``{day}`` in the pattern stands for each of the days, or for any.

    Raises InputError where there is none: a job whose folder is wrong would report that all is well.
    """
    if not folder.is_dir():
        raise InputError(f"{folder.absolute()}: no such folder; create it, or name the one that files arrive in")
    patterns = {pattern.replace("{day}", day.isoformat()) for day in days} or {pattern.replace("{day}", "*")}
    if found := sorted({path for one in patterns for path in folder.glob(one)}):
        return found
    span = f" of {min(days)} to {max(days)}" if days else ""
    raise InputError(f"{folder.absolute()}: no file{span} matches {pattern!r}; check folder and files of the job")


def run_job(kind: type[JobT], body: Callable[[Workspace, JobT], Mapping[str, Any]], argv: Sequence[str]) -> int:
    """Run ``body`` with the config that the only argument names; return the process's exit code.

    Standard output gets one JSON line, standard error one line for an error: 2 for a user's mistake, 1 for a fault.
    ``processing_latency`` gets what each stage took.
    """
    try:
        if len(argv) != 2:
            raise UserError(f"usage: python -m pipelines.{Path(argv[0]).stem} CONFIG.yaml")
        job = parse_config(kind, read_yaml(Path(argv[1])), origin=argv[1])
        with open_workspace(load_settings()) as workspace, recorded_job(workspace, Path(argv[0]).stem):
            document = dict(body(workspace, job))
            document["seconds"] = {stage.name: round(stage.seconds, 3) for stage in workspace.stages}
    except TrendDropError as error:
        sys.stderr.write(f"{' '.join(str(error).split())}\n")
        return 2 if isinstance(error, UserError) else 1
    sys.stdout.write(orjson.dumps(document, default=str, option=orjson.OPT_SERIALIZE_NUMPY).decode() + "\n")
    return 0
