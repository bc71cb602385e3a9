"""How features are evaluated and when that is an alert, read from ``configs/feature_quality.yaml``."""

from collections.abc import Collection, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field

from trenddrop.core.errors import ConfigError
from trenddrop.core.settings import Config, find_config, parse_config, read_yaml
from trenddrop.quality.rules import SeverityBounds

NEVER = SeverityBounds()


class OutlierRule(Config):
    """An outlier lies more than ``fence_iqr`` interquartile ranges outside of the baseline's quartiles (Tukey, 1977).

    On the log scale sign(x) ln(1 + abs(x)) is judged, for features with long tails. A feature of which more than half
    of the values are equal has no interquartile range and is not judged.
    """

    scale: Literal["log", "linear"] = "log"
    fence_iqr: float = Field(default=3.0, gt=0)


class AlertBounds(Config):
    """From which measure on a feature is an alert, and how severe.

    ``null_where_never``: share of nulls in a feature that is never null. ``null_rise``: null share above the
    baseline's. ``out_of_range``: share of the known values outside of the definition's valid range, or not a number.
    ``outliers``: their share. ``kl``, ``psi``: drift from the baseline. ``is_stuck``: 1 where a feature that varied in
    the baseline has one value only.
    """

    null_where_never: SeverityBounds = NEVER
    null_rise: SeverityBounds = NEVER
    out_of_range: SeverityBounds = NEVER
    outliers: SeverityBounds = NEVER
    kl: SeverityBounds = NEVER
    psi: SeverityBounds = NEVER
    is_stuck: SeverityBounds = NEVER

    def each(self) -> Iterator[tuple[str, SeverityBounds]]:
        """Yield the name and the bounds of each measure."""
        for name in type(self).model_fields:
            yield name, getattr(self, name)


class FeatureRules(Config):
    """The newest ``window_h`` hours of features are evaluated against the ``baseline_h`` hours before them.

    Whole weeks keep the calendar from looking like drift. Fewer than ``minimum_records`` known values in one of the
    two are not compared, nor is a baseline that is shorter than ``minimum_baseline_h``. ``drifts_by_nature`` names
    features whose drift is measured and neither judged nor counted in the score. ``overrides`` replaces single bounds
    of single features.
    """

    window_h: int = Field(default=168, ge=1)
    baseline_h: int = Field(default=672, ge=1)
    minimum_records: int = Field(default=100, ge=1)
    minimum_baseline_h: int = Field(default=144, ge=0)
    bins: int = Field(default=10, ge=2, le=100)
    categories: int = Field(default=20, ge=2)
    outliers: OutlierRule = OutlierRule()
    drifts_by_nature: frozenset[str] = frozenset()
    alerts: AlertBounds = AlertBounds()
    overrides: dict[str, dict[str, SeverityBounds]] = Field(default_factory=dict)

    @property
    def window(self) -> timedelta:
        """Return the length of the window that is evaluated."""
        return timedelta(hours=self.window_h)

    @property
    def baseline(self) -> timedelta:
        """Return the length of the baseline before it."""
        return timedelta(hours=self.baseline_h)

    @property
    def shortest_baseline(self) -> timedelta:
        """Return how far a baseline must reach back."""
        return timedelta(hours=self.minimum_baseline_h)

    def bounds(self, feature: str) -> dict[str, SeverityBounds]:
        """Return the bounds of every measure of one feature."""
        bounds = dict(self.alerts.each()) | self.overrides.get(feature, {})
        return bounds | ({"kl": NEVER, "psi": NEVER} if feature in self.drifts_by_nature else {})


def load_feature_rules(
    path: Path | None = None, *, extra: Path | None = None, features: Collection[str] | None = None
) -> FeatureRules:
    """Read the rules: of the path, or of ``feature_quality.yaml`` in the ``extra`` or built-in configs.

    Raises ConfigError naming what is neither a measure nor one of ``features`` (None: whatever is named).
    """
    found = path or find_config(".", "feature_quality", extra=extra)
    rules = parse_config(FeatureRules, read_yaml(found), origin=str(found))
    measures = {name for name, _ in rules.alerts.each()}
    wrong = {name for bounds in rules.overrides.values() for name in bounds} - measures
    problems = [f"overrides: no measure {name!r}; known: {', '.join(sorted(measures))}" for name in sorted(wrong)]
    if features is not None:
        unknown = sorted({*rules.overrides, *rules.drifts_by_nature} - set(features))
        problems += [f"no feature {name!r}; 'trenddrop features quality' lists them" for name in unknown]
    if problems:
        raise ConfigError(f"{found}: {'; '.join(problems)}")
    return rules
