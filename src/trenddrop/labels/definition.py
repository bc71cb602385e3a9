"""What "viral" means: one YAML in ``configs/labels`` per definition."""

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from trenddrop.core.errors import ConfigError, NotFoundError
from trenddrop.core.settings import Config, config_folders, find_config, parse_config, read_yaml
from trenddrop.core.time import HORIZONS_HOURS, hour_end


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


class Onset(Parameters):
    """Grows, hour after hour, by ``multiple`` over the days before, and is no one's solo."""

    multiple: float = Field(default=3.0, gt=1, description="growth A of a hot hour")
    persistence_hours: int = Field(default=3, ge=1, description="the onset is hot hour number this of a run")
    rate_hours: int = Field(default=6, ge=1)
    min_rate_hours: int = Field(default=4, ge=1, description="fewer known hours in the rate: A is unknown")
    baseline_from_hours: int = Field(default=192, ge=1, le=720, description="the baseline's oldest hour, before u")
    baseline_to_hours: int = Field(default=24, ge=0, description="the baseline's newest hour, before u")
    min_baseline_hours: int = Field(default=24, ge=1, description="fewer known hours in the baseline: A is unknown")
    video_constant: float | None = Field(default=None, gt=0, description="a of rates of videos; null: fitted, frozen")
    view_constant: float | None = Field(default=None, gt=0, description="a of rates of views; null: fitted, frozen")
    training_until: datetime | None = Field(default=None, description="a is fitted on what was visible then")
    training_days: int = Field(default=28, ge=1, description="or at the end of the platform's first so many days")
    min_videos: float = Field(default=10.0, ge=0, description="gained in the rate's hours, where videos are known")
    min_views: float = Field(default=1000.0, ge=0, description="gained in the rate's hours, where they are not")
    min_creators: int = Field(default=15, ge=0, description="of the videos of 24 h, where creators are known")
    max_herfindahl: float = Field(default=0.25, gt=0, le=1, description="of those creators' shares of the views")
    top_share: float = Field(default=0.02, gt=0, le=1, description="A in the greatest of the platform's hour")
    refractory_hours: int = Field(default=72, ge=0, description="hours after a burst that get no label")

    @field_validator("training_until")
    @classmethod
    def _in_utc(cls, moment: datetime | None) -> datetime | None:
        return None if moment is None else hour_end(moment)

    @model_validator(mode="after")
    def _has_room(self) -> "Onset":
        if self.min_rate_hours > self.rate_hours:
            raise ValueError(f"min_rate_hours: {self.min_rate_hours} is more than rate_hours ({self.rate_hours})")
        hours = self.baseline_from_hours - self.baseline_to_hours + 1
        if self.min_baseline_hours > hours:
            raise ValueError(
                f"min_baseline_hours: {self.min_baseline_hours} does not fit between baseline_from_hours "
                f"({self.baseline_from_hours}) and baseline_to_hours ({self.baseline_to_hours})"
            )
        return self


class TopRank(Parameters):
    """Enters the platform's top ``k`` by ``metric``."""

    metric: Literal["score", "views"] = "score"
    k: int = Field(default=10, ge=1)
    refractory_hours: int = Field(default=72, ge=0, description="hours after a stay in the top k that get no label")


class TopPercentile(Parameters):
    """Enters the platform's top ``share`` by ``metric``."""

    metric: Literal["score", "views", "videos"] = "views"
    share: float = Field(default=0.01, gt=0, lt=1, description="of the hashtags that the hour ranks; at least one")
    refractory_hours: int = Field(default=72, ge=0, description="hours after a stay at the top that get no label")


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


KINDS: dict[str, type[Parameters]] = {
    "onset": Onset,
    "top_rank": TopRank,
    "top_percentile": TopPercentile,
    "growth_multiple": GrowthMultiple,
    "absolute": Absolute,
}


class LabelDefinition(Config):
    """One meaning of "viral": its kind, the kind's parameters and the horizons in hours."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    kind: str
    description: str = ""
    horizons: tuple[int, ...] = HORIZONS_HOURS
    parameters: Onset | TopRank | TopPercentile | GrowthMultiple | Absolute = Field(default=None, validate_default=True)

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
        if kind is None:
            return TopRank()  # what is wrong is the kind, and that is said already
        if isinstance(values, Parameters):
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
