"""What "viral" means: one YAML in ``configs/labels`` per definition."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from trenddrop.core.errors import ConfigError, NotFoundError
from trenddrop.core.settings import Config, config_folders, find_config, parse_config, read_yaml
from trenddrop.core.time import HORIZONS_HOURS


class Parameters(Config):
    """What every kind can say."""

    max_gap_share: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="a horizon with a greater share of hours without an observation is unknown",
    )
    max_hole_hours: int = Field(
        default=0,
        ge=0,
        description="holes of up to so many hours between two observations are no gaps: pollers drift across the hour",
    )


class TopRank(Parameters):
    """Enters the platform's top ``k`` by ``metric``."""

    metric: Literal["score", "views"] = "score"
    k: int = Field(default=10, ge=1)
    refractory_hours: int = Field(default=72, ge=0, description="hours after a stay in the top k that get no label")


class GrowthMultiple(Parameters):
    """Reaches, over some ``rate_hours``, a mean rate of ``multiple`` times the trailing one."""

    multiple: float = Field(default=3.0, gt=1)
    rate_hours: int = Field(default=6, ge=1)
    baseline_hours: int = Field(default=24, ge=1)
    min_baseline_hours: int = Field(default=6, ge=1, description="fewer known hours in the baseline get no label")
    min_views: float = Field(default=1000.0, ge=0, description="views that the peak ``rate_hours`` must gain at least")


class Absolute(Parameters):
    """Crosses ``threshold`` views: as a level, or gained since the label timestamp."""

    measure: Literal["level", "gain"] = "level"
    threshold: float = Field(default=1_000_000.0, gt=0)


KINDS: dict[str, type[Parameters]] = {"top_rank": TopRank, "growth_multiple": GrowthMultiple, "absolute": Absolute}


class LabelDefinition(Config):
    """One meaning of "viral": its kind, the kind's parameters and the horizons in hours."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    kind: str
    description: str = ""
    horizons: tuple[int, ...] = HORIZONS_HOURS
    parameters: TopRank | GrowthMultiple | Absolute = Field(default=None, validate_default=True)

    @field_validator("kind")
    @classmethod
    def _is_known(cls, kind: str) -> str:
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is not one of {', '.join(KINDS)}")
        return kind

    @field_validator("horizons")
    @classmethod
    def _are_ascending(cls, horizons: tuple[int, ...]) -> tuple[int, ...]:
        if not horizons or list(horizons) != sorted(set(horizons)) or horizons[0] < 1:
            raise ValueError("name each horizon once, in ascending order, in whole hours from 1")
        return horizons

    @field_validator("parameters", mode="before")
    @classmethod
    def _of_the_kind(cls, values: Any, info: ValidationInfo) -> Any:
        kind = KINDS.get(info.data.get("kind", ""))
        if kind is None or isinstance(values, Parameters):
            return values
        parameters = kind.model_validate(values or {})
        shortest = min(info.data.get("horizons") or (1,))
        if isinstance(parameters, GrowthMultiple) and parameters.rate_hours > shortest:
            raise ValueError(f"rate_hours: {parameters.rate_hours} does not fit into the horizon of {shortest} h")
        return parameters


def load_label(name: str, *, extra: Path | None = None) -> LabelDefinition:
    """Read a definition by its name, by its kind where only one definition has it, or by the path of a YAML file."""
    try:
        path = find_config("labels", name, extra=extra)
    except NotFoundError:
        path = _only_one_of_kind(name, extra)
    return parse_config(LabelDefinition, read_yaml(path), origin=str(path))


def _only_one_of_kind(kind: str, extra: Path | None) -> Path:
    folders = [folder / "labels" for folder in config_folders(extra)]
    paths = {path.stem: path for folder in reversed(folders) for path in sorted(folder.glob("*.yaml"))}
    matches = [path for path in paths.values() if read_yaml(path).get("kind") == kind]
    if len(matches) > 1:
        names = ", ".join(sorted(path.stem for path in matches))
        raise ConfigError(f"labels: {kind!r} is the kind of several definitions; name one of them: {names}")
    if not matches:
        raise NotFoundError(f"labels: no {kind!r}; known: {', '.join(sorted(paths))}; or give the path of a .yaml file")
    return matches[0]
