"""What a model is made of, as ``models/<name>.yaml`` says it."""

from importlib import resources
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from trenddrop.core.ids import content_id
from trenddrop.core.settings import Config, find_yaml, parse_config, read_yaml
from trenddrop.modeling.conformal import Intervals
from trenddrop.modeling.outcomes import Outcomes
from trenddrop.quality import Severity

ParameterValue = bool | int | float | str


class Rounds(Config):
    """How many trees; the number is chosen on the later block of the training period, never on test rows."""

    maximum: int = Field(default=600, ge=1)
    early_stopping: int = Field(default=60, ge=1)


class Calibration(Config):
    """How raw scores become probabilities.

    The calibrator is fitted on the newest ``block_share`` of the training period, by a model that has not seen it. The
    block has at least ``block_days``, as long as that is no more than a fifth of the period.
    ``auto`` takes the method with the least log loss on later days of the block, if it clearly beats Platt scaling.
    """

    method: Literal["auto", "platt", "isotonic", "venn_abers", "none"] = "auto"
    block_share: float = Field(default=0.2, gt=0, lt=0.5)
    block_days: int = Field(default=0, ge=0)
    min_positives_isotonic: int = Field(default=500, ge=1, description="with fewer, auto is Platt scaling")


class Line(Config):
    """A logistic regression that the trees are stacked with where there are few positives to grow them from."""

    most_positives: int = Field(default=5000, ge=0, description="training positives; with more the trees go alone")


class Baseline(Config):
    """One rival without machine learning, or with little.

    ``constant`` is the prevalence; ``rank`` orders by the first of ``columns`` that holds values; ``logistic`` is a
    logistic regression on the model's features; ``chi_square`` compares the accounts or posts of the hour in
    ``columns`` with the mean of the ``expected_hours`` that end with it in ``expected``, the first pair of the two
    lists that holds values.
    """

    name: str
    kind: Literal["constant", "rank", "logistic", "chi_square"]
    columns: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()
    expected_hours: int = Field(default=24, ge=1)

    @model_validator(mode="after")
    def _columns_fit_kind(self) -> Self:
        if self.kind in ("rank", "chi_square") and not self.columns:
            raise ValueError(f"{self.name}: kind {self.kind} needs columns")
        if self.kind == "chi_square" and len(self.expected) != len(self.columns):
            raise ValueError(f"{self.name}: columns and expected must pair up")
        return self


class Split(Config):
    """The gap between training and test, beyond the purge of touching outcome windows."""

    embargo_hours: int = Field(default=48, ge=0)


class Bootstrap(Config):
    """Paired resampling of whole days."""

    resamples: int = Field(default=1000, ge=10)
    block_days: int = Field(default=1, ge=1)
    level: float = Field(default=0.95, gt=0, lt=1)


class Alerts(Config):
    """When a probability is an alert: its odds are this many times those of the training period's share of positives.

    For rare outcomes that is a multiple of the share; it can be reached where positives are common, too.
    """

    odds_multiple: float = Field(default=3.0, gt=0)

    def threshold(self, prior: float) -> float:
        """Return the probability of an alert, where this share of the training period's rows is positive."""
        return self.odds_multiple * prior / (1 - prior + self.odds_multiple * prior)


class Bars(Config):
    """What a report holds the figures against; it says which are missed and where the data do not allow them."""

    baseline_ratio: float = Field(default=1.35, gt=0, description="AP / AP of the best baseline, at least")
    baseline_ratio_above: float = Field(default=1.0, ge=0, description="the lower end of its interval")
    brier_skill_above: float = 0.0
    calibration_slope: tuple[float, float] = (0.9, 1.1)
    ece: float = Field(default=0.01, gt=0, description="equal-mass calibration error, at most")


class Range(Config):
    """The values that a parameter may take: whole numbers where both ends are written as such."""

    low: int | float
    high: int | float
    log: bool = False

    @property
    def is_whole(self) -> bool:
        """Return whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"low must be below high, and above 0 on a logarithmic scale; got {self.low}, {self.high}")
        return self


class Tuning(Config):
    """What ``trenddrop tune`` tries, and the newest share of the training period that it judges on."""

    inner_share: float = Field(default=0.2, gt=0, lt=0.5)
    space: dict[str, Range | tuple[str, ...]] = Field(
        default_factory=dict, description="LightGBM's parameters, or the recipe's kind and row_weights"
    )


class Words(Config):
    """What is learned from the characters of a topic's name."""

    longest_run: int = Field(default=2, ge=1, le=4, description="characters of the longest run that is counted")
    buckets: int = Field(default=32768, ge=16, description="hashed runs")
    smoothing: float = Field(default=10.0, gt=0, description="topics of average luck that every run starts with")
    blocks: int = Field(default=8, ge=2, description="of the training period: rows learn from the blocks before theirs")
    min_topics: int = Field(default=0, ge=0, description="with fewer, names tell topics apart and are not read")


class Categories(Config):
    """Text features of few values: each is read as the share of past topics with the same value that went viral."""

    columns: tuple[str, ...] = ("topic_category",)
    smoothing: float = Field(default=10.0, gt=0, description="topics of average luck that every value starts with")
    blocks: int = Field(default=8, ge=2, description="of the training period: rows learn from the blocks before theirs")


class Gate(Config):
    """When a challenger becomes the champion; every rule must hold at every judged horizon."""

    horizons: tuple[int, ...] = Field(default=(), description="judged horizons; empty means all of the model's")
    baseline_ratio_above: float = Field(default=1.0, ge=0, description="lower end of AP / AP of the best baseline")
    champion_ratio_above: float = Field(default=1.0, ge=0, description="lower end of AP / AP of the champion")
    ece_below: float = Field(default=0.05, gt=0)
    slope_within: tuple[float, float] | None = Field(default=None, description="of the calibration; null: any")
    min_positives: int = Field(default=30, ge=1, description="test positives, fewer decide nothing")
    no_alert_from: Severity | None = Field(
        default="critical",
        description="the mildest alert on the platform's features that holds a model back; null: none",
    )


class ModelSpec(Config):
    """A model's recipe: LightGBM per horizon or for all, its calibration, its rivals and the rule that promotes it."""

    name: str
    description: str = ""
    kind: Literal["per_horizon", "hazard"] = Field(
        default="per_horizon", description="a model per horizon, or one of the hazard in each step between horizons"
    )
    horizons: tuple[int, ...] = (6, 12, 24, 48)
    seed: int = 20240501
    params: dict[str, ParameterValue] = Field(default_factory=dict, description="LightGBM's own parameters")
    rounds: Rounds = Rounds()
    min_positives: int = Field(default=20, ge=1, description="fewer training positives give a constant model")
    row_weights: Literal["equal", "uniqueness"] = Field(
        default="equal",
        description="uniqueness: rows whose outcome windows overlap count for less",
    )
    line: Line | None = Field(default=None, description="none: trees alone")
    calibration: Calibration = Calibration()
    split: Split = Split()
    baselines: tuple[Baseline, ...] = ()
    bootstrap: Bootstrap = Bootstrap()
    alerts: Alerts = Alerts()
    bars: Bars = Bars()
    tuning: Tuning = Tuning()
    words: Words | None = Field(default=None, description="none: names are not read")
    categories: Categories | None = Field(default=None, description="none: text features are not read")
    intervals: Intervals = Intervals()
    outcomes: Outcomes | None = Field(default=Outcomes(), description="none: nothing is said of the peak")
    gate: Gate = Gate()

    @model_validator(mode="after")
    def _baselines_differ(self) -> Self:
        names = [baseline.name for baseline in self.baselines]
        if twice := sorted({name for name in names if names.count(name) > 1} | {"champion"} & set(names)):
            raise ValueError(f"baselines: {', '.join(twice)}: a name is taken")
        return self

    @model_validator(mode="after")
    def _horizons_rise(self) -> Self:
        if not self.horizons or list(self.horizons) != sorted(set(self.horizons)) or self.horizons[0] < 1:
            raise ValueError(f"horizons must be rising positive hours; got {list(self.horizons)}")
        return self

    def config_hash(self) -> str:
        """Return an id of the whole recipe: two specs with the same hash train the same model on the same rows."""
        return content_id(self.model_dump_json())


def models_folder() -> Path:
    """Return the built-in ``models`` folder: of the checkout, or packed into the installed package."""
    packed = Path(str(resources.files("trenddrop"))) / "models"
    return packed if packed.is_dir() else Path(__file__).resolve().parents[3] / "models"


def load_spec(name: str, *, extra: Path | None = None) -> ModelSpec:
    """Read ``models/<name>.yaml``, first below ``extra``, or the .yaml file that ``name`` is the path of."""
    folders = [folder for folder in (extra and extra / "models", models_folder()) if folder]
    path = find_yaml("models", name, folders=folders)
    return parse_config(ModelSpec, read_yaml(path), origin=str(path))
