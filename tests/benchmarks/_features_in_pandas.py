"""The formulas of ``hashtag_features`` as a careful user writes them in pandas.

It may rely on what the benchmark's data are: an hourly reading of every hashtag, nothing late, replaced or missing, one
observation per video, known within the hour after it. Trenddrop does not know that.
"""

import numpy as np
import pandas as pd

_DAY = 24
_REGIONS = ("BR", "FR", "ID", "US", "VN")
_NO_DATA = (
    "post_total", "creator_total", "views_per_post_total", "posts_per_creator_total", "score", "score_lag_1h",
    "score_velocity", "score_acceleration", "mean_score_6h", "max_score_24h", "score_to_max_24h", "score_rank",
    "score_rank_lag_1h", "rank_change_1h", "best_rank_24h", "score_to_10th", "score_to_top", "platform_score_share",
)  # fmt: skip


def features(metrics: pd.DataFrame, videos: pd.DataFrame) -> pd.DataFrame:
    """Return one row per hashtag and hour."""
    rows = _of_metrics(metrics)
    wide = rows.merge(_of_videos(rows, videos), on=["hashtag_id", "hour"], how="left")
    wide["new_video_views_to_mean_72h"] = _ratio(wide.new_video_views_per_hour, wide.mean_views_72h)
    wide["video_views_to_mean_72h"] = wide.new_video_views_to_mean_72h  # all are new
    return wide.drop(columns="hour")


def _ratio(a: pd.Series, b: pd.Series) -> pd.Series:
    return a / b.where(b != 0)


def _hours(moments: pd.Series) -> pd.Series:
    return -(-moments.astype("int64") // 3_600_000_000)


def _of_metrics(metrics: pd.DataFrame) -> pd.DataFrame:
    m = metrics.sort_values(["hashtag_id", "timestamp"], ignore_index=True)
    by_tag = m.groupby("hashtag_id", sort=False)

    def lag(name: str, hours: int) -> pd.Series:
        return by_tag[name].shift(hours)

    def rolled(name: str, hours: int, how: str, skip: int = 0) -> pd.Series:
        values = (by_tag[name].shift(skip) if skip else m[name]).groupby(m.hashtag_id, sort=False)
        return getattr(values.rolling(hours, min_periods=1), how)().reset_index(level=0, drop=True)

    out = m[["hashtag_id", "timestamp"]].rename(columns={"timestamp": "feature_timestamp"})
    out["hour"] = _hours(m.timestamp)
    v, v1, v2 = m.view_count, lag("view_count", 1), lag("view_count", 2)
    out["velocity"] = _ratio(v - v1, v1)
    before = _ratio(v1 - v2, v2)
    out["acceleration"] = _ratio(out.velocity - before, before.abs())
    views_24h = rolled("view_count", 24, "sum")
    out["views_to_mean_24h"] = _ratio(v * rolled("view_count", 24, "count"), views_24h)
    out["momentum_score"] = (
        0.5 * np.tanh(out.velocity)
        + 0.3 * np.tanh(out.acceleration.fillna(0))
        + 0.2 * np.tanh(out.views_to_mean_24h - 1)
    )
    for hours in (1, 6, 24):
        out[f"view_count_lag_{hours}h"] = lag("view_count", hours)
    views_6h, before_6h = rolled("view_count", 6, "sum"), rolled("view_count", 6, "sum", skip=6)
    out["velocity_6h"] = _ratio(views_6h - before_6h, before_6h)
    out["view_total"], out["views_1h"], out["views_6h"], out["views_24h"] = m.view_total, v, views_6h, views_24h
    out["posts_1h"], out["posts_24h"] = m.video_count, rolled("video_count", 24, "sum")
    out["creators_24h"] = rolled("creator_count", 24, "sum")
    out["views_per_post_24h"] = _ratio(views_24h, out.posts_24h)
    out["age_hours"] = by_tag.cumcount()
    out["hours_seen_24h"] = np.minimum(out.age_hours + 1, 24)
    out["hours_seen_7d"] = np.minimum(out.age_hours + 1, 168)
    out["hours_since_seen"] = np.where(out.age_hours > 0, 1.0, np.nan)
    out["gap_share_24h"] = (1 - out.hours_seen_24h / np.minimum(out.age_hours + 1, 24)).clip(lower=0)
    platform = out.groupby("hour").hashtag_id.transform("size")
    out["platform_view_share_1h"] = _ratio(v, v.groupby(out.hour).transform("sum"))
    out["platform_list_size"] = platform
    out["platform_new_entrants_1h"] = (out.age_hours == 0).groupby(out.hour).transform("sum")
    for name in ("like", "comment", "share"):
        out[f"{name}s_per_view"] = _ratio(rolled(f"{name}_count", 24, "sum"), views_24h)
    out["engagement_efficiency"] = out.likes_per_view + out.comments_per_view + out.shares_per_view
    out["hour_of_day"], out["day_of_week"] = m.timestamp.dt.hour, m.timestamp.dt.dayofweek
    out["is_weekend"] = out.day_of_week >= 5
    out["views_7d"] = rolled("view_count", 168, "sum")
    before_12h, before_24h = rolled("view_count", 12, "sum", skip=12), rolled("view_count", 24, "sum", skip=24)
    out["velocity_12h"] = _ratio(rolled("view_count", 12, "sum") - before_12h, before_12h)
    out["velocity_24h"] = _ratio(views_24h - before_24h, before_24h)
    out["views_to_mean_7d"] = _ratio(v, out.views_7d / rolled("view_count", 168, "count"))
    out["mean_views_72h"] = rolled("view_count", 72, "mean")
    out["views_to_mean_72h"] = _ratio(v, out.mean_views_72h)
    out["views_to_max_24h"] = _ratio(v, rolled("view_count", 23, "max", skip=1))
    known = np.minimum(out.age_hours, 23)  # rolling().std() carries an error of the last digits along
    whole = m.assign(views=v.astype("int64"), squares=v.astype("uint64") ** 2)
    totals = whole.groupby("hashtag_id", sort=False)[["views", "squares"]].cumsum()
    of_tag = totals.groupby(m.hashtag_id, sort=False)
    before = of_tag.shift(1, fill_value=0) - of_tag.shift(24, fill_value=0)
    mean = _ratio(before.views, known)
    n, total, squares = (column.to_numpy(np.longdouble) for column in (known, before.views, before.squares))
    deviation = (np.sqrt(np.maximum(n * squares - total * total, 0)) / np.maximum(n, 1)).astype("float64")
    out["views_z_score_24h"] = ((v - mean) / deviation).where(deviation > 0.01 * mean)
    stalled = out.hour.where(~(v > v1)).groupby(m.hashtag_id, sort=False).ffill()
    out["growth_hours_24h"] = (out.hour - stalled).clip(upper=24)
    expected = rolled("view_count", 167, "mean", skip=1)
    out["views_chi_square_1h"] = _ratio((v - expected) * (v - expected).abs(), expected)
    for name, column in (("posts", "video_count"), ("creators", "creator_count")):
        expected = rolled(column, 162, "mean", skip=6) * rolled(column, 6, "count")
        difference = rolled(column, 6, "sum") - expected
        out[f"{name}_chi_square_6h"] = _ratio(difference * difference.abs(), expected)
    rises = out.hour.where(v > 0).dropna().groupby(m.hashtag_id, sort=False)
    last, one_before, two_before = (
        rises.shift(n).reindex(m.index).groupby(m.hashtag_id, sort=False).ffill() for n in range(3)
    )
    last, one_before, two_before = (one.where(one > out.hour - 672) for one in (last, one_before, two_before))
    out["hours_since_rise"] = out.hour - last
    out["hours_between_rises"] = last - one_before
    out["hours_between_earlier_rises"] = one_before - two_before
    out[list(_NO_DATA)] = np.nan
    return out


def _of_videos(rows: pd.DataFrame, videos: pd.DataFrame) -> pd.DataFrame:
    v = videos.assign(created=_hours(videos.created_at), observed=_hours(videos.observed_at))
    v["known"] = np.maximum(v.observed, _hours(videos.fetched_at))
    v["first"] = np.maximum(v.known, v.created)
    v["sound_old"] = np.maximum(v.known, v.observed + 168).groupby(v.sound_id).transform("min")
    v["hashtag_ids"] = v.hashtag_ids.map(lambda tags: list(dict.fromkeys(tags)))
    v["age"] = np.maximum(v.observed - v.created, 1)
    v["rate"] = np.floor(v.view_count / v.age * 1024) / 1024
    columns = ["video_id", "creator_id", "sound_old", "region", "view_count", "created", "observed", "known", "first"]
    columns += ["age", "rate"]
    tagged = v[[*columns, "hashtag_ids"]].explode("hashtag_ids").rename(columns={"hashtag_ids": "tag"})
    for name in ("tag", "creator_id", "video_id", "region"):
        tagged[name] = tagged[name].astype("category")
    tagged["tag_code"], tagged["creator"] = tagged.tag.cat.codes, tagged.creator_id.cat.codes
    since = np.maximum(tagged.known, tagged.created + _DAY)
    tagged["creator_old"] = since.groupby([tagged.tag_code, tagged.creator]).transform("min")
    names = pd.DataFrame({"hashtag_id": tagged.tag.cat.categories, "tag_code": range(len(tagged.tag.cat.categories))})
    views = rows[["hashtag_id", "hour", "views_1h"]].merge(names, on="hashtag_id")
    views = views.sort_values(["hour", "views_1h", "hashtag_id"], ascending=[True, False, True])
    largest = views[views.groupby("hour").cumcount() < 100][["tag_code", "hour"]]
    pairs = tagged[["video_id", "tag_code", "created", "first"]]
    pairs = pairs.merge(pairs[["video_id", "tag_code"]].rename(columns={"tag_code": "other"}), on="video_id")
    pairs = pairs[pairs.tag_code != pairs.other].drop(columns="video_id")
    pairs["pair"] = pairs.tag_code.astype("int64") * len(names) + pairs.other
    made = pairs[["pair", "created"]].drop_duplicates().sort_values("created")
    first, last = int(rows.hour.min()), int(rows.hour.max())
    days = [
        _of_day(day, min(day + _DAY - 1, last), tagged, pairs, made, largest) for day in range(first, last + 1, _DAY)
    ]
    found = pd.concat(days).merge(names, on="tag_code")
    return found.drop(columns="tag_code")


def _active(rows: pd.DataFrame, start: int, end: int, columns: list[str], since: str = "created") -> pd.DataFrame:
    """Repeat each row for the hours of [start, end] at which less than a day has passed since then."""
    rows = rows[(rows["first"] <= end) & (rows[since] + _DAY - 1 >= start)]
    low, high = rows["first"].clip(lower=start).to_numpy(), (rows[since] + _DAY - 1).clip(upper=end).to_numpy()
    times = np.maximum(high - low + 1, 0)
    hourly = (
        rows[columns].loc[rows.index.repeat(times)]
        if rows.index.is_unique
        else rows[columns].iloc[np.repeat(np.arange(len(rows)), times)]
    )
    offset = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    return hourly.assign(hour=np.repeat(low, times) + offset)


def _of_day(
    start: int, end: int, tagged: pd.DataFrame, pairs: pd.DataFrame, made: pd.DataFrame, largest: pd.DataFrame
) -> pd.DataFrame:
    columns = ["tag_code", "creator", "creator_old", "sound_old", "view_count", "region"]
    hourly = _active(tagged, start, end, columns)
    key = ["tag_code", "hour"]
    hourly["new_sound"] = hourly.hour < hourly.sound_old
    per_creator = hourly.groupby([*key, "creator"], as_index=False).agg(
        views=("view_count", "sum"), old=("creator_old", "first")
    )
    per_creator["new"] = per_creator.hour < per_creator.old
    per_creator["square"] = per_creator.views.astype("float64") ** 2
    out = per_creator.groupby(key).agg(
        unique_creators_count=("creator", "size"), new=("new", "mean"), views=("views", "sum"),
        square=("square", "sum"), top=("views", "max"),
    )  # fmt: skip
    views = out.views.astype("float64")
    out["creator_diversity_index"] = _ratio(out.square, views * views)
    out["new_creators_ratio"], out["top_creator_dominance"] = out.new, _ratio(out.top, views)
    out["sound_novelty_score"] = hourly.groupby(key).new_sound.mean()
    regions = hourly.groupby([*key, "region"], observed=True).size().unstack(fill_value=0)
    out["timezone_distribution"] = _shares(regions)
    recent = _active(pairs, start, end, ["tag_code", "pair"]).drop_duplicates(["pair", "hour"])
    recent["until"] = recent.hour - _DAY
    seen = pd.merge_asof(
        recent.sort_values("until"),
        made.rename(columns={"created": "before"}),
        left_on="until",
        right_on="before",
        by="pair",
    )
    seen["is_seen"] = seen.before > seen.hour - 192
    out["novelty_index"] = 1 - seen.groupby(key).is_seen.mean()
    sizes = out.unique_creators_count.rename("size").reset_index()
    own = per_creator[[*key, "creator"]]
    others = own.merge(largest, on=key).rename(columns={"tag_code": "other"})
    shared = own.merge(others, on=["hour", "creator"])
    shared = shared[shared.tag_code != shared.other].groupby(["tag_code", "other", "hour"]).size().rename("shared")
    shared = shared.reset_index().merge(sizes, on=key)
    shared = shared.merge(sizes.rename(columns={"tag_code": "other", "size": "other_size"}), on=["other", "hour"])
    shared["jaccard"] = shared.shared / (shared["size"] + shared.other_size - shared.shared)
    greatest = shared.groupby(key).jaccard.max().reindex(out.index).fillna(0)
    out["cross_hashtag_novelty"] = 1 - greatest
    seen = _active(tagged, start, end, ["tag_code", "view_count", "age", "rate"], "observed").groupby(key)
    arrived = seen.agg(  # one observation a video: all that are seen are new
        seen_videos_24h=("age", "size"), new_video_views_24h=("view_count", "sum"),
        new_video_views_per_hour=("rate", "sum"), new_video_age_hours=("age", "mean"),
    )  # fmt: skip
    arrived["new_videos_24h"], arrived["seen_video_age_hours"] = arrived.seen_videos_24h, arrived.new_video_age_hours
    arrived["old_video_views_per_hour"] = 0.0
    return out.drop(columns=["new", "views", "square", "top"]).join(arrived, how="outer").reset_index()


def _shares(counts: pd.DataFrame) -> pd.Series:
    total = counts.sum(axis=1)
    text = pd.Series("", index=counts.index)
    for region in sorted(counts.columns):
        share = (counts[region] / total).round(10)
        written = share.map({value: f'"{region}": {_digits(value)}' for value in share.unique()})
        has = counts[region] > 0
        text = text + np.where(has, np.where(text != "", ", ", "") + written, "")
    return "{" + text + "}"


def _digits(value: float) -> str:
    digits = f"{value:.10f}".rstrip("0")
    return digits + "0" if digits.endswith(".") else digits
