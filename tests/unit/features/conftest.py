"""``hashtag_features`` once more, as plain loops."""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from trenddrop.features import residuals, semantic

HOUR = timedelta(hours=1)
Row = dict[str, Any]


@pytest.fixture(scope="session")
def naive() -> Callable[..., dict[tuple[str, datetime], Row]]:
    return naive_features


def naive_features(
    metrics: list[Row], observations: Sequence[Row] = (), videos: Sequence[Row] = (), sounds: Sequence[Row] = ()
) -> dict[tuple[str, datetime], Row]:
    """Compute every feature by its words alone: for each T, look at each record that is visible at T."""
    by_tag: dict[str, list[Row]] = defaultdict(list)
    for row in metrics:
        by_tag[row["hashtag_id"]].append(row)
    moments = sorted({(row["hashtag_id"], row["timestamp"]) for row in metrics})
    views = {(tag, t): _visible(by_tag[tag], t) for tag, t in moments}
    grid = [(tag, t) for tag, t in moments if _is_seen(by_tag[tag], t)]
    lists: dict[tuple[str, datetime], list[str]] = defaultdict(list)
    for tag, t in grid:
        lists[views[tag, t][t]["platform"], t].append(tag)
    ranks = {(tag, t): _rank(tag, t, lists, views) for tag, t in grid}
    largest = {(platform, t): _largest(tags, t, views) for (platform, t), tags in lists.items()}
    return {
        (tag, t): _features(tag, t, by_tag[tag], views, lists, ranks)
        | _totals(tag, t, observations, views[tag, t][t]["view_total"])
        | _bursts(t, views, tag)
        | _rises(t, views, tag)
        | _around(tag, t, views, lists, ranks, observations)
        | _window(tag, t, videos, sounds, largest[views[tag, t][t]["platform"], t])
        | (arrivals := _arrivals(tag, t, videos))
        | _usual(t, views[tag, t], arrivals)
        | dict.fromkeys(_FITTED)
        for tag, t in grid
    }


_FITTED = [d.name for d in (*semantic.DEFINITIONS, *residuals.DEFINITIONS)]  # null: without what was fitted before


def _known_from(row: Row) -> datetime:
    return max(row["timestamp"], row["created_timestamp"])


def _visible(rows: list[Row], t: datetime) -> dict[datetime, Row]:
    seen: dict[datetime, Row] = {}
    for row in sorted(rows, key=lambda row: row["created_timestamp"]):
        if _known_from(row) <= t:
            seen[row["timestamp"]] = row
    return seen


def _is_seen(rows: list[Row], t: datetime) -> bool:
    now = _visible(rows, t).get(t)
    return now is not None and not now["is_gap"]


def _rank(tag: str, t: datetime, lists: Any, views: Any) -> int | None:
    row = views[tag, t][t]
    if row["score"] is None:
        return None
    scores = [views[other, t][t]["score"] for other in lists[row["platform"], t]]
    return 1 + sum(1 for score in scores if score is not None and score > row["score"])


def _div(a: float | None, b: float | None) -> float | None:
    return None if a is None or not b else a / b


def _sub(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if known else None


def _features(tag: str, t: datetime, rows: list[Row], views: Any, lists: Any, ranks: Any) -> Row:
    seen = views[tag, t]
    now = seen[t]

    def at(column: str, hours: int) -> Any:
        row = seen.get(t - hours * HOUR)
        return None if row is None else row[column]

    def window(column: str, hours: int, skip: int = 0) -> list[Any]:
        return [at(column, h) for h in range(skip, skip + hours)]

    def is_observed(hours: int) -> bool:
        row = seen.get(t - hours * HOUR)
        return row is not None and not row["is_gap"]

    v = [at("view_count", h) for h in range(3)]
    velocity = _div(_sub(v[0], v[1]), v[1])
    before = _div(_sub(v[1], v[2]), v[2])
    acceleration = _div(_sub(velocity, before), before and abs(before))
    known = [value for value in window("view_count", 24) if value is not None]
    to_mean = _div(v[0], math.fsum(known) / len(known) if known else None)
    momentum = None
    if velocity is not None and to_mean is not None:
        momentum = 0.5 * math.tanh(velocity) + 0.3 * math.tanh(acceleration or 0) + 0.2 * math.tanh(to_mean - 1)
    sums = {c: _sum(window(c, 24)) for c in _COUNTS}
    per_view = {c: _div(sums[c], sums["view_count"]) for c in ("like_count", "comment_count", "share_count")}
    efficiency = None if None in per_view.values() else sum(per_view.values())
    before_6h = _sum(window("view_count", 6, skip=6))
    scores = [score for score in window("score", 6) if score is not None]
    scores_24h = [score for score in window("score", 24) if score is not None]
    peers = lists[now["platform"], t]
    peer_scores = sorted((s for p in peers if (s := views[p, t][t]["score"]) is not None), reverse=True)
    peer_views = _sum([views[p, t][t]["view_count"] for p in peers])
    past_ranks = [ranks.get((tag, t - h * HOUR)) for h in range(24)]
    age = min(_ceil(_known_from(row)) for row in rows)
    age_h = int((t - age) / HOUR)
    last = next((h for h in range(1, 168) if is_observed(h)), None)
    velocity_of = [_div(_sub(at("score", h), at("score", h + 1)), at("score", h + 1)) for h in range(2)]
    seen_24h = sum(is_observed(h) for h in range(24))
    return {
        "velocity": velocity,
        "acceleration": acceleration,
        "views_to_mean_24h": to_mean,
        "momentum_score": momentum,
        "view_count_lag_1h": at("view_count", 1),
        "view_count_lag_6h": at("view_count", 6),
        "view_count_lag_24h": at("view_count", 24),
        "velocity_6h": _div(_sub(_sum(window("view_count", 6)), before_6h), before_6h),
        "view_total": now["view_total"],
        "views_1h": v[0],
        "views_6h": _sum(window("view_count", 6)),
        "views_24h": sums["view_count"],
        "posts_1h": now["video_count"],
        "posts_24h": sums["video_count"],
        "creators_24h": sums["creator_count"],
        "views_per_post_24h": _div(sums["view_count"], sums["video_count"]),
        "age_hours": age_h,
        "hours_seen_24h": seen_24h,
        "hours_seen_7d": sum(is_observed(h) for h in range(168)),
        "hours_since_seen": last,
        "gap_share_24h": max(0.0, 1 - seen_24h / min(24, age_h + 1)),
        "score": now["score"],
        "score_lag_1h": at("score", 1),
        "score_velocity": velocity_of[0],
        "score_acceleration": _sub(*velocity_of),
        "mean_score_6h": math.fsum(scores) / len(scores) if scores else None,
        "max_score_24h": max(scores_24h, default=None),
        "score_to_max_24h": _div(now["score"], max(scores_24h, default=None)),
        "score_rank": ranks[tag, t],
        "score_rank_lag_1h": past_ranks[1],
        "rank_change_1h": _sub(past_ranks[1], ranks[tag, t]),
        "best_rank_24h": min((rank for rank in past_ranks if rank is not None), default=None),
        "score_to_10th": _div(now["score"], peer_scores[9] if len(peer_scores) > 9 else None),
        "score_to_top": _div(now["score"], peer_scores[0] if peer_scores else None),
        "platform_score_share": _div(now["score"], _sum(peer_scores)),
        "platform_view_share_1h": _div(v[0], peer_views),
        "platform_list_size": len(peers),
        "platform_new_entrants_1h": sum(p not in lists[now["platform"], t - HOUR] for p in peers),
        "likes_per_view": per_view["like_count"],
        "comments_per_view": per_view["comment_count"],
        "shares_per_view": per_view["share_count"],
        "engagement_efficiency": efficiency,
        "hour_of_day": t.hour,
        "day_of_week": t.weekday(),
        "is_weekend": t.weekday() >= 5,
    }


_COUNTS = ("view_count", "video_count", "creator_count", "like_count", "comment_count", "share_count")


def _ceil(moment: datetime) -> datetime:
    floor = moment.replace(minute=0, second=0, microsecond=0)
    return floor if floor == moment else floor + HOUR


def _totals(tag: str, t: datetime, observations: Sequence[Row], views: float | None) -> Row:
    rows = _newest_observations(tag, t, observations)
    posts = max((o["video_count"] for o in rows if o["video_count"] is not None), default=None)
    creators = max((o["creator_count"] for o in rows if o["creator_count"] is not None), default=None)
    return {
        "post_total": posts,
        "creator_total": creators,
        "views_per_post_total": _div(views, posts),
        "posts_per_creator_total": _div(posts, creators),
    }


def _newest_observations(tag: str, t: datetime, observations: Sequence[Row]) -> list[Row]:
    rows = [o for o in observations if o["hashtag_id"] == tag and _ceil(o["observed_at"]) == t and o["fetched_at"] <= t]
    newest = max(((o["observed_at"], o["fetched_at"]) for o in rows), default=None)
    return [o for o in rows if (o["observed_at"], o["fetched_at"]) == newest]


def _around(tag: str, t: datetime, views: Any, lists: Any, ranks: Any, observations: Sequence[Row]) -> Row:
    peers = lists[views[tag, t][t]["platform"], t]
    category = {
        p: max((o["category"] for o in _newest_observations(p, t, observations) if o["category"]), default=None)
        for p in peers
    }
    alike = [p for p in peers if category[tag] is not None and category[p] == category[tag]]
    order = sorted((-score, p) for p in peers if (score := views[p, t][t]["score"]) is not None)
    place = next((i for i, (_, p) in enumerate(order) if p == tag), None)

    def to_neighbour(places: int) -> float | None:
        if place is None or not 0 <= place + places < len(order):
            return None
        return _div(-order[place][0], -order[place + places][0])

    return {
        "score_to_above": to_neighbour(-1),
        "score_to_third_above": to_neighbour(-3),
        "score_to_below": to_neighbour(1),
        "score_to_third_below": to_neighbour(3),
        "topic_category": category[tag],
        "category_list_size": len(alike) or None,
        "category_top_10": sum((ranks[p, t] or 11) <= 10 for p in alike) if alike else None,
    }


def _bursts(t: datetime, views: Any, tag: str) -> Row:
    seen = views[tag, t]

    def known(column: str, oldest: int, newest: int = 0) -> list[float]:
        rows = [seen.get(t - h * HOUR) for h in range(newest, oldest + 1)]
        return [row[column] for row in rows if row is not None and row[column] is not None]

    def total(*window: Any) -> float | None:
        return math.fsum(known(*window)) if known(*window) else None

    def surprise(column: str, observed: list[float], before: list[float]) -> float | None:
        if not observed or not before:
            return None
        expected = math.fsum(before) / len(before) * len(observed)
        difference = math.fsum(observed) - expected
        return _div(difference * abs(difference), expected)

    now = seen[t]["view_count"]
    before_12h, before_24h = total("view_count", 23, 12), total("view_count", 47, 24)
    week, others = known("view_count", 167), [math.floor(v) for v in known("view_count", 23, 1)]
    z = None
    if now is not None and others:
        mean = math.fsum(others) / len(others)
        deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in others) / len(others))
        z = (math.floor(now) - mean) / deviation if deviation > 0.01 * mean else None
    growth = 24
    for h in reversed(range(24)):
        moment = t - h * HOUR
        then = views.get((tag, moment), {})
        if moment in then:
            v, previous = then[moment]["view_count"], then.get(moment - HOUR, {}).get("view_count")
            if v is None or previous is None or v <= previous:
                growth = h
    return {
        "views_7d": total("view_count", 167),
        "velocity_12h": _div(_sub(total("view_count", 11), before_12h), before_12h),
        "velocity_24h": _div(_sub(total("view_count", 23), before_24h), before_24h),
        "views_to_mean_7d": _div(now, math.fsum(week) / len(week) if week else None),
        "views_to_max_24h": _div(now, max(known("view_count", 23, 1), default=None)),
        "views_z_score_24h": z,
        "growth_hours_24h": growth,
        "views_chi_square_1h": surprise("view_count", [] if now is None else [now], known("view_count", 167, 1)),
        "posts_chi_square_6h": surprise("video_count", known("video_count", 5), known("video_count", 167, 6)),
        "creators_chi_square_6h": surprise("creator_count", known("creator_count", 5), known("creator_count", 167, 6)),
    }


def _rises(t: datetime, views: Any, tag: str) -> Row:
    def rose(moment: datetime) -> bool:
        now = views.get((tag, moment), {}).get(moment)
        return now is not None and not now["is_gap"] and (now["view_count"] or 0) > 0

    hours = [h for h in range(28 * 24) if rose(t - h * HOUR)]
    last, before, before_that = (*hours[:3], None, None, None)[:3]
    return {
        "hours_since_rise": last,
        "hours_between_rises": _sub(before, last),
        "hours_between_earlier_rises": _sub(before_that, before),
    }


def _largest(tags: list[str], t: datetime, views: Any) -> list[str]:
    viewed = [(-views[tag, t][t]["view_count"], tag) for tag in tags if views[tag, t][t]["view_count"] is not None]
    return [tag for _, tag in sorted(viewed)[:100]]


def _known(row: Row) -> datetime:
    return max(row["observed_at"], row["fetched_at"])


def _is_believable(row: Row) -> bool:
    return row["created_at"] is not None and row["created_at"] <= row["observed_at"] + 24 * HOUR


def _latest(videos: Sequence[Row], t: datetime) -> list[Row]:
    """Return each video by its newest observation of those that are visible at t."""
    newest: dict[str, Row] = {}
    for row in sorted(videos, key=_order):
        if _known(row) <= t and _is_believable(row):
            newest[row["video_id"]] = row
    return [row for row in newest.values() if row["created_at"] <= t]


def _order(row: Row) -> Any:
    texts = ["" if row[name] is None else str(row[name]) for name in ("creator_id", "sound_id", "view_count")]
    tie = [row["region"] or "", " ".join(sorted(row["hashtag_ids"])), *texts]
    return row["observed_at"], row["fetched_at"], "\n".join(tie)


def _creators(tag: str, window: list[Row]) -> dict[str, int]:
    creators: dict[str, int] = {}
    for row in window:
        if tag in row["hashtag_ids"] and row["creator_id"] is not None:
            creators[row["creator_id"]] = creators.get(row["creator_id"], 0) + (row["view_count"] or 0)
    return creators


def _window(tag: str, t: datetime, videos: Sequence[Row], sounds: Sequence[Row], largest: list[str]) -> Row:
    latest = _latest(videos, t)
    window = [row for row in latest if t - 24 * HOUR < row["created_at"]]
    mine = [row for row in window if tag in row["hashtag_ids"]]
    creators = _creators(tag, window)
    views = sum(creators.values())
    seen = [row for row in videos if _known(row) <= t and _is_believable(row)]
    old = {r["creator_id"] for r in seen if tag in r["hashtag_ids"] and r["created_at"] <= t - 24 * HOUR}
    baseline = [r for r in latest if tag in r["hashtag_ids"] and t - 192 * HOUR < r["created_at"] <= t - 24 * HOUR]
    companions = {other for row in mine for other in row["hashtag_ids"]} - {tag}
    before = {other for row in baseline for other in row["hashtag_ids"]}
    heard = [row for row in [*seen, *(r for r in sounds if _known(r) <= t)] if row["sound_id"] is not None]
    old_sounds = {row["sound_id"] for row in heard if row["observed_at"] <= t - 168 * HOUR}
    with_sound = [row["sound_id"] for row in mine if row["sound_id"] is not None]
    others = [set(_creators(other, window)) for other in largest if other != tag]
    own = set(creators)
    counts: dict[str, int] = defaultdict(int)
    for row in mine:
        if row["region"]:
            counts[row["region"]] += 1
    total = sum(counts.values())
    shares = {region: round(n / total, 10) for region, n in sorted(counts.items())}
    return {
        "timezone_distribution": json.dumps(shares) if total else None,
        "unique_creators_count": len(creators) or None,
        "creator_diversity_index": _div(sum(v * v for v in creators.values()), views * views),
        "new_creators_ratio": _div(len(own - old), len(own)),
        "top_creator_dominance": _div(max(creators.values(), default=None), views),
        "novelty_index": _sub(1, _div(len(companions & before), len(companions))),
        "cross_hashtag_novelty": 1 - max(len(own & other) / len(own | other) for other in others)
        if own and others
        else None,
        "sound_novelty_score": _div(sum(sound not in old_sounds for sound in with_sound), len(with_sound)),
    }


def _arrivals(tag: str, t: datetime, videos: Sequence[Row]) -> Row:
    def age(row: Row) -> int:
        return max(_hour(row["observed_at"]) - _hour(row["created_at"]), 1)

    def rate(rows: list[Row]) -> float:
        return sum(math.floor((row["view_count"] or 0) / age(row) * 1024) for row in rows) / 1024

    seen = [row for row in _latest(videos, t) if tag in row["hashtag_ids"] and row["observed_at"] > t - 24 * HOUR]
    known = [row for row in videos if _known(row) <= t and _is_believable(row)]

    def is_again(row: Row) -> bool:
        before = [r for r in known if r["video_id"] == row["video_id"] and _order(r) < _order(row)]
        return any(_hour(row["observed_at"]) - _hour(r["observed_at"]) <= 168 for r in before)

    new = [row for row in seen if not is_again(row)]
    old = [row for row in seen if is_again(row)]
    return {
        "seen_videos_24h": len(seen) or None,
        "new_videos_24h": len(new) if seen else None,
        "new_video_views_24h": sum(row["view_count"] or 0 for row in new) if seen else None,
        "new_video_views_per_hour": rate(new) if seen else None,
        "old_video_views_per_hour": rate(old) if seen else None,
        "new_video_age_hours": _div(sum(map(age, new)), len(new)),
        "seen_video_age_hours": _div(sum(map(age, seen)), len(seen)),
    }


def _usual(t: datetime, seen: dict[datetime, Row], arrivals: Row) -> Row:
    rows = [seen[t - h * HOUR] for h in range(72) if t - h * HOUR in seen]
    views = [row["view_count"] for row in rows if row["view_count"] is not None]
    mean = math.fsum(views) / len(views) if views else None
    new, old = (arrivals[f"{age}_video_views_per_hour"] for age in ("new", "old"))
    return {
        "mean_views_72h": mean,
        "views_to_mean_72h": _div(seen[t]["view_count"], mean),
        "new_video_views_to_mean_72h": _div(new, mean),
        "video_views_to_mean_72h": _div(None if new is None else new + old, mean),
    }


def _hour(moment: datetime) -> int:
    return -int(-moment.timestamp() // 3600)
