"""How hashtags spread, hour by hour.

Each hashtag is a self-exciting (Hawkes) process on hours with a finite audience, as in the Bass model:

    rate(t) = daily(t) * (base + R(t) * E(t) * S(t)) + pushed(t)
    E(t+1)  = 0.7 E(t) + 0.3 videos(t)          excitation by what was published
    S(t+1)  = S(t) - videos(t) / market         susceptible share, recovering over two weeks

with Gamma-Poisson noise. Three kinds of shock come from outside: *organic* waves lift R above 1 little by little,
*news* lifts E once and fades, a *push* adds the videos of a handful of creators and excites nobody. Organic waves
announce themselves: sharing, the diversity of creators and a fresh sound move before the views do.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trenddrop.sources.simulation.config import SimulationConfig
from trenddrop.sources.simulation.streams import DYNAMICS, HASHTAGS, stream

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

WARM_UP_H = 240
RAMP_H = 7.0
COUNTERS = ("views", "videos", "likes", "comments", "shares")


@dataclass(frozen=True, slots=True)
class Hour:
    """What happened to every hashtag in one hour; ``index`` 0 is the first simulated hour.

    ``before`` holds the five cumulative counters at the hour's start; a reset falls on the hour's end.
    """

    index: int
    alive: Bools
    rate: Floats  # expected videos
    view_rate: Floats  # expected views
    gained: dict[str, Ints]
    before: dict[str, Ints]
    reproduction: Floats
    warmth: Floats  # how much more than usual people share
    starts: dict[str, Bools]  # organic, news, push: a shock begins
    reset: Bools
    pushed: Floats  # share of the videos that comes from a handful of creators
    fresh: Floats  # share of the videos that uses the wave's own sound
    wave: Ints  # number of organic waves so far


class Dynamics:
    """The state of all hashtags; ``step`` moves it by one hour."""

    def __init__(self, config: SimulationConfig) -> None:
        self.config = config
        rng = stream(config.seed, HASHTAGS)
        n, hours = config.hashtags, config.days * 24
        self.index = -WARM_UP_H
        self.theme = np.arange(n) % len(config.themes)
        self.base = rng.lognormal(np.log(6.0), 1.1, n)
        self.calm_reproduction = rng.uniform(0.45, 0.8, n)
        old = rng.random(n) < 0.6
        self.born = np.where(old, -WARM_UP_H, rng.integers(1, max(hours - 24, 2), n))
        self.phase = rng.normal(19.0, 3.0, n)
        self.views_per_video = rng.lognormal(np.log(900.0), 0.7, n)
        self.like_ratio = rng.beta(8, 92, n)
        self.comment_ratio = rng.beta(4, 600, n)
        self.share_ratio = rng.beta(5, 700, n)
        self.appeal = rng.lognormal(0.0, 0.5, n)
        self.mood = np.zeros(len(config.themes))
        steady = self.base / (1.0 - self.calm_reproduction)
        self.excitation = np.where(old, steady, 0.0)
        self.audience = self.excitation * 4.0
        self.market = np.maximum(steady, 20.0) * rng.lognormal(np.log(350.0), 0.7, n)
        self.susceptible = np.ones(n)
        self.lift = np.zeros(n)
        self.wave_age = np.zeros(n)
        self.wave_left = np.zeros(n)
        self.fatigue = np.zeros(n)
        self.push = np.zeros(n)
        self.waves = np.zeros(n, dtype=np.int64)
        history = np.where(old, rng.lognormal(np.log(2000.0), 1.0, n), 0.0)
        self.total = {
            "videos": (steady * history).astype(np.int64),
            "views": (steady * history * self.views_per_video).astype(np.int64),
        }
        for name, ratio in (
            ("likes", self.like_ratio),
            ("comments", self.comment_ratio),
            ("shares", self.share_ratio),
        ):
            self.total[name] = (self.total["views"] * ratio).astype(np.int64)

    def step(self) -> Hour:
        """Simulate the next hour."""
        config, t = self.config, self.index
        rng = stream(config.seed, DYNAMICS, t + WARM_UP_H)
        n = config.hashtags
        alive = self.born <= t
        starts = self._shocks(rng, alive)
        active = self.wave_left > 0
        ramp = np.clip(self.wave_age / RAMP_H, 0.0, 1.0)
        lift = np.where(active, self.lift * ramp, 0.0)
        reproduction = self.calm_reproduction * (1.0 - self.fatigue) + lift
        daily = 1.0 + 0.22 * np.cos(2 * np.pi * ((t % 24) - self.phase) / 24.0)
        organic = daily * (self.base + reproduction * self.excitation * self.susceptible)
        rate = np.where(alive, organic + self.push, 0.0)
        noise = rng.gamma(12.0, 1.0 / 12.0, n)
        videos = rng.poisson(np.minimum(rate * noise, 1e12))
        pushed = np.where(rate > 0, self.push / np.maximum(rate, 1e-9), 0.0)
        own = videos * (1.0 - pushed)

        star = (rng.random(n) < 0.002) & alive
        self.audience = 0.75 * self.audience + own * rng.gamma(6.0, 1.0 / 6.0, n)
        self.audience = np.where(star, self.audience * (1.0 + rng.pareto(2.5, n)), self.audience)
        view_rate = np.where(alive, daily * self.audience * self.views_per_video * 0.25, 0.0)
        views = np.minimum(view_rate * rng.gamma(40.0, 1.0 / 40.0, n), 1e13).astype(np.int64)
        # people share what is about to spread: the earliest sign of an organic wave
        warmth = np.clip(1.0 + 1.1 * np.where(active, self.lift * np.sqrt(ramp), 0.0), 0.2, 4.0)
        gained: dict[str, Ints] = {"views": views, "videos": videos.astype(np.int64)}
        for name, ratio, power in (
            ("likes", self.like_ratio, 0.3),
            ("comments", self.comment_ratio, 0.5),
            ("shares", self.share_ratio, 1.0),
        ):
            share = ratio * warmth**power * rng.gamma(25.0, 1.0 / 25.0, n)
            gained[name] = (views * np.minimum(share, 0.6)).astype(np.int64)

        before = {name: self.total[name].copy() for name in COUNTERS}
        reset = (rng.random(n) < config.reset_rate) & alive
        kept = np.where(reset, rng.uniform(0.5, 0.97, n), 1.0)
        for name in COUNTERS:
            after = before[name] + gained[name]
            self.total[name] = np.where(reset, (after * kept).astype(np.int64), after)
        self._relax(videos, own)
        self.index += 1
        return Hour(
            index=t,
            alive=alive,
            rate=rate,
            view_rate=view_rate,
            gained=gained,
            before=before,
            reproduction=reproduction,
            warmth=warmth,
            starts=starts,
            reset=reset,
            pushed=pushed,
            fresh=np.where(active, 0.15 + 0.5 * ramp, 0.0),
            wave=self.waves.copy(),
        )

    def _shocks(self, rng: np.random.Generator, alive: Bools) -> dict[str, Bools]:
        """Draw the shocks of this hour and take them into the state."""
        config, n = self.config, self.config.hashtags
        self.mood = 0.985 * self.mood + rng.normal(0.0, 0.12, self.mood.size)
        calm = alive & (self.wave_left <= 0) & (self.fatigue < 0.15)
        eager = self.appeal * np.exp(np.clip(self.mood[self.theme], -1.5, 1.5))
        newborn = alive & (self.index - self.born < 12) & (self.born > -WARM_UP_H)
        chance = config.organic_rate * eager * np.where(newborn, 6.0, 1.0)
        draws = rng.random((3, n))
        organic = calm & (draws[0] < chance)
        news = alive & (draws[1] < config.news_rate)
        push = alive & (draws[2] < config.push_rate)
        lift = 0.35 + rng.gamma(2.5, 0.22, n)
        length = np.clip(rng.gamma(4.0, 6.0, n), 6.0, 72.0)
        self.lift = np.where(organic, np.minimum(lift, 1.4), self.lift)
        self.wave_left = np.where(organic, length, self.wave_left)
        self.wave_age = np.where(organic, 0.0, self.wave_age)
        self.waves = self.waves + organic
        jump = rng.lognormal(np.log(2.0), 0.6, n)
        self.excitation = np.where(news, (self.excitation + self.base) * jump, self.excitation)
        self.push = np.where(push, self.push + (self.base + 4.0) * rng.lognormal(np.log(5.0), 0.6, n), self.push)
        return {"organic": organic, "news": news, "push": push}

    def _relax(self, videos: npt.NDArray[Any], own: Floats) -> None:
        """Let excitation, audience and shocks move on to the next hour."""
        self.excitation = 0.7 * self.excitation + 0.3 * own
        spent = videos / self.market
        self.susceptible = np.clip(self.susceptible - spent + (1.0 - self.susceptible) / 336.0, 0.02, 1.0)
        ending = (self.wave_left > 0) & (self.wave_left <= 1)
        self.fatigue = np.where(ending, 0.6, self.fatigue * 0.97)
        self.wave_left = np.maximum(self.wave_left - 1.0, 0.0)
        self.wave_age = self.wave_age + 1.0
        self.push = self.push * 0.7
        self.push = np.where(self.push < 0.05, 0.0, self.push)
