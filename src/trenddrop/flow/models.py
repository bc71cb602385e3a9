"""The model registry on a workspace: what there is, who was champion, and the way back."""

import getpass
from typing import Any

import polars as pl

from trenddrop.adapters.mlflow import MlflowStore
from trenddrop.core.errors import InputError, NotFoundError
from trenddrop.flow.workspace import Workspace
from trenddrop.registry import ChampionEvent, Change, Rollback, champion_events, ml_models, roll_back


def operator() -> str:
    """Return who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"


def model_table(workspace: Workspace, name: str | None = None) -> pl.DataFrame:
    """Return ``ml_models``: one row per registered version of one model, or of all."""
    return ml_models(MlflowStore(workspace.settings), name)


def history_of(workspace: Workspace, name: str | None = None) -> tuple[str, list[ChampionEvent]]:
    """Return the name of the model and every change of its champion, the oldest first."""
    store = MlflowStore(workspace.settings)
    chosen = chosen_model(store, name)
    return chosen, champion_events(store, chosen)


def roll_back_model(
    workspace: Workspace, name: str | None = None, *, to: str | None = None, by: str | None = None, why: str = ""
) -> Rollback:
    """Make the champion before (or version ``to``) the champion again; scoring uses it from its next batch on."""
    store = MlflowStore(workspace.settings)
    change = Change(at=workspace.clock(), by=by or operator(), why=why)
    return roll_back(store, chosen_model(store, name), change, to=to)


def chosen_model(store: MlflowStore, name: str | None) -> str:
    """Return the named model, or the only one; raise NotFoundError or InputError naming those there are."""
    names = store.names()
    if name is not None and name not in names:
        raise NotFoundError(f"model {name}: not registered; known: {', '.join(names) or 'none'}")
    if name is None and not names:
        raise NotFoundError("models: none is registered yet; run 'trenddrop train' or 'trenddrop run' first")
    if name is None and len(names) > 1:
        raise InputError(f"models: there are several, choose one: {', '.join(names)}")
    return name or names[0]


def rollback_document(done: Rollback) -> dict[str, Any]:
    """Return what a rollback did as a JSON-ready object."""
    return {
        "model": done.name,
        "champion": done.champion,
        "before": done.before,
        "changed": done.is_changed,
        "at": done.event.at,
        "by": done.event.by,
        "why": done.event.why,
    }
