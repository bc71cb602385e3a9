"""Videos: those published in one hour, and what a fetch of them sees at a later age."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from trenddrop.sources.simulation.config import SimulationConfig
from trenddrop.sources.simulation.dynamics import Hour
from trenddrop.sources.simulation.population import Population
from trenddrop.sources.simulation.streams import FETCHES, VIDEOS, stream

MOST_VIDEOS_AN_HOUR = 1 << 20  # keeps the low half of a video id apart
NO_HASHTAG = -1


@dataclass(frozen=True, slots=True)
class Publisher:
    """Turns the state of the hashtags in one hour into the videos that a scraper finds of that hour."""

    config: SimulationConfig
    population: Population
    usual_videos: float  # what all hashtags together publish in a usual hour

    def publish(self, hour: Hour) -> pl.DataFrame:
        """Return one row per video published in the hour, in compact columns."""
        config = self.config
        rng = stream(config.seed, VIDEOS, hour.index + 10_000)
        weights = np.where(hour.alive, hour.gained["videos"], 0).astype(np.float64) ** 0.8
        activity = np.clip(hour.gained["videos"].sum() / max(self.usual_videos, 1.0), 0.3, 3.0)
        expected = config.videos_per_day / 24.0 * activity if weights.any() else 0.0
        n = min(int(rng.poisson(expected)), MOST_VIDEOS_AN_HOUR - 1)
        primary = _draw(weights, rng.random(n))
        others = self._companions(primary, weights, rng)
        creator = self._creators(primary, hour, rng)
        sound = self._sounds(primary, creator, hour, rng)
        popular = self.population.followers[creator].astype(np.float64) ** 0.4
        final = rng.lognormal(np.log(40.0), 1.2, n) * popular * hour.warmth[primary]
        theme = primary % len(config.themes)
        caption = rng.random((3, n))
        spread = rng.lognormal(0.0, 0.35, (3, n))
        return pl.DataFrame(
            {
                "cohort": np.full(n, hour.index, dtype=np.int32),
                "place": np.arange(n, dtype=np.int32),
                "second": np.sort(rng.integers(0, 3600, n)).astype(np.int32),
                "primary": primary.astype(np.int32),
                "second_tag": others[0],
                "third_tag": others[1],
                "generic": rng.integers(-1, len(config.generic_tags), n).astype(np.int32),
                "creator": creator.astype(np.int32),
                "sound": sound.astype(np.int32),
                "opening": _within(self.population.opening_start, theme, caption[0]),
                "detail": _within(self.population.detail_start, theme, caption[1]),
                "closing": (caption[2] * len(config.closings)).astype(np.int32),
                "duration": rng.integers(7, 61, n).astype(np.int32),
                "final": final.astype(np.float32),
                "tau": (4.0 + rng.exponential(6.0, n)).astype(np.float32),
                "likes": np.minimum(0.08 * spread[0] * hour.warmth[primary] ** 0.3, 0.6).astype(np.float32),
                "comments": np.minimum(0.006 * spread[1], 0.3).astype(np.float32),
                "shares": np.minimum(0.007 * spread[2] * hour.warmth[primary], 0.3).astype(np.float32),
            }
        )

    def _companions(
        self, primary: npt.NDArray[np.int64], weights: npt.NDArray[np.float64], rng: np.random.Generator
    ) -> list[npt.NDArray[np.int32]]:
        """Return up to two further hashtags of the same theme, distinct; -1 for none."""
        themes = len(self.config.themes)
        order = np.argsort(np.arange(weights.size) % themes, kind="stable")
        edges = np.concatenate([[0.0], np.cumsum(weights[order])])
        sizes = np.cumsum([0, *np.bincount(np.arange(weights.size) % themes, minlength=themes)])
        theme = primary % themes
        low, high = edges[sizes[theme]], edges[sizes[theme + 1]]
        found: list[npt.NDArray[np.int32]] = []
        for chance in (0.75, 0.5):
            target = low + rng.random(primary.size) * (high - low)
            place = np.minimum(np.searchsorted(edges, target, side="right") - 1, weights.size - 1)
            tag = order[place]
            kept = (rng.random(primary.size) < chance) & (tag != primary) & (tag % themes == theme)
            for earlier in found:
                kept &= tag != earlier
            found.append(np.where(kept, tag, NO_HASHTAG).astype(np.int32))
        return found

    def _creators(self, primary: npt.NDArray[np.int64], hour: Hour, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Return who published each video: a handful in a push, newcomers in a wave, else the theme's regulars."""
        n, creators = primary.size, self.config.creators
        themes = len(self.config.themes)
        pushed = rng.random(n) < hour.pushed[primary]
        handful = (primary * 7919 + rng.integers(0, 3, n) * 104_729) % creators
        in_wave = hour.fresh[primary] > 0
        steep = np.where(in_wave, 1.1, 2.4)
        stranger = rng.random(n) < np.where(in_wave, 0.45, 0.1)
        theme = np.where(stranger, rng.integers(0, themes, n), primary % themes)
        regular = theme + themes * np.floor(rng.random(n) ** steep * (creators / themes)).astype(np.int64)
        return np.where(pushed, handful, regular % creators).astype(np.int64)

    def _sounds(
        self,
        primary: npt.NDArray[np.int64],
        creator: npt.NDArray[np.int64],
        hour: Hour,
        rng: np.random.Generator,
    ) -> npt.NDArray[np.int64]:
        """Return each video's sound: the wave's own, a hit of the catalogue, or the creator's original."""
        n, sounds = primary.size, self.config.sounds
        fresh = rng.random(n) < hour.fresh[primary]
        hits = max(sounds // 3, 1)
        hit = np.floor(rng.random(n) ** 2.0 * hits).astype(np.int64)
        own = (hits + primary * 31 + hour.wave[primary]) % sounds
        original = rng.random(n) < 0.4
        return np.where(fresh, own, np.where(original, sounds + creator, hit)).astype(np.int64)


def observe_videos(
    videos: pl.DataFrame, config: SimulationConfig, *, index: int, age_h: int, starts_at: datetime
) -> pl.DataFrame:
    """Return what fetches in hour ``index`` see of the videos published ``age_h`` hours earlier.

    Counters grow as ``final * (1 - exp(-age / tau))``, so a later fetch never sees less.
    """
    rng = stream(config.seed, FETCHES, index, age_h)
    epoch = int(starts_at.timestamp())
    fetched = epoch + index * 3600 + np.sort(rng.integers(0, 3600, videos.height))
    seen = rng.random(videos.height) >= config.gap_rate
    created = epoch + pl.col("cohort").cast(pl.Int64) * 3600 + pl.col("second")
    age = (pl.col("fetched") - pl.col("created")).cast(pl.Float64) / 3600.0
    plays = (pl.col("final").cast(pl.Float64) * (1.0 - (-age / pl.col("tau")).exp()) + 1.0).floor()
    return (
        videos.with_columns(pl.Series("fetched", fetched, dtype=pl.Int64), created.alias("created"))
        .filter(pl.Series(seen))
        .with_columns(plays.cast(pl.Int64).alias("plays"))
        .with_columns(
            ((pl.col("created").cast(pl.Int64) * (1 << 32)) + pl.col("place").cast(pl.Int64) * 4096 + 17).alias("id"),
            *(
                (pl.col("plays") * pl.col(name).cast(pl.Float64)).floor().cast(pl.Int64).alias(f"{name}_total")
                for name in ("likes", "comments", "shares")
            ),
        )
    )


def _draw(weights: npt.NDArray[np.float64], draws: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return indexes drawn in proportion to the weights."""
    edges = np.cumsum(weights)
    if draws.size == 0:
        return np.zeros(0, dtype=np.int64)
    return np.minimum(np.searchsorted(edges, draws * edges[-1], side="right"), weights.size - 1).astype(np.int64)


def _within(
    starts: npt.NDArray[np.int64], theme: npt.NDArray[np.int64], draws: npt.NDArray[np.float64]
) -> npt.NDArray[np.int32]:
    """Return a drawn position between ``starts[theme]`` and ``starts[theme + 1]``."""
    return (starts[theme] + draws * (starts[theme + 1] - starts[theme])).astype(np.int32)
