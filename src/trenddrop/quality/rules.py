"""What is checked, read from ``configs/quality.yaml``."""

from datetime import date
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from trenddrop.core.errors import ConfigError
from trenddrop.core.settings import Config, find_config, parse_config, read_yaml
from trenddrop.schemas import TABLES

Severity = Literal["low", "medium", "high", "critical"]
Columns = Annotated[tuple[str, ...], Field(min_length=1)]


class SeverityBounds(Config):
    """The measures from which on a check is medium, high or critical; None: never."""

    medium: float | None = Field(default=None, ge=0)
    high: float | None = Field(default=None, ge=0)
    critical: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _bounds_rise(self) -> "SeverityBounds":
        given = [bound for bound in (self.medium, self.high, self.critical) if bound is not None]
        if given != sorted(given):
            raise ValueError("severity: medium, high and critical must not fall")
        return self

    def severity(self, measure: float) -> Severity:
        """Return the severity of a measure.

        >>> SeverityBounds(medium=0.01, critical=0.5).severity(0.2)
        'medium'
        """
        if self.critical is not None and measure >= self.critical:
            return "critical"
        if self.high is not None and measure >= self.high:
            return "high"
        return "medium" if self.medium is not None and measure >= self.medium else "low"


class _Rule(Config):
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    table: str
    description: str
    severity: SeverityBounds
    reads: ClassVar[tuple[str, ...]] = ()  # the fields that name columns

    def used_columns(self) -> tuple[str, ...]:
        """Return the columns of the table that the rule reads."""
        named = (getattr(self, name) for name in self.reads)
        return tuple(column for value in named for column in ((value,) if isinstance(value, str) else value))


class MissingFields(_Rule):
    """A record fails when one of the columns (``all``) or each of them (``any``) is null or blank."""

    reads = ("columns",)
    check: Literal["missing_fields"]
    columns: Columns
    require: Literal["all", "any"] = "all"


class MonotonicViolation(_Rule):
    """A record fails when a cumulative counter is lower than in the entity's record before."""

    reads = ("entity", "order", "columns")
    check: Literal["monotonic_violation"]
    entity: Columns
    order: Columns
    columns: Columns


class OutlierSpike(_Rule):
    """A record fails when it lies more than ``robust_z`` robust deviations above its entity's median.

    The robust deviation is 1.4826 times the median absolute deviation or, where more than half of the records are
    equal, 1.2533 times the mean one (Iglewicz and Hoaglin, "How to detect and handle outliers", 1993); of log(1 + x)
    on the log scale, and never under ``smallest_deviation``. Entities with fewer records are not judged. Of several
    records of an entity with the same ``time`` the one with the greatest ``version`` counts.
    """

    reads = ("entity", "column", "where_false", "time", "version")
    check: Literal["outlier_spike"]
    entity: Columns
    column: str
    time: str
    version: str
    where_false: tuple[str, ...] = ()
    scale: Literal["log", "linear"] = "log"
    robust_z: float = Field(default=6.0, gt=0)
    smallest_deviation: float = Field(default=0.1, gt=0)
    minimum_records: int = Field(default=24, ge=3)


class Staleness(_Rule):
    """The table fails when its newest record is older than ``limit_h`` hours; the measure is its age in hours."""

    reads = ("time",)
    check: Literal["staleness"]
    time: str
    limit_h: float = Field(gt=0)


class ImplausibleTime(_Rule):
    """A record fails when it happened before ``earliest`` or more than ``ahead_h`` hours after now."""

    reads = ("time",)
    check: Literal["implausible_time"]
    time: str
    earliest: date = date(2005, 1, 1)
    ahead_h: float = Field(default=1.0, ge=0)


class Volume(_Rule):
    """The table fails wholly with fewer than ``minimum_records``; with a bucket, each thin or empty one fails.

    A bucket (the first and the last, which may be cut, aside) is thin with fewer than ``minimum_share`` of the
    records of the median bucket. The measure is the share of failing buckets, or 1 for too few records.
    """

    reads = ("time",)
    check: Literal["volume"]
    time: str
    minimum_records: int = Field(default=0, ge=0)
    bucket: Literal["hour", "day"] | None = None
    minimum_share: float = Field(default=0.2, gt=0, le=1)


class RejectedRecords(_Rule):
    """The share of the records that came in and could not be read, summed over the batches."""

    reads = ("total", "rejected")
    check: Literal["rejected_records"]
    total: str
    rejected: str


Rule = Annotated[
    MissingFields | MonotonicViolation | OutlierSpike | Staleness | ImplausibleTime | Volume | RejectedRecords,
    Field(discriminator="check"),
]


class _Rules(Config):
    rules: tuple[Rule, ...]


def load_rules(path: Path | None = None, *, extra: Path | None = None) -> tuple[Rule, ...]:
    """Read the rules: of the path, or of ``quality.yaml`` in the ``extra`` or built-in configs.

    Raises ConfigError naming every rule whose table or columns do not exist.
    """
    found = path or find_config(".", "quality", extra=extra)
    rules = parse_config(_Rules, read_yaml(found), origin=str(found)).rules
    problems = [problem for rule in rules for problem in _problems(rule)]
    names = [rule.name for rule in rules]
    problems += [f"rule {name} appears twice" for name in sorted({name for name in names if names.count(name) > 1})]
    if problems:
        raise ConfigError(f"{found}: {'; '.join(problems)}")
    return rules


def _problems(rule: Rule) -> list[str]:
    if rule.table not in TABLES:
        return [f"rule {rule.name}: no table {rule.table!r}; known: {', '.join(sorted(TABLES))}"]
    unknown = sorted(set(rule.used_columns()) - set(TABLES[rule.table].columns))
    return [f"rule {rule.name}: {rule.table} has no columns {unknown}"] if unknown else []
