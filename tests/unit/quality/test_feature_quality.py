"""The evaluation of features: plain loops over the same rows, on both engines; alerts and what becomes of them."""

import json
import math
import statistics
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from trenddrop.core.errors import ConfigError
from trenddrop.core.settings import parse_config
from trenddrop.quality import (
    FeatureQuality,
    FeatureRules,
    evaluate_features,
    feature_alerts,
    judge_features,
    load_feature_rules,
    write_feature_quality,
)
from trenddrop.quality.drift import bin_edges, kl_divergence, stability_index
from trenddrop.quality.feature_texts import OTHER
from trenddrop.schemas.hashtag_features import HASHTAG_FEATURES
from trenddrop.warehouse import Warehouse

END = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW, BASELINE = timedelta(hours=24), timedelta(hours=72)
RULES = {"window_h": 24, "baseline_h": 72, "minimum_records": 20, "minimum_baseline_h": 24, "bins": 5, "categories": 3}


@dataclass(frozen=True)
class Feature:
    name: str
    dtype: str = "float64"
    valid_min: float | None = None
    valid_max: float | None = None
    is_nullable: bool = True


FEATURES = (
    Feature("velocity"),
    Feature("views_1h", valid_min=0.0),
    Feature("momentum_score", valid_min=-1.0, valid_max=1.0),
    Feature("platform_list_size", "int64", is_nullable=False),
    Feature("is_weekend", "boolean", is_nullable=False),
    Feature("timezone_distribution", "string"),
    Feature("score"),
)


def rules(**changes) -> FeatureRules:
    return parse_config(FeatureRules, RULES | changes, origin="test")


def world(seed: int = 0, *, platform: str = "tiktok", hours: int = 120, tags: int = 3) -> pl.DataFrame:
    """Rows of ``hashtag_features`` back from END: long tails, zeros, nulls, a category and a column without values."""
    rng = np.random.default_rng(seed)
    count = hours * tags
    hour = np.repeat(np.arange(hours), tags)
    moment = [END - timedelta(hours=int(h)) for h in hour]
    blank = {name: 0 for name, dtype in HASHTAG_FEATURES.columns.items() if dtype == "int64"}
    velocity = np.where(rng.random(count) < 0.6, 0.0, rng.standard_cauchy(count))
    views = np.exp(rng.normal(10, 2, count)) * np.where(hour < 24, 3.0, 1.0)
    regions = rng.choice(["DE", "FR", "JP", "US"], count, p=[0.5, 0.3, 0.1, 0.1])
    return pl.DataFrame(
        blank
        | {
            "hashtag_id": [f"{platform}:{n % tags}" for n in range(count)],
            "feature_timestamp": moment,
            "created_timestamp": moment,
            "platform": platform,
            "feature_window_hours": 24,
            "velocity": [None if rng.random() < 0.1 else float(v) for v in velocity],
            "views_1h": views,
            "momentum_score": rng.normal(0, 0.6, count),
            "platform_list_size": rng.integers(40, 50, count),
            "is_weekend": [m.weekday() >= 5 for m in moment],
            "timezone_distribution": [None if rng.random() < 0.2 else str(r) for r in regions],
        },
        schema_overrides=dict.fromkeys(("feature_timestamp", "created_timestamp"), pl.Datetime("us", "UTC")),
    )


def evaluate(wh: Warehouse, chosen: FeatureRules, *, at: datetime = END, platform: str | None = "tiktok"):
    found = evaluate_features(wh, HASHTAG_FEATURES, FEATURES, chosen, at=at, platform=platform)
    return {one.feature: one for one in found}


def values(frame: pl.DataFrame, name: str, *, after: datetime, until: datetime) -> list:
    return frame.filter((pl.col("feature_timestamp") > after) & (pl.col("feature_timestamp") <= until))[name].to_list()


def interpolated(ordered: list[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def naive(frame: pl.DataFrame, feature: Feature) -> dict[str, float | int | None]:
    """The same figures of a number as plain loops."""
    now = values(frame, feature.name, after=END - WINDOW, until=END)
    before = values(frame, feature.name, after=END - WINDOW - BASELINE, until=END - WINDOW)
    known = [float(v) for v in now if v is not None]
    past = sorted(float(v) for v in before if v is not None)
    low, high = interpolated(past, 0.25), interpolated(past, 0.75)
    logs = [math.copysign(math.log1p(abs(v)), v) for v in (low, high)]
    reach = 3 * (logs[1] - logs[0])
    fences = [math.copysign(math.expm1(abs(v)), v) for v in (logs[0] - reach, logs[1] + reach)]
    edges = bin_edges([interpolated(past, step / 5) for step in range(1, 5)])
    counts = [
        [sum(a < v <= b for v in rows) for a, b in zip([-math.inf, *edges], [*edges, math.inf], strict=True)]
        for rows in (known, past)
    ]
    lowest, highest = feature.valid_min or -math.inf, feature.valid_max or math.inf
    if feature.valid_min == 0.0:
        lowest = 0.0
    return {
        "total": len(now),
        "nulls": now.count(None),
        "mean": statistics.fmean(known),
        "std": statistics.stdev(known),
        "minimum": min(known),
        "maximum": max(known),
        "outliers": None if low == high else sum(not fences[0] <= v <= fences[1] for v in known),
        "out_of_range": sum(not lowest <= v <= highest for v in known),
        "kl": kl_divergence(*counts),
        "psi": stability_index(*counts),
    }


def test_numbers_equal_plain_loops_on_both_engines(any_wh: Warehouse):
    frame = world()
    any_wh.append(HASHTAG_FEATURES.name, frame)
    any_wh.append(HASHTAG_FEATURES.name, world(1, platform="weibo"))  # another platform changes nothing
    found = evaluate(any_wh, rules())
    for feature in FEATURES[:4]:
        expected = naive(frame, feature)
        got = {name: getattr(found[feature.name], name) for name in expected}
        assert (got.pop("outliers"), feature.name) == (expected.pop("outliers"), feature.name)
        assert got == pytest.approx(expected, rel=1e-9, abs=1e-9), feature.name
    assert found["momentum_score"].out_of_range > 0
    assert found["views_1h"].kl > 0.05  # three times the views
    assert found["is_weekend"].outliers is None


def test_texts_are_compared_by_the_baselines_most_frequent_values(any_wh: Warehouse):
    frame = world()
    any_wh.append(HASHTAG_FEATURES.name, frame)
    one = evaluate(any_wh, rules())["timezone_distribution"]
    now = values(frame, one.feature, after=END - WINDOW, until=END)
    before = values(frame, one.feature, after=END - WINDOW - BASELINE, until=END - WINDOW)
    assert one.nulls == now.count(None)
    assert one.baseline_nulls == before.count(None)
    assert one.histogram.bounds[:2] == ("DE", "FR")
    assert one.histogram.bounds[3] == OTHER
    assert one.histogram.current[:2] == (now.count("DE"), now.count("FR"))
    assert sum(one.histogram.baseline) == len(before) - before.count(None)
    assert one.kl == pytest.approx(kl_divergence(one.histogram.current, one.histogram.baseline))


def test_a_column_without_values_has_score_0_and_an_empty_table_none(any_wh: Warehouse):
    assert {one.score for one in evaluate(any_wh, rules()).values()} == {None}
    any_wh.append(HASHTAG_FEATURES.name, world())
    found = evaluate(any_wh, rules())
    assert (found["score"].score, found["score"].mean, found["score"].kl) == (0.0, None, None)
    assert 0.9 < found["platform_list_size"].score <= 1.0


def test_what_is_not_a_number_is_out_of_range_and_not_in_the_moments(any_wh: Warehouse):
    frame = world()
    odd = frame.with_columns(
        views_1h=pl.when(pl.col("feature_timestamp") == END).then(float("inf")).otherwise("views_1h"),
        velocity=pl.when(pl.col("feature_timestamp") == END).then(float("nan")).otherwise("velocity"),
    )
    any_wh.append(HASHTAG_FEATURES.name, odd)
    found = evaluate(any_wh, rules())
    assert (found["views_1h"].out_of_range, found["velocity"].out_of_range) == (3, 3)
    assert found["views_1h"].nulls == 0
    without = values(frame, "views_1h", after=END - WINDOW, until=END - timedelta(hours=1))
    assert found["views_1h"].mean == pytest.approx(statistics.fmean(without), rel=1e-9)


def test_the_fit_reads_the_past_only(wh: Warehouse):
    """Whatever the window holds, edges and fences stay; whatever comes after it changes nothing at all."""
    wh.append(HASHTAG_FEATURES.name, world())
    before = evaluate(wh, rules(), at=END - timedelta(hours=12))
    wh.delete(
        HASHTAG_FEATURES.name,
        world()
        .filter(pl.col("feature_timestamp") > END - timedelta(hours=12))
        .select("hashtag_id", "feature_timestamp"),
    )
    assert evaluate(wh, rules(), at=END - timedelta(hours=12)) == before
    changed = world().filter(
        pl.col("feature_timestamp").is_between(END - timedelta(hours=35), END - timedelta(hours=12))
    )
    wh.delete(HASHTAG_FEATURES.name, changed.select("hashtag_id", "feature_timestamp"))
    wh.append(HASHTAG_FEATURES.name, changed.with_columns(pl.col("velocity", "views_1h") * 50))
    after = evaluate(wh, rules(), at=END - timedelta(hours=12))
    for name in ("velocity", "views_1h"):
        assert after[name].histogram.bounds == before[name].histogram.bounds
        assert after[name].histogram.baseline == before[name].histogram.baseline
    assert after["views_1h"].kl > before["views_1h"].kl


def test_without_a_baseline_there_is_no_drift_and_no_rise(wh: Warehouse):
    wh.append(HASHTAG_FEATURES.name, world(hours=20))
    found = evaluate(wh, rules())
    assert {one.kl for one in found.values()} == {None}
    assert found["views_1h"].outliers == 0  # fitted on the window itself
    assert judge_features(wh, [found["views_1h"]], rules(alerts={"null_rise": {"critical": 0.0}})) == []


def test_a_baseline_that_is_too_short_is_none(wh: Warehouse):
    wh.append(HASHTAG_FEATURES.name, world(hours=73))  # 48 hours before the window
    for needed, is_compared in ((48, True), (49, False)):
        found = evaluate(wh, rules(minimum_baseline_h=needed))["views_1h"]
        assert (found.kl is not None, found.baseline_records > 0) == (is_compared, is_compared)


def test_the_order_of_the_rows_changes_no_bit(wh: Warehouse):
    frame = world(tags=20)
    wh.append(HASHTAG_FEATURES.name, frame)
    before = evaluate(wh, rules())
    wh.delete(HASHTAG_FEATURES.name, frame.select("hashtag_id"))
    wh.append(HASHTAG_FEATURES.name, frame.sample(fraction=1.0, shuffle=True, seed=1))
    assert evaluate(wh, rules()) == before


def test_features_that_do_not_fit_at_once_are_measured_in_parts(wh: Warehouse, monkeypatch):
    wh.append(HASHTAG_FEATURES.name, world())
    whole = evaluate(wh, rules())
    monkeypatch.setattr("trenddrop.quality.feature_evaluation._CELLS", 600)
    assert evaluate(wh, rules()) == whole


def test_what_is_written_is_what_was_found_and_the_same_evaluation_replaces_it(any_wh: Warehouse):
    any_wh.append(HASHTAG_FEATURES.name, world())
    found = list(evaluate(any_wh, rules()).values())
    for _ in range(2):
        assert write_feature_quality(any_wh, found) == len(FEATURES)
    rows = {row["feature_name"]: row for row in any_wh.table("feature_quality").to_pyarrow().to_pylist()}
    assert len(rows) == any_wh.table("feature_quality").count().to_pyarrow().as_py() == len(FEATURES)
    row, one = rows["velocity"], next(one for one in found if one.feature == "velocity")
    assert row["null_percentage"] == pytest.approx(100 * one.nulls / one.total)
    assert (row["distribution_drift_score"], row["population_stability_index"]) == (one.kl, one.psi)
    assert (row["outlier_count"], row["platform"], row["evaluation_timestamp"]) == (one.outliers, "tiktok", END)
    assert tuple(json.loads(row["histogram"])["current"]) == one.histogram.current
    assert rows["score"]["mean_value"] is None


def one(**changes) -> FeatureQuality:
    base = {
        "feature": "velocity", "table": "hashtag_features", "platform": "tiktok", "evaluated_at": END, "total": 100,
        "nulls": 0, "is_nullable": True, "minimum": 0.0, "maximum": 2.0, "outliers": 0, "out_of_range": 0,
        "baseline_records": 300, "varied_before": True, "kl": 0.0, "psi": 0.0,
    }  # fmt: skip
    return FeatureQuality(**base | changes)


ALERTS = {
    "null_where_never": {"critical": 1e-9}, "null_rise": {"medium": 0.05, "high": 0.2, "critical": 0.5},
    "out_of_range": {"high": 0.01}, "outliers": {"medium": 0.05}, "kl": {"medium": 0.1}, "psi": {"high": 0.25},
    "is_stuck": {"high": 1.0},
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "measure", "severity"),
    [
        ({"nulls": 1, "is_nullable": False}, "null_where_never", "critical"),
        ({"nulls": 10}, "null_rise", "medium"),
        ({"nulls": 100, "baseline_nulls": 30, "outliers": None}, "null_rise", "critical"),
        ({"out_of_range": 1}, "out_of_range", "high"),
        ({"outliers": 5}, "outliers", "medium"),
        ({"kl": 0.1}, "kl", "medium"),
        ({"psi": 0.3}, "psi", "high"),
        ({"minimum": 2.0}, "is_stuck", "high"),
        ({"total": 19, "nulls": 10, "baseline_records": 19}, None, None),
        ({"nulls": 30, "baseline_nulls": 300}, None, None),
        ({}, None, None),
    ],
)
def test_each_measure_has_its_bounds(wh: Warehouse, changes, measure, severity):
    alerts = judge_features(wh, [one(**changes)], rules(alerts=ALERTS))
    assert [(alert.measure, alert.severity) for alert in alerts] == ([(measure, severity)] if measure else [])
    write_feature_quality(wh, [one(**changes)])
    assert feature_alerts(wh) == alerts


def test_alerts_of_the_newest_evaluation_count_and_earlier_ones_are_resolved(any_wh: Warehouse):
    chosen = rules(alerts=ALERTS)
    for place, kl in enumerate([0.0, 0.9, 0.9, 0.0]):
        found = [
            one(kl=kl, evaluated_at=END + timedelta(hours=place)),
            one(feature="score", nulls=100, outliers=None, evaluated_at=END + timedelta(hours=place)),
        ]
        for _ in range(2):  # again changes nothing
            write_feature_quality(any_wh, found)
            judge_features(any_wh, found, chosen)
        alerts = feature_alerts(any_wh, platform="tiktok")
        assert [alert.feature for alert in alerts] == (["score", "velocity"] if kl else ["score"])
    checks = (
        any_wh.table("data_quality_checks")
        .to_polars()
        .filter(pl.col("check_type") == "feature_kl")
        .sort("check_timestamp")
    )
    assert checks["resolved_at"].to_list() == [END + timedelta(hours=3)] * 2
    assert [alert.feature for alert in feature_alerts(any_wh, at_least="critical")] == ["score"]
    assert feature_alerts(any_wh, platform="weibo") == feature_alerts(any_wh, table="creator_features") == []


def test_a_feature_that_drifts_by_nature_is_not_judged_for_it_and_an_override_wins(wh: Warehouse):
    chosen = rules(alerts=ALERTS, drifts_by_nature=["velocity"], overrides={"score": {"kl": {"critical": 0.5}}})
    found = [one(kl=0.6), one(feature="score", kl=0.6), one(feature="views_1h", kl=0.6)]
    alerts = judge_features(wh, found, chosen)
    assert [(alert.feature, alert.severity) for alert in alerts] == [("score", "critical"), ("views_1h", "medium")]


def test_the_built_in_rules_know_every_feature():
    from trenddrop.features import FEATURE_SETS

    names = {definition.name for feature_set in FEATURE_SETS for definition in feature_set.definitions}
    assert load_feature_rules(features=names).bins == 10


def test_rules_that_name_what_does_not_exist_are_refused(tmp_path):
    path = tmp_path / "feature_quality.yaml"
    path.write_text("drifts_by_nature: [velocty]\noverrides: {score: {klr: {high: 1.0}}}\n")
    with pytest.raises(ConfigError, match=r"no measure 'klr'.*no feature 'velocty'"):
        load_feature_rules(path, features={"velocity", "score"})
