"""What was served against what the warehouse says: 0 mismatches on honest data, every planted one found."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from trenddrop.core.errors import FaultError
from trenddrop.core.settings import Settings
from trenddrop.feature_store import FeatureStoreSession
from trenddrop.feature_store.served import ServedLog, append_served
from trenddrop.flow import Workspace
from trenddrop.flow.consistency import check_consistency, consistency_document, require_consistency
from trenddrop.warehouse import Warehouse, open_warehouse

START = datetime(2026, 1, 1, tzinfo=UTC)
SERVICE = "hashtag_viral_v1"
HASHTAGS = ("tiktok:a", "tiktok:b", "tiktok:c", "tiktok:nobody")
ROWS = (
    *(("tiktok:a", hour, hour) for hour in range(1, 9)),
    ("tiktok:b", 2, 2),
    ("tiktok:b", 5, 5),
    ("tiktok:b", 3, 6),  # late, and older than what is known by then
    ("tiktok:b", 7, 9),  # late, and the newest when it comes
    ("tiktok:b", 5, 8),  # a later version
    ("tiktok:c", 1, 1),
)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def feature_rows(*moments: tuple[str, float, float], seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    n = len(moments)
    rows = {
        "hashtag_id": [hashtag for hashtag, _, _ in moments],
        "feature_timestamp": [at(hour) for _, hour, _ in moments],
        "created_timestamp": [at(created) for _, _, created in moments],
        "platform": ["tiktok"] * n,
        "feature_window_hours": [24] * n,
        "velocity": [None if rng.random() < 0.2 else float(x) for x in rng.normal(size=n)],
        "score_rank": rng.random(n) / 3,
        "age_hours": rng.integers(0, 2**60, n),
        "hour_of_day": [int(hour) % 24 for _, hour, _ in moments],
        "is_weekend": rng.random(n) < 0.5,
    }
    stamps = dict.fromkeys(("feature_timestamp", "created_timestamp"), pl.Datetime("us", "UTC"))
    return pl.DataFrame(rows, schema_overrides=stamps | {"velocity": pl.Float64})


@dataclass(frozen=True)
class Installation:
    settings: Settings
    warehouse: Warehouse
    session: FeatureStoreSession

    def workspace(self) -> Workspace:
        return Workspace(self.settings, self.warehouse, clock=lambda: at(100))

    def serve(self, *hours: float, ids: tuple[str, ...] = HASHTAGS) -> None:
        """Serve at the hours and log all of it."""
        log = ServedLog(lambda rows: append_served(self.warehouse, rows), share=1, rng=np.random.default_rng(0))
        for hour in hours:
            found = self.session.online_features(ids, feature_service=SERVICE, moment=at(hour))
            log.record(found, feature_service=SERVICE, moment=at(hour))
        log.close()

    def materialize(self, start: float, end: float) -> None:
        self.session.materialize(self.warehouse, start=at(start), end=at(end))

    def tamper(self, statement: str) -> None:
        online = sqlite3.connect(self.settings.home / "feast" / "online.sqlite")
        with online:
            assert online.execute(statement).rowcount == 1
        online.close()

    def checks(self) -> list[dict[str, Any]]:
        rows = self.warehouse.table("data_quality_checks")
        return rows.filter(rows.table_name == "served_features").order_by("check_timestamp").to_pyarrow().to_pylist()


@pytest.fixture(scope="module")
def applied_home(tmp_path_factory: pytest.TempPathFactory, migrated_home: Path) -> Path:
    home = tmp_path_factory.mktemp("applied") / "home"
    shutil.copytree(migrated_home, home, symlinks=True)
    FeatureStoreSession(Settings(home=home)).apply()
    return home


@pytest.fixture
def build(applied_home: Path, tmp_path: Path) -> Iterator[Callable[..., Installation]]:
    opened: list[Installation] = []

    def make(warehouse: Warehouse | None = None, *, online_store: str | None = None) -> Installation:
        home = tmp_path / "home"
        shutil.copytree(applied_home, home, symlinks=True)
        settings = Settings(home=home, threads=2, online_store=online_store)
        one = Installation(settings, warehouse or open_warehouse(settings), FeatureStoreSession(settings))
        one.warehouse.append("hashtag_features", feature_rows(*ROWS, seed=1))
        opened.append(one)
        return one

    yield make
    for one in opened:
        one.session.close()
        one.warehouse.close()


@pytest.fixture(params=["ducklake", "clickhouse"])
def installation(request: pytest.FixtureRequest, build: Callable[..., Installation]) -> Installation:
    if request.param == "ducklake":
        return build()
    return build(request.getfixturevalue("migrated_clickhouse"))


def test_honest_serving_has_no_mismatch(installation: Installation):
    """With late rows and versions, at both edges of each time to live, for hashtags that nobody knows."""
    since = 0.0
    for hour in (1, 4, 6.5, 8, 9):
        installation.materialize(since, hour)
        installation.serve(hour, hour + 0.25)
        since = hour
    hour_ends, day_ends = 9 + 1 - 1 / 3.6e9, 24 + 8
    installation.serve(hour_ends, 10, 25, 25 + 1 / 3.6e9, day_ends, day_ends + 1 / 3.6e9, 33)
    found = check_consistency(installation.workspace())
    assert (found.vectors, found.mismatched_vectors, found.mismatches()) == (17 * 4, 0, [])
    require_consistency(found)
    later = feature_rows(*((tag, hour + 0.1, 50) for tag, hour, _ in ROWS), seed=9)
    installation.warehouse.append("hashtag_features", later)  # nobody knew these when the vectors were served
    assert check_consistency(installation.workspace()).mismatched_vectors == 0
    (check,) = installation.checks()
    assert (check["check_type"], check["records_checked"], check["failed_records"]) == ("training_serving_skew", 68, 0)


def test_every_planted_mismatch_is_found_and_named(build: Callable[..., Installation]):
    one = build()
    one.materialize(0, 8)
    one.serve(8)
    table = "trenddrop_hashtag_growth"
    one.tamper(f"UPDATE {table} SET score_rank = score_rank * (1 + 1e-15) WHERE hashtag_id = 'tiktok:a'")
    one.tamper(f"UPDATE {table} SET age_hours = NULL WHERE hashtag_id = 'tiktok:b'")
    one.tamper(f"UPDATE {table} SET views_1h = 0 WHERE hashtag_id = 'tiktok:c'")
    one.serve(8.5)
    found = check_consistency(one.workspace())
    counts = {miss.feature: (miss.missing, miss.invented, miss.different) for miss in found.mismatches()}
    assert counts == {"score_rank": (0, 0, 1), "age_hours": (1, 0, 0), "views_1h": (0, 1, 0)}
    assert (found.vectors, found.mismatched_vectors) == (8, 3)
    with pytest.raises(FaultError, match=r"3 of 8 served vectors .37\.50%. are not .*age_hours 1 of 8 .1 missing"):
        require_consistency(found)
    assert consistency_document(found)["features"]["score_rank"]["rate"] == 1 / 8
    (check,) = one.checks()
    assert (check["severity"], check["failed_records"]) == ("critical", 3)
    assert json.loads(check["details"])["views_1h"] == 1
    assert check_consistency(one.workspace(), tolerance=1e-12).mismatched_vectors == 2
    assert check_consistency(one.workspace(), until=at(8.5)).mismatched_vectors == 0


def test_an_online_store_that_lags_is_a_mismatch(build: Callable[..., Installation]):
    one = build()
    one.materialize(0, 7)
    one.serve(8, ids=("tiktok:a",))
    assert check_consistency(one.workspace()).mismatched_vectors == 1


def test_features_that_came_or_went_within_the_period_are_named_as_not_compared(build: Callable[..., Installation]):
    one = build()
    one.materialize(0, 8)
    log = ServedLog(lambda rows: append_served(one.warehouse, rows), share=1, rng=np.random.default_rng(0))
    served = one.session.online_features(HASHTAGS, feature_service=SERVICE, moment=at(8))
    before = served.drop("velocity").with_columns(retired=pl.lit(1.0))
    log.record(before, feature_service=SERVICE, moment=at(8))
    log.record(served, feature_service=SERVICE, moment=at(8.5))
    log.close()
    found = check_consistency(one.workspace())
    assert found.not_compared == ("retired", "velocity")
    assert (found.vectors, found.mismatched_vectors) == (8, 0)
    assert "velocity" not in {feature.feature for feature in found.features}
    assert consistency_document(found)["not_compared"] == ["retired", "velocity"]


def test_the_log_of_the_endpoint_writes_beside_the_open_warehouse(build: Callable[..., Installation]):
    """Through a connection of its own, so that no question waits for it."""
    from trenddrop.flow.serving import served_log

    one = build()
    one.materialize(0, 8)
    log = served_log(one.settings.model_copy(update={"served_share": 1.0}))
    found = one.session.online_features(HASHTAGS, feature_service=SERVICE, moment=at(8))
    log.record(found, feature_service=SERVICE, moment=at(8))
    log.close()
    assert (log.dropped, check_consistency(one.workspace()).vectors) == (0, 4)


def test_over_redis(build: Callable[..., Installation], redis_url: str):
    """Now, since Redis forgets what is dead."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    one = build(online_store=redis_url)
    shift = (now - START) / timedelta(hours=1)
    one.warehouse.append(
        "hashtag_features", feature_rows(*((t, h + shift - 9, c + shift - 9) for t, h, c in ROWS), seed=2)
    )
    one.materialize(shift - 9, shift)
    one.serve(shift, shift + 0.5)
    found = check_consistency(one.workspace())
    assert (found.vectors, found.mismatched_vectors) == (8, 0)
    rows = one.session.online_features(HASHTAGS, feature_service=SERVICE, moment=now)
    assert rows["feature_timestamp"].to_list() == [at(shift - 1), at(shift - 2), at(shift - 8), None]
    assert rows["score_rank"].null_count() == 1


def test_the_job_ends_with_1_and_one_clear_line(
    build: Callable[..., Installation],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
):
    from pipelines.check_consistency import ConsistencyJob, run

    from trenddrop.flow.jobs import run_job

    one = build()
    monkeypatch.setenv("TRENDDROP_HOME", str(one.settings.home))
    (tmp_path / "job.yaml").write_text("trailing_hours: 1000000")
    arguments = ["check_consistency.py", str(tmp_path / "job.yaml")]
    one.materialize(0, 8)
    one.serve(8)
    assert run_job(ConsistencyJob, run, arguments) == 0
    assert json.loads(capsys.readouterr().out)["mismatch_rate"] == 0
    one.tamper("UPDATE trenddrop_hashtag_growth SET velocity = 7 WHERE hashtag_id = 'tiktok:a'")
    one.serve(8)
    assert run_job(ConsistencyJob, run, arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "served_features: 1 of 8 served vectors" in printed.err
    assert "velocity served 7.0" in printed.err
