"""How far a probability may be off: intervals that widen and narrow with the errors of the days before.

A topic goes viral or does not, so no interval can hold its outcome. The interval is about topics that are scored
alike: on the stated share of days, the share that goes viral of the day's rows with a probability of the same band
lies within the interval (where a day has fewer than ``block_rows`` of them: of the days that it takes to have them).
Errors are distances on the scale of asin(sqrt(share)), on which the noise of a share does
not depend on its size and no interval leaves [0, 1].

The radius of a band is a quantile of its own errors of the last days, and the quantile's level is corrected after
every day whose outcomes are known: up where the day was missed, down where it was not (Gibbs & Candès, "Adaptive
conformal inference under distribution shift", 2021). Below level zero the radius grows beyond every error seen, and
``ALL_MISSES`` steps below it is everything, which is what bounds the long-run share of misses whatever the stream
does (Angelopoulos, Candès & Tibshirani, "Conformal PID control", 2023, theorem on saturating integrators).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, model_validator

from trenddrop.core.settings import Config
from trenddrop.modeling.matrix import Floats, decided, label_column, probability_column

Days = NDArray[np.int64]  # since 1970, UTC
EVERYTHING = np.pi / 2  # a radius that covers every share
ALL_MISSES = 10
DAY_S = 86_400
PARTS = 2.0**40  # of a probability, as whole numbers: the sum of eight million rows does not depend on their order


class Intervals(Config):
    """How the interval of a probability follows the errors of the days before."""

    level: float = Field(default=0.9, gt=0, lt=1, description="share of days on which the interval shall hold")
    rate: float = Field(default=0.05, gt=0, lt=1, description="how far one missed day moves the level")
    window_days: int = Field(default=60, ge=1, description="whose errors count")
    block_rows: int = Field(default=30, ge=1, description="a band with fewer rows on a day is judged over several")
    bands: tuple[float, ...] = Field(
        default=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7), description="where probabilities are cut"
    )

    @model_validator(mode="after")
    def _bands_rise(self) -> Self:
        if list(self.bands) != sorted(set(self.bands)) or any(not 0 < edge < 1 for edge in self.bands):
            raise ValueError(f"bands must be rising shares between 0 and 1; got {list(self.bands)}")
        return self

    def spans(self) -> list[tuple[float, float]]:
        """Return each band as the probabilities [from, to) that it holds."""
        return list(zip((0.0, *self.bands), (*self.bands, 1.0), strict=True))

    def band(self, probability: Floats) -> NDArray[np.int64]:
        """Return the number of each probability's band."""
        return np.searchsorted(self.bands, probability, side="right").astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class BandDays:
    """Per day and band the rows, their mean probability and the share that went viral; NaN without rows."""

    days: Days
    rows: Floats  # (days, bands)
    predicted: Floats
    observed: Floats

    def after(self, day: int | None) -> "BandDays":
        """Return the days after one; all without."""
        later = self.days > (-1 if day is None else day)
        return BandDays(self.days[later], self.rows[later], self.predicted[later], self.observed[later])

    def in_blocks(self, least: int) -> "BandDays":
        """Add each band's days up until they have so many rows; the sums stand on the last of them.

        The days before it have no rows then, nor have days at the end that are too few.
        """
        sums = np.stack([self.rows, *(np.nan_to_num(self.rows * one) for one in (self.predicted, self.observed))])
        blocks, open_sums = np.zeros_like(sums), np.zeros((3, self.rows.shape[1]))
        for place in range(self.days.size):
            open_sums += sums[:, place]
            is_full = open_sums[0] >= least
            blocks[:, place, is_full] = open_sums[:, is_full]
            open_sums[:, is_full] = 0.0
        rows, predicted, observed = blocks
        shares = (np.divide(one, rows, out=np.full_like(rows, np.nan), where=rows > 0) for one in (predicted, observed))
        return BandDays(self.days, rows, *shares)


@dataclass(frozen=True, slots=True, eq=False)
class AdaptiveIntervals:
    """What is known of one horizon's errors; ``known_day`` is the last day (since 1970) whose outcomes are in it."""

    config: Intervals
    horizon: int
    misses: Floats  # (bands,): the corrected share of misses, whose complement is the quantile's level
    errors: Floats  # (days, bands) of the last days, NaN without rows
    rows: Floats  # (days, bands) of the same days
    known_day: int | None = None

    def radius(self) -> Floats:
        """Return each band's radius.

        A band with too few days of its own borrows the errors of all bands, which are then measured in units of the
        noise that so many rows have (1 / sqrt(rows)).
        """
        enough = ceil(1 / (1 - self.config.level)) - 1
        has_rows = self.rows > 0
        pooled = (self.errors * np.sqrt(self.rows))[has_rows]
        usual = np.maximum(self.rows.sum(axis=0) / np.maximum(has_rows.sum(axis=0), 1), 1.0)
        return np.array(
            [
                self._quantile(self.errors[seen, band], miss)
                if seen.sum() >= enough
                else self._quantile(pooled / np.sqrt(usual[band]), miss)
                for band, (seen, miss) in enumerate(zip(has_rows.T, self.misses, strict=True))
            ]
        )

    def bounds(self, probability: Floats) -> tuple[Floats, Floats]:
        """Return the lower and upper ends of the intervals of the probabilities, which lie within them."""
        return around(probability, self.radius()[self.config.band(probability)])

    def learn(self, day: int, rows: Floats, errors: Floats, missed: Floats) -> "AdaptiveIntervals":
        """Return what is known after a day: each band's rows, its error and whether it was missed."""
        step = self.config.rate * (1 - self.config.level - missed)
        kept = slice(-self.config.window_days, None)
        return replace(
            self,
            misses=np.where(rows > 0, self.misses + step, self.misses),
            errors=np.vstack([self.errors, errors])[kept],
            rows=np.vstack([self.rows, rows])[kept],
            known_day=day,
        )

    def _quantile(self, errors: Floats, miss: float) -> float:
        below = -miss / self.config.rate  # steps below level zero
        if not errors.size or below >= ALL_MISSES:
            return EVERYTHING
        rank = ceil((1 - miss) * (errors.size + 1))
        if rank > errors.size:
            return float(min(errors.max() * (1 + max(below, 0.0)), EVERYTHING))
        return float(np.partition(errors, rank - 1)[rank - 1]) if rank > 0 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """Days judged one after the other, each by what was known when it began."""

    days: BandDays
    radius: Floats  # (days, bands): that of the day
    covered: Floats  # 1, 0, NaN without rows
    known: AdaptiveIntervals  # with all of the days

    def columns(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return ``low_<h>h`` and ``high_<h>h`` of the frame's rows as they were known on their day.

        Rows of a day that was not judged have the radius of the last one that was.
        """
        probability = frame[probability_column(self.known.horizon)].to_numpy()
        place = np.searchsorted(self.days.days, day_numbers(frame["event_timestamp"]), side="right")
        radius = np.vstack([np.full((1, self.radius.shape[1]), EVERYTHING), self.radius])
        return _columns(probability, radius[place, self.known.config.band(probability)], self.known.horizon)


def no_intervals(config: Intervals, horizon: int) -> AdaptiveIntervals:
    """Return what is known before the first day: nothing."""
    bands = len(config.bands) + 1
    return AdaptiveIntervals(config, horizon, np.full(bands, 1 - config.level), *np.empty((2, 0, bands)))


def band_days(frame: pl.DataFrame, config: Intervals, horizon: int) -> BandDays:
    """Count rows of decided hours by UTC day and band."""
    probability, label = probability_column(horizon), label_column(horizon)
    known = decided(frame, horizon)
    counted = (
        known.select(
            day=pl.Series(day_numbers(known["event_timestamp"])),
            band=pl.Series(config.band(known[probability].to_numpy())),
            parts=(pl.col(probability) * PARTS).round().cast(pl.Int64),
            viral=pl.col(label).cast(pl.Int64),
        )
        .group_by("day", "band")
        .agg(rows=pl.len(), predicted=pl.col("parts").sum() / PARTS / pl.len(), observed=pl.col("viral").mean())
    )
    return as_band_days(counted, config)


def as_band_days(counted: pl.DataFrame, config: Intervals) -> BandDays:
    """Turn rows ``day``, ``band``, ``rows``, ``predicted``, ``observed`` into arrays; days and bands in any order."""
    days, place = np.unique(counted["day"].to_numpy().astype(np.int64), return_inverse=True)
    arrays = {}
    for name, empty in (("rows", 0.0), ("predicted", np.nan), ("observed", np.nan)):
        arrays[name] = np.full((days.size, len(config.bands) + 1), empty)
        arrays[name][place, counted["band"].to_numpy()] = counted[name].to_numpy()
    return BandDays(days, **arrays)


def walk(start: AdaptiveIntervals, days: BandDays) -> Walk:
    """Judge each day by the days whose outcomes were all known when it began, then learn from it.

    A band with few rows is judged on the last day of each block of days, see ``BandDays.in_blocks``.
    The outcomes of a day's last row are known ``horizon`` hours after the day's end; days before ``start.known_day``
    are in ``start`` already.
    """
    days = days.in_blocks(start.config.block_rows)
    errors = np.abs(_scale(days.observed) - _scale(days.predicted))
    radius, missed = np.empty_like(errors), np.empty_like(errors)
    lag_days = 1 + ceil(start.horizon / 24)
    known, learned = start, 0
    for place, day in enumerate(days.days):
        while learned < place and days.days[learned] + lag_days <= day:
            known = known.learn(int(days.days[learned]), days.rows[learned], errors[learned], missed[learned])
            learned += 1
        radius[place] = known.radius() if place == 0 or learned else radius[place - 1]
        missed[place] = np.where(np.isnan(errors[place]), np.nan, errors[place] > radius[place])
    for place in range(learned, days.days.size):
        known = known.learn(int(days.days[place]), days.rows[place], errors[place], missed[place])
    return Walk(days, radius, 1 - missed, known)


def day_numbers(event_timestamps: pl.Series) -> Days:
    """Return the UTC day of each moment, counted from 1970."""
    days: Days = (event_timestamps.dt.epoch("s") // DAY_S).to_numpy().astype(np.int64)
    return days


def interval_columns(probabilities: pl.DataFrame, intervals: Sequence[AdaptiveIntervals]) -> pl.DataFrame:
    """Return ``low_<h>h`` and ``high_<h>h`` of the horizons; null where nothing can be said, as without any day."""
    columns = []
    for one in intervals:
        probability = probabilities[probability_column(one.horizon)].to_numpy()
        columns.append(_columns(probability, one.radius()[one.config.band(probability)], one.horizon))
    return pl.concat(columns, how="horizontal") if columns else pl.DataFrame()


def low_column(horizon: int) -> str:
    """Return the column of the lower end of the horizon's interval."""
    return f"low_{horizon}h"


def high_column(horizon: int) -> str:
    """Return the column of the upper end of the horizon's interval."""
    return f"high_{horizon}h"


def _columns(probability: Floats, radius: Floats, horizon: int) -> pl.DataFrame:
    low, high = around(probability, radius)
    bounds = pl.DataFrame({low_column(horizon): low, high_column(horizon): high})
    return bounds.select(pl.when(pl.Series(radius < EVERYTHING)).then(pl.all()).name.keep())


def around(probability: Floats, radius: Floats) -> tuple[Floats, Floats]:
    """Return the ends of intervals of so great a radius; a probability lies within its own."""
    middle = _scale(probability)
    low: Floats = np.sin(np.maximum(middle - radius, 0.0)) ** 2
    high: Floats = np.sin(np.minimum(middle + radius, EVERYTHING)) ** 2
    return np.minimum(low, probability), np.maximum(high, probability)  # rounding of the last bit


def _scale(share: Floats) -> Floats:
    scaled: Floats = np.arcsin(np.sqrt(share))
    return scaled
