import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from trenddrop.core.errors import NotFoundError, QualityError
from trenddrop.core.settings import parse_config
from trenddrop.quality import Check, load_rules, require_quality, require_recorded_quality, run_checks
from trenddrop.quality.rules import _Rules
from trenddrop.warehouse import Warehouse

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
COUNTERS = ("view_count", "video_count", "creator_count", "like_count", "comment_count", "share_count")


def rules(*documents: dict) -> tuple:
    named = [{"name": f"rule_{number}", "description": "as told", **rule} for number, rule in enumerate(documents)]
    return parse_config(_Rules, {"rules": named}, origin="test").rules


def rates(critical: float = 0.5, **bounds: float) -> dict[str, float]:
    return {"critical": critical, **bounds}


def observations(levels: dict[str, list[int | None]], *, step: timedelta = HOUR) -> pl.DataFrame:
    rows = [
        {
            "hashtag_id": tag,
            "observed_at": START + place * step,
            "fetched_at": START + place * step,
            "view_count": level,
            "platform": "tiktok",
            "batch_id": "b",
        }
        for tag, values in levels.items()
        for place, level in enumerate(values)
    ]
    moment = pl.Datetime("us", "UTC")
    return pl.DataFrame(rows, schema_overrides={"view_count": pl.Int64, "observed_at": moment, "fetched_at": moment})


def metrics(values: dict[str, list[float]]) -> pl.DataFrame:
    rows = [
        {
            "hashtag_id": tag,
            "timestamp": START + place * HOUR,
            "created_timestamp": START + place * HOUR,
            "view_count": value,
            "window_duration_minutes": 60,
            "is_gap": False,
            "is_reset": False,
            "platform": "tiktok",
        }
        for tag, numbers in values.items()
        for place, value in enumerate(numbers)
    ]
    return pl.DataFrame(rows)


def only(checks: list[Check]) -> Check:
    (check,) = checks
    return check


def test_a_falling_counter_is_a_monotonic_violation(any_wh: Warehouse):
    any_wh.append("hashtag_observations", observations({"t:a": [10, 20, 15, 30], "t:b": [5, 5, 6], "t:c": [1]}))
    rule = {
        "check": "monotonic_violation",
        "table": "hashtag_observations",
        "entity": ["hashtag_id"],
        "order": ["observed_at", "fetched_at"],
        "columns": ["view_count", "like_count"],
        "severity": rates(medium=0.1),
    }
    check = only(run_checks(any_wh, rules(rule), now=START + 5 * HOUR))
    assert (check.checked, check.failed, check.severity) == (5, 1, "medium")
    assert check.measure == pytest.approx(0.2)
    assert check.details == {"falls_view_count": 1, "falls_like_count": 0}


def test_missing_fields_count_null_and_blank(any_wh: Warehouse):
    any_wh.append(
        "hashtags",
        pl.DataFrame(
            {
                "hashtag_id": ["t:a", "t:b", "t:c", "t:d"],
                "name": ["a", "  ", "c", "d"],
                "first_seen_at": [START] * 4,
                "last_updated_at": [START] * 4,
                "status": ["active"] * 4,
                "platform": ["tiktok"] * 4,
                "trend_type": ["hashtag"] * 4,
                "title": ["a", "b", None, "d"],
            }
        ),
    )
    rule = {"check": "missing_fields", "table": "hashtags", "columns": ["name", "title"], "severity": rates()}
    every, either = run_checks(any_wh, rules(rule, {**rule, "require": "any"}), now=START)
    assert (every.checked, every.failed, every.severity) == (4, 2, "critical")
    assert every.details == {"missing_name": 1, "missing_title": 1}
    assert either.failed == 0


def test_a_spike_far_above_the_median_hour_is_an_outlier(any_wh: Warehouse):
    usual = [100.0 + 7 * (place % 5) for place in range(40)]
    any_wh.append(
        "hashtag_metrics", metrics({"t:a": [*usual, 1e7], "t:b": usual, "t:flat": [3.0] * 30, "t:short": [1.0, 1e9]})
    )
    rule = {
        "check": "outlier_spike",
        "table": "hashtag_metrics",
        "entity": ["hashtag_id"],
        "column": "view_count",
        "time": "timestamp",
        "version": "created_timestamp",
        "where_false": ["is_gap"],
        "severity": rates(),
    }
    check = only(run_checks(any_wh, rules(rule), now=START))
    assert (check.checked, check.failed, check.severity) == (41 + 40 + 30, 1, "low")
    assert check.details["greatest_robust_z"] > 6


def test_only_the_newest_version_of_an_hour_is_judged(any_wh: Warehouse):
    numbers = [100.0 + place % 5 for place in range(30)]
    spiky = metrics({"t:a": [*numbers[:-1], 1e8]})
    mended = metrics({"t:a": numbers}).tail(1).with_columns(pl.col("created_timestamp") + HOUR)
    any_wh.append("hashtag_metrics", pl.concat([mended, spiky]))
    rule = {
        "check": "outlier_spike", "table": "hashtag_metrics", "entity": ["hashtag_id"], "column": "view_count",
        "time": "timestamp", "version": "created_timestamp", "severity": rates(),
    }  # fmt: skip
    check = only(run_checks(any_wh, rules(rule), now=START))
    assert (check.checked, check.failed) == (30, 0)


@pytest.mark.parametrize(
    ("age_h", "severity", "failed"), [(0, "low", 0), (3, "medium", 0), (5, "medium", 3), (100, "critical", 3)]
)
def test_the_age_of_the_newest_record_makes_a_table_stale(any_wh: Warehouse, age_h, severity, failed):
    any_wh.append("hashtag_observations", observations({"t:a": [1, 2, 3]}))
    rule = {
        "check": "staleness",
        "table": "hashtag_observations",
        "time": "observed_at",
        "limit_h": 3,
        "severity": rates(critical=72, medium=3, high=12),
    }
    check = only(run_checks(any_wh, rules(rule), now=START + (2 + age_h) * HOUR))
    assert (check.measure, check.severity, check.failed) == (pytest.approx(age_h), severity, failed)


def test_times_before_the_platforms_and_after_now_are_implausible(any_wh: Warehouse):
    frame = observations({"t:a": [1, 2, 3, 4]})
    wrong = frame.with_columns(
        pl.when(pl.col("view_count") == 1)
        .then(pl.lit(datetime(1970, 1, 1, tzinfo=UTC)))
        .when(pl.col("view_count") == 4)
        .then(pl.lit(datetime(2090, 1, 1, tzinfo=UTC)))
        .otherwise("observed_at")
        .dt.cast_time_unit("us")
        .alias("observed_at")
    )
    any_wh.append("hashtag_observations", wrong)
    rule = {
        "check": "implausible_time",
        "table": "hashtag_observations",
        "time": "observed_at",
        "severity": rates(critical=0.6, high=0.2),
    }
    check = only(run_checks(any_wh, rules(rule), now=START + 4 * HOUR))
    assert (check.failed, check.severity) == (2, "high")
    assert check.details == {"early": 1, "ahead": 1}


def test_thin_and_empty_days_between_the_first_and_the_last_fail(any_wh: Warehouse):
    per_day = {0: 2, 1: 100, 2: 100, 3: 5, 5: 100, 6: 100, 7: 1}  # day 3 is thin, day 4 is empty
    frames = [
        observations({f"t:{day}_{place}": [1] for place in range(count)}).with_columns(
            pl.lit(START + timedelta(days=day, hours=3)).dt.cast_time_unit("us").alias("observed_at")
        )
        for day, count in per_day.items()
    ]
    any_wh.append("hashtag_observations", pl.concat(frames))
    rule = {
        "check": "volume",
        "table": "hashtag_observations",
        "time": "observed_at",
        "bucket": "day",
        "severity": rates(critical=0.9, high=0.3),
    }
    check = only(run_checks(any_wh, rules(rule), now=START))
    assert (check.checked, check.failed, check.severity) == (6, 2, "high")
    assert check.details == {"empty_buckets": 1, "median_records": 100}


def test_too_few_records_are_critical_and_an_empty_table_is_not_judged_otherwise(any_wh: Warehouse):
    volume = {"check": "volume", "table": "hashtags", "time": "first_seen_at", "minimum_records": 1}
    daily = {"check": "volume", "table": "videos", "time": "first_seen_at", "bucket": "day"}
    missing = {"check": "missing_fields", "table": "videos", "columns": ["caption"]}
    stale = {"check": "staleness", "table": "videos", "time": "first_seen_at", "limit_h": 1}
    found = run_checks(
        any_wh, rules(*({**rule, "severity": rates()} for rule in (volume, daily, missing, stale))), now=START
    )
    assert [check.severity for check in found] == ["critical", "low", "low", "low"]
    assert [check.measure for check in found] == [1.0, 0.0, None, None]


def test_records_that_could_not_be_read_are_added_up_over_batches(any_wh: Warehouse):
    any_wh.append(
        "ingestion_batches",
        pl.DataFrame(
            {
                "batch_id": ["x", "y"],
                "entity_type": ["video"] * 2,
                "total_records": [90, 10],
                "processed_records": [80, 0],
                "failed_records": [10, 10],
                "duplicate_records": [0, 0],
                "status": ["completed"] * 2,
                "created_at": [START] * 2,
                "source_system": ["tiktok"] * 2,
                "source_uri": ["f"] * 2,
                "content_hash": ["h", "i"],
            }
        ),
    )
    rule = {
        "check": "rejected_records",
        "table": "ingestion_batches",
        "total": "total_records",
        "rejected": "failed_records",
        "severity": rates(high=0.1),
    }
    check = only(run_checks(any_wh, rules(rule), now=START))
    assert (check.checked, check.failed, check.severity) == (100, 20, "high")


def test_checks_are_written_with_their_figures_and_again_without_doubling(wh: Warehouse):
    wh.append("hashtag_observations", observations({"t:a": [1, 2, 3]}))
    first = run_checks(wh, load_rules(), now=START + 2 * HOUR)
    run_checks(wh, load_rules(), now=START + 2 * HOUR)
    rows = wh.table("data_quality_checks").to_pyarrow().to_pylist()
    assert len(rows) == len(first) == len(load_rules())
    assert {row["check_type"] for row in rows} >= {
        "missing_fields",
        "monotonic_violation",
        "outlier_spike",
        "staleness",
    }
    assert {json.loads(row["details"])["rule"] for row in rows} == {rule.name for rule in load_rules()}


def test_a_finding_that_is_gone_is_marked_as_resolved(any_wh: Warehouse):
    rule = rules({
        "check": "missing_fields", "table": "hashtag_observations", "columns": ["view_count"], "severity": rates(),
    })  # fmt: skip
    any_wh.append("hashtag_observations", observations({"t:a": [None, 2]}))
    run_checks(any_wh, rule, now=START)
    any_wh.delete("hashtag_observations", observations({"t:a": [None]}).select("hashtag_id", "observed_at"))
    run_checks(any_wh, rule, now=START + HOUR)
    rows = any_wh.table("data_quality_checks").order_by("check_timestamp").to_pyarrow().to_pylist()
    assert [row["failed_records"] for row in rows] == [1, 0]
    assert [row["resolved_at"] for row in rows] == [START + HOUR, None]


def test_the_last_finding_counts_whatever_moment_it_judges_at(any_wh: Warehouse):
    stale = rules({
        "check": "staleness", "table": "hashtag_observations", "time": "observed_at", "limit_h": 3,
        "severity": rates(critical=72),
    })  # fmt: skip
    any_wh.append("hashtag_observations", observations({"t:a": [1, 2, 3]}))
    run_checks(any_wh, stale, now=START + 200 * HOUR)
    with pytest.raises(QualityError):
        require_recorded_quality(any_wh, stale)
    run_checks(any_wh, stale, now=START + 2 * HOUR)  # the same data, as an archive
    require_recorded_quality(any_wh, stale)
    (row,) = any_wh.table("data_quality_checks").to_pyarrow().to_pylist()
    assert (row["severity"], row["check_timestamp"]) == ("low", START + 200 * HOUR)


def test_only_the_named_tables_are_checked(wh: Warehouse):
    found = run_checks(wh, load_rules(), now=START, tables=["videos"])
    assert {check.table for check in found} == {"videos"}
    with pytest.raises(NotFoundError, match="sounds"):
        run_checks(wh, load_rules(), now=START, tables=["sounds"])


def test_both_engines_and_a_plain_loop_agree_on_spikes(any_wh: Warehouse):
    values = {"t:steps": [0.0] * 40 + [500.0 + place for place in range(8)]} | {
        f"t:{tag}": [float((tag * 37 + place * place * 13) % 500) ** 2 for place in range(50)] for tag in range(8)
    }
    any_wh.append("hashtag_metrics", metrics(values))
    rule = {
        "check": "outlier_spike", "table": "hashtag_metrics", "entity": ["hashtag_id"], "column": "view_count",
        "time": "timestamp", "version": "created_timestamp", "robust_z": 0.6, "severity": rates(),
    }  # fmt: skip
    failed = 0
    for numbers in values.values():
        logs = (pl.Series(numbers) + 1).log()
        distance = (logs - logs.median()).abs()
        spread = max(1.4826 * distance.median() or 1.2533 * distance.mean(), 0.1)
        failed += int(((logs - logs.median()) / spread > 0.6).sum())
    assert failed > 0
    assert only(run_checks(any_wh, rules(rule), now=START)).failed == failed


def test_broken_data_stop_the_run_and_say_why(wh: Warehouse):
    saw = [1000 if place % 2 else 10 for place in range(40)]
    frame = observations({f"t:{tag}": saw for tag in range(20)})
    wh.append("hashtag_observations", frame)
    wh.append(
        "hashtags",
        pl.DataFrame({
            "hashtag_id": ["t:0"], "name": ["0"], "first_seen_at": [START], "last_updated_at": [START],
            "status": ["active"], "platform": ["tiktok"], "trend_type": ["hashtag"],
        }),
    )  # fmt: skip
    checks = run_checks(wh, load_rules(), now=START + 39 * HOUR)
    with pytest.raises(QualityError) as caught:
        require_quality(checks)
    message = str(caught.value)
    assert "1 critical data quality check failed" in message
    assert "hashtag_observations: monotonic_violation 48.72 % (380 of 780; critical from 30.00 %)" in message
    assert "quality.yaml" in message
    assert "\n" not in message


def test_sound_data_pass(wh: Warehouse):
    assert require_quality([]) is None
    wh.append("hashtag_observations", observations({f"t:{tag}": list(range(40)) for tag in range(5)}))
    found = run_checks(wh, load_rules(), now=START + 39 * HOUR, tables=["hashtag_observations"])
    require_quality(found)
    assert {check.severity for check in found} == {"low"}
