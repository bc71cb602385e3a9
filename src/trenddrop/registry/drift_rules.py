"""When a serving model has drifted, read from ``configs/drift.yaml``."""

from datetime import datetime, timedelta
from pathlib import Path

from pydantic import Field

from trenddrop.core.settings import Config, find_config, parse_config, read_yaml
from trenddrop.registry.drift import Periods


class FeatureDrift(Config):
    """At least ``share`` of the model's features have a population stability index of at least ``psi``."""

    psi: float = Field(default=0.25, gt=0)
    share: float = Field(default=0.2, gt=0, le=1)


class ScoreDrift(Config):
    """The live probabilities have a population stability index of at least ``psi``."""

    psi: float = Field(default=0.25, gt=0)


class OutcomeDrift(Config):
    """The share of positives is ``rate_ratio`` times what it was, or less than one over it."""

    rate_ratio: float = Field(default=2.0, gt=1)
    minimum_positives: int = Field(default=30, ge=1, description="in the two periods together")


class ResidualDrift(Config):
    """So many positives were missed or invented, as a share of the greater of those expected and those seen."""

    share: float = Field(default=0.5, gt=0, le=1)
    minimum_positives: int = Field(default=30, ge=1, description="expected or seen")


class DriftRules(Config):
    """The newest window against the last hours that the model learned from, and the bounds."""

    window_h: int = Field(default=168, ge=1)
    baseline_h: int = Field(default=672, ge=1)
    minimum_window_h: int = Field(default=24, ge=1)
    minimum_records: int = Field(default=200, ge=1)
    features: FeatureDrift = FeatureDrift()
    scores: ScoreDrift = ScoreDrift()
    outcomes: OutcomeDrift = OutcomeDrift()
    residuals: ResidualDrift = ResidualDrift()

    def periods(self, *, newest: datetime, learned_until: datetime) -> Periods | None:
        """Return the two periods, which never overlap; None where too little is newer than the training."""
        start = max(newest - timedelta(hours=self.window_h), learned_until)
        if newest - start < timedelta(hours=self.minimum_window_h):
            return None
        return Periods(learned_until - timedelta(hours=self.baseline_h), learned_until, start, newest)


def load_drift_rules(path: Path | None = None, *, extra: Path | None = None) -> DriftRules:
    """Read the rules: of the path, or of ``drift.yaml`` in the ``extra`` or built-in configs."""
    found = path or find_config(".", "drift", extra=extra)
    return parse_config(DriftRules, read_yaml(found), origin=str(found))
