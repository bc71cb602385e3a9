"""What ``feature_repo`` declares, read without changing the working directory or leaving modules behind."""

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from types import ModuleType

from feast.data_source import DataSource
from feast.entity import Entity
from feast.feature_service import FeatureService
from feast.feature_view import DUMMY_ENTITY, FeatureView
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.project import Project
from feast.repo_contents import RepoContents

from trenddrop.core.errors import NotFoundError

_ONE_AT_A_TIME = threading.RLock()


def feature_repo_folder() -> Path:
    """Return the folder ``feature_repo``: of the checkout, or packed into the installed package."""
    packed = Path(str(resources.files("trenddrop"))) / "feature_repo"
    folder = packed if packed.is_dir() else Path(__file__).resolve().parents[3] / "feature_repo"
    if not (folder / "feature_store.yaml").is_file():
        raise NotFoundError(f"feature_repo: no feature_store.yaml in {folder}; install trenddrop anew")
    return folder


def read_declarations(folder: Path, *, project: str) -> RepoContents:
    """Import every module below ``folder`` and collect the Feast objects, as ``feast apply`` does."""
    contents = RepoContents(
        projects=[Project(name=project)],
        data_sources=[],
        entities=[],
        feature_views=[],
        feature_services=[],
        on_demand_feature_views=[],
        stream_feature_views=[],
        label_views=[],
        permissions=[],
    )
    kinds: tuple[tuple[type, list[object]], ...] = (
        (FeatureView, contents.feature_views),
        (OnDemandFeatureView, contents.on_demand_feature_views),
        (FeatureService, contents.feature_services),
        (Entity, contents.entities),
        (DataSource, contents.data_sources),
    )
    names = [
        ".".join(path.relative_to(folder).with_suffix("").parts)
        for path in sorted(folder.rglob("*.py"))
        if path.name != "__init__.py" and "__pycache__" not in path.parts
    ]
    with _importable(folder, names):
        for name in names:
            for thing in vars(importlib.import_module(name)).values():
                for kind, found in kinds:
                    if isinstance(thing, kind) and not any(thing is other for other in found):
                        found.append(thing)
    contents.entities.append(DUMMY_ENTITY)
    return contents


@contextmanager
def _importable(folder: Path, names: list[str]) -> Iterator[None]:
    """Let the modules import each other by their short names, and forget those names afterwards."""
    roots = {name.split(".")[0] for name in names}
    with _ONE_AT_A_TIME:
        hidden = _forget(roots)
        sys.path.insert(0, str(folder))
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.path.remove(str(folder))
            _forget(roots)
            sys.modules.update(hidden)


def _forget(roots: set[str]) -> dict[str, ModuleType]:
    taken = [name for name in sys.modules if name.split(".")[0] in roots]
    return {name: sys.modules.pop(name) for name in taken}
