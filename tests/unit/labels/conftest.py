"""``viral_labels`` once more, as plain loops."""

import math
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from trenddrop.labels import LabelDefinition

HOUR = timedelta(hours=1)
Row = dict[str, Any]
Key = tuple[str, datetime, int]
Observed = dict[datetime, tuple[datetime, bool]]  # when an hour was learnt, and whether its metric is known


@pytest.fixture(scope="session")
def naive() -> Callable[..., dict[Key, Row]]:
    return naive_labels


def naive_labels(
    metrics: list[Row], definition: LabelDefinition, platform: str, videos: list[Row] | None = None
) -> dict[Key, Row]:
    """Compute every label by the words of its definition."""
    metrics = [row for row in metrics if row["platform"] == platform]
    world = _World(metrics, definition, videos)
    kind = {
        "onset": _onset,
        "top_rank": _top_rank,
        "top_percentile": _top_rank,
        "growth_multiple": _growth_multiple,
        "absolute": _absolute,
    }[definition.kind]
    labels = {}
    for tag, t in world.grid:
        judge = kind(world, tag, t)
        if judge is None:
            continue
        event, observed_rows, metric, base = judge
        for h in definition.horizons:
            labels[tag, t, h] = _label(world, (tag, t, h), event(h), observed_rows, metric, base)
    return labels


class _World:
    def __init__(self, metrics: list[Row], definition: LabelDefinition, videos: list[Row] | None = None) -> None:
        self.videos = videos
        self.bursts: dict[str, list[tuple[datetime, bool]]] | None = None
        self.growths: dict[tuple[str, datetime], tuple[float | None, bool]] = {}
        self.parameters: Any = definition.parameters
        self.versions: dict[str, list[Row]] = defaultdict(list)
        for row in metrics:
            self.versions[row["hashtag_id"]].append(row)
        self.newest: dict[str, dict[datetime, Row]] = {tag: _latest(rows) for tag, rows in self.versions.items()}
        moments = sorted({(row["hashtag_id"], row["timestamp"]) for row in metrics})
        self.seen = {(tag, t): self.at(tag, t) for tag, t in moments}
        self.grid = [(tag, t) for tag, t in moments if (now := self.seen[tag, t].get(t)) and not now["is_gap"]]

    def at(self, tag: str, t: datetime) -> dict[datetime, Row]:
        return _latest([row for row in self.versions[tag] if _known_from(row) <= t])


def _latest(rows: list[Row]) -> dict[datetime, Row]:
    return {row["timestamp"]: row for row in sorted(rows, key=lambda row: row["created_timestamp"])}


def _known_from(row: Row) -> datetime:
    return max(row["timestamp"], row["created_timestamp"])


def _ceil(moment: datetime) -> datetime:
    floor = moment.replace(minute=0, second=0, microsecond=0)
    return floor if floor == moment else floor + HOUR


def _rank(value: float | None, others: list[float | None]) -> float:
    return 1 + sum(other is not None and other > value for other in others) if value is not None else float("inf")


def _top_rank(world: _World, tag: str, t: datetime) -> Any:
    p = world.parameters
    column = {"score": "score", "views": "view_count", "videos": "video_count"}[p.metric]

    def limit(values: list[float | None]) -> int:
        known = sum(value is not None for value in values)
        return p.k if hasattr(p, "k") else max(1, math.ceil(p.share * known - 1e-9))

    def seen_rank(u: datetime) -> float:
        if (tag, u) not in world.grid:
            return float("inf")
        values = [world.seen[o, v][v][column] for o, v in world.grid if v == u]
        return _rank(world.seen[tag, u][u][column], values) / limit(values)

    def rank(u: datetime) -> float:
        rows = {o: r[u] for o, r in world.newest.items() if u in r and not r[u]["is_gap"]}
        values = [row[column] for row in rows.values()]
        return _rank(rows[tag][column], values) / limit(values) if tag in rows else float("inf")

    if min(seen_rank(t - n * HOUR) for n in range(p.refractory_hours + 1)) <= 1:
        return None
    observed: Observed = {}
    for rows in world.newest.values():
        for u, row in rows.items():
            if not row["is_gap"]:
                observed[u] = (max(observed.get(u, (u, True))[0], _ceil(_known_from(row))), True)
    base = world.seen[tag, t][t][column]
    return lambda h: any(rank(t + n * HOUR) <= 1 for n in range(1, h + 1)), observed, column, base


def _growth_multiple(world: _World, tag: str, t: datetime) -> Any:
    p = world.parameters
    past = [world.seen[tag, t].get(t - n * HOUR, {}).get("view_count") for n in range(p.baseline_hours)]
    known = [views for views in past if views is not None]
    if len(known) < p.min_baseline_hours:
        return None
    baseline = sum(known) / len(known)
    rows = world.newest[tag]

    def event(h: int) -> bool:
        for n in range(p.rate_hours, h + 1):
            u = t + n * HOUR
            gained = [rows.get(u - k * HOUR, {}).get("view_count") for k in range(p.rate_hours)]
            gained = [views for views in gained if views is not None]
            if u in rows and gained and sum(gained) >= max(p.min_views, p.multiple * p.rate_hours * baseline):
                return True
        return False

    return event, _own_hours(rows, "view_count"), "view_count", world.seen[tag, t][t]["view_count"]


def _absolute(world: _World, tag: str, t: datetime) -> Any:
    p = world.parameters
    rows, seen = world.newest[tag], world.seen[tag, t]
    if p.measure == "level":
        past = [row["view_total"] for u, row in seen.items() if row["view_total"] is not None and u > t - 168 * HOUR]
        value = max(past, default=None)
    else:
        past = [row["view_count"] for u, row in seen.items() if row["view_count"] is not None and u > t - 24 * HOUR]
        value = sum(past) if past else None
    if value is None or value >= p.threshold:
        return None

    def event(h: int) -> bool:
        window = [rows[u] for n in range(1, h + 1) if (u := t + n * HOUR) in rows]
        if p.measure == "level":
            return any((row["view_total"] or 0) >= p.threshold for row in window)
        return sum(row["view_count"] or 0 for row in window) >= p.threshold

    column = "view_total" if p.measure == "level" else "view_count"
    return event, _own_hours(rows, column), "view_count", seen[t]["view_count"]


def _onset(world: _World, tag: str, t: datetime) -> Any:
    p = world.parameters
    if world.bursts is None:
        world.growths = {(o, u): _growth(world, o, u) for o, u in world.grid}
        world.bursts = _bursts(world)
    bursts = world.bursts.get(tag, [])
    if any(t - p.refractory_hours * HOUR <= u <= t for u, _ in bursts):
        return None
    observed = {u: (u, world.growths[o, u][0] is not None) for o, u in world.grid if o == tag}

    def event(h: int) -> bool:
        return any(is_onset and t < u <= t + h * HOUR for u, is_onset in bursts)

    return event, observed, "view_count", world.seen[tag, t][t]["view_count"]


def _growth(world: _World, tag: str, u: datetime) -> tuple[float | None, bool]:
    """Return A and whether the volume is enough."""
    p = world.parameters
    seen = world.seen[tag, u]
    for measure, a, least in (
        ("video_count", p.video_constant, p.min_videos),
        ("view_count", p.view_constant, p.min_views),
    ):

        def known(first: int, last: int, measure: str = measure) -> list[float]:
            values = [seen.get(u - n * HOUR, {}).get(measure) for n in range(first, last + 1)]
            return [value for value in values if value is not None]

        rate, base = known(0, p.rate_hours - 1), sorted(known(p.baseline_to_hours, p.baseline_from_hours))
        if len(rate) < p.min_rate_hours or len(base) < p.min_baseline_hours:
            continue
        low, high = base[(len(base) - 1) // 2], base[len(base) // 2]
        median = low + (high - low) * 0.5
        return (math.fsum(rate) / len(rate) + a) / (median + a), math.fsum(rate) >= least
    return None, False


def _bursts(world: _World) -> dict[str, list[tuple[datetime, bool]]]:
    """Return per hashtag the hours inside a burst, and whether each is the onset."""
    p = world.parameters
    bursts: dict[str, list[tuple[datetime, bool]]] = defaultdict(list)
    runs: dict[str, tuple[int, datetime]] = {}
    for tag, u in sorted(world.grid, key=lambda key: key[1]):
        growth, is_voluminous = world.growths[tag, u]
        rivals = [world.growths[key][0] for key in world.grid if key[1] == u]
        known = [rival for rival in rivals if rival is not None]
        is_hot = (
            growth is not None
            and growth >= p.multiple
            and is_voluminous
            and 1 + sum(rival > growth for rival in known) <= max(1, math.ceil(p.top_share * len(known) - 1e-9))
            and _is_crowd(world, tag, u)
        )
        length, before = runs.get(tag, (0, u))
        if not is_hot:
            runs[tag] = (0, u)
            continue
        length = length + 1 if length and (u - before) / HOUR - 1 <= p.max_hole_hours else 1
        runs[tag] = (length, u)
        if length >= p.persistence_hours:
            bursts[tag].append((u, length == p.persistence_hours))
    return bursts


def _is_crowd(world: _World, tag: str, u: datetime) -> bool:
    newest: dict[str, Row] = {}
    for row in sorted(world.videos or [], key=lambda row: (row["observed_at"], row["fetched_at"])):
        if max(row["observed_at"], row["fetched_at"]) <= u:
            newest[row["video_id"]] = row
    views: dict[str, int] = defaultdict(int)
    for row in newest.values():
        if tag in row["hashtag_ids"] and row["creator_id"] and u - 24 * HOUR < _ceil(row["created_at"]) <= u:
            views[row["creator_id"]] += row["view_count"] or 0
    if not views:
        return True
    total = sum(views.values())
    index = math.fsum((one / total) ** 2 for one in views.values()) if total else 0.0
    return len(views) >= world.parameters.min_creators and index <= world.parameters.max_herfindahl


def _own_hours(rows: dict[datetime, Row], column: str) -> Observed:
    return {u: (_ceil(_known_from(row)), row[column] is not None) for u, row in rows.items() if not row["is_gap"]}


def _doubt(peak: Row | None, metric: str) -> float:
    if peak is None or metric != "view_count" or not peak["view_total"]:
        return 0.0
    units = [10**n for n in range(3, 10) if peak["view_total"] % 10**n == 0]
    return 0.5 * min(1.0, max(units, default=0) / max(peak["view_count"], 1.0))


def _label(world: _World, key: Key, is_event: bool, observed: Observed, metric: str, base: float | None) -> Row:
    tag, t, h = key
    hole = world.parameters.max_hole_hours
    window = [t + n * HOUR for n in range(1, h + 1)]
    covered_hours = set()
    hours = sorted(observed)
    known_at = max([t + h * HOUR, *(observed[u][0] for u in window if u in observed)])
    for before, after in zip(hours, hours[1:], strict=False):
        if (after - before) / HOUR - 1 <= hole:
            between = {before + n * HOUR for n in range(1, int((after - before) / HOUR))}
            covered_hours |= between
            if window[-1] in between:
                last = [observed[u][0] for u in hours if window[-1] <= u <= window[-1] + hole * HOUR]
                known_at = max(known_at, *last)
    if hole and window[-1] not in observed and window[-1] not in covered_hours:
        last = max((u for u in hours if u <= window[-1]), default=t)
        known_at = max(known_at, last + (hole + 1) * HOUR)
    own = sum(u in observed and observed[u][1] for u in window)
    covered = own + sum(u in covered_hours for u in window)
    is_reached = window[-1] in observed or window[-1] in covered_hours
    is_covered = is_reached and (h - covered) <= world.parameters.max_gap_share * h + 1e-6
    rows = [world.newest[tag][u] for u in window if u in world.newest[tag]]
    if metric != "view_count" or world.parameters.__class__.__name__ in ("TopRank", "TopPercentile"):
        rows = [row for row in rows if not row["is_gap"]]
    peak = max(
        (row for row in rows if row[metric] is not None),
        key=lambda r: (r[metric], -r["timestamp"].timestamp()),
        default=None,
    )
    return {
        "is_viral": True if is_event else (False if is_covered else None),
        "actual_peak_timestamp": peak and peak["timestamp"],
        "peak_view_count": peak and peak["view_count"],
        "growth_rate_percent": 100 * (peak[metric] / base - 1) if peak and base else None,
        "confidence_score": (own / h if is_event or is_covered else 0.0) * (1 - _doubt(peak, metric)),
        "matured_at": known_at,
    }
