"""Settings, read once at the edge and handed down."""

import os
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trenddrop.core.errors import ConfigError, NotFoundError


class Config(BaseModel):
    """A frozen settings object that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ClickHouseSettings(Config):
    """Where the ClickHouse server is; ``interface="chdb"`` is the real engine in this process."""

    interface: Literal["http", "https", "chdb"] = "http"
    host: str = "localhost"
    port: int = 8123
    username: str = "default"
    password: str = ""
    database: str = "trenddrop"


class Privacy(Config):
    """What is kept of a creator's name; raw records live 30 days where the job `tidy` runs."""

    keep_names: bool = False
    hash_key: str = "trenddrop"


class Settings(Config):
    """One installation: where it keeps things and which engines it uses."""

    home: Path = Path("var")
    configs: Path | None = Field(default=None, description="a folder that is searched before the built-in configs")
    engine: Literal["ducklake", "clickhouse"] = "ducklake"
    catalog: str | None = Field(default=None, description="a DuckLake catalogue; default SQLite under home")
    data_path: str | None = Field(default=None, description="a DuckLake data path; default under home")
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    online_store: str | None = Field(
        default=None, pattern=r"^(redis|rediss|unix)://", description="redis://host:6379/0; default SQLite under home"
    )
    served_share: float = Field(
        default=0.1, ge=0, le=1, description="of the feature vectors served that are kept for the consistency check"
    )
    mlflow_uri: str | None = Field(default=None, description="default sqlite:///<home>/mlflow.db")
    threads: int | None = Field(default=None, ge=1)
    memory_limit: str | None = Field(default=None, description="of the embedded engine, as in '4GB'")
    privacy: Privacy = Privacy()

    def tracking_uri(self) -> str:
        """Return the MLflow tracking URI."""
        return self.mlflow_uri or f"sqlite:///{self.home.resolve()}/mlflow.db"


def load_settings(environ: Mapping[str, str] | None = None, *, home: Path | None = None) -> Settings:
    """Read ``$TRENDDROP_HOME/settings.yaml`` where there is one; ``home`` wins over the environment."""
    environ = os.environ if environ is None else environ
    folder = home or Path(environ.get("TRENDDROP_HOME", "var"))
    path = folder / "settings.yaml"
    values = read_yaml(path) if path.is_file() else {}
    for name in ("configs", "online_store"):
        if value := environ.get(f"TRENDDROP_{name.upper()}"):
            values.setdefault(name, value)
    return parse_config(Settings, values | {"home": folder}, origin=str(path))


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: holds {type(document).__name__}, expected a mapping of keys to values")
    return document


ConfigT = TypeVar("ConfigT", bound=BaseModel)


def parse_config(kind: type[ConfigT], values: Mapping[str, Any], *, origin: str) -> ConfigT:
    """Build a config object, or say in one line every key that is wrong and where it came from."""
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'document'}: {item['msg']}" for item in error.errors()
        )
        raise ConfigError(f"{origin}: {problems}") from error


def configs_folder() -> Path:
    """Return the built-in ``configs`` folder: of the checkout, or packed into the installed package."""
    packed = Path(str(resources.files("trenddrop"))) / "configs"
    return packed if packed.is_dir() else Path(__file__).resolve().parents[3] / "configs"


def config_folders(extra: Path | None = None) -> list[Path]:
    """Return where configs are looked for: the user's folder, if any, and then the built-in one."""
    return [folder for folder in (extra, configs_folder()) if folder is not None]


def find_config(kind: str, name: str, *, extra: Path | None = None) -> Path:
    """Return ``configs/<kind>/<name>.yaml``, a path given as such, or say which names there are."""
    return find_yaml(kind, name, folders=[folder / kind for folder in config_folders(extra)])


def find_yaml(kind: str, name: str, *, folders: Sequence[Path]) -> Path:
    """Return ``<name>.yaml`` of the first folder that has it, a path given as such, or say which names there are."""
    if name.endswith((".yaml", ".yml")):
        if Path(name).is_file():
            return Path(name)
        raise NotFoundError(f"{kind}: no file {name}")
    for folder in folders:
        if (path := folder / f"{name}.yaml").is_file():
            return path
    known = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
    raise NotFoundError(f"{kind}: no {name!r}; known: {', '.join(known)}; or give the path of a .yaml file")
