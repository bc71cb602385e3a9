"""The Typer application: options that all commands share, and errors in one line."""

import gc
import importlib
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from trenddrop import __version__
from trenddrop.cli.console import ERR, progress_bars
from trenddrop.core.errors import UserError
from trenddrop.core.settings import load_settings
from trenddrop.flow import Workspace, open_workspace

app = typer.Typer(
    name="trenddrop",
    help="Predict which hashtags, keywords and headlines go viral, match videos to them and write their metadata.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

COLLECTION = (100_000, 50, 100)  # objects between collections: imports and expressions make many, little of it garbage

Home = Annotated[Path | None, typer.Option("--home", help="where everything is kept; default $TRENDDROP_HOME or ./var")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]


@contextmanager
def workspace(home: Path | None, *, quiet: bool) -> Iterator[Workspace]:
    """Open the installation under ``home`` with progress bars, unless ``quiet``."""
    with (
        progress_bars(quiet=quiet) as progress,
        open_workspace(load_settings(home=home), progress=progress) as opened,
    ):
        yield opened


def _version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="show it and exit")
    ] = False,
) -> None:
    """Everything a command keeps lies under $TRENDDROP_HOME."""


def main() -> None:
    """Run the command; exit with 2 for a user's mistake and with 1 for a fault, each in one line."""
    gc.set_threshold(*COLLECTION)
    importlib.import_module("trenddrop.cli.commands")  # registers the commands
    arguments = sys.argv[1:] or ["--help"]
    try:
        code = app(arguments, standalone_mode=False)  # or usage errors would come in many lines
        sys.exit(code if isinstance(code, int) else 0)
    except UserError as error:
        _stop(error, code=2)
    except (KeyboardInterrupt, typer.Abort):
        _stop(RuntimeError("stopped by the keyboard; run the same command again to go on"), code=130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at exit
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 - the edge: whatever it is, the user sees one line
        if describe := getattr(error, "format_message", None):  # Typer's own: a wrong option or command
            fault = describe().rstrip(".")
            _stop(UserError(f"{fault}; see 'trenddrop {_command(arguments)}--help'"), code=2)
        _stop(error, code=1)


def command_names() -> set[str]:
    """Return the names of all commands, those with commands of their own included."""
    commands = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    return commands | {group.name for group in app.registered_groups if group.name}


def _command(arguments: list[str]) -> str:
    """Return the command that was meant, with a space, where there is one of that name."""
    return f"{arguments[0]} " if arguments[0] in command_names() else ""


def _stop(error: BaseException, *, code: int) -> None:
    if os.environ.get("TRENDDROP_DEBUG"):
        traceback.print_exception(error)
    message = " ".join(str(error).split()) or type(error).__name__
    kind = "" if code != 1 else f"{type(error).__name__}: "
    ERR.print(f"trenddrop: {kind}{message}", markup=False, highlight=False, soft_wrap=True)
    sys.exit(code)
