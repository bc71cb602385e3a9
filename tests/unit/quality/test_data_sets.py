"""The built-in rules over whole data sets: sound ones pass, a broken one stops the run."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from trenddrop.core.errors import QualityError
from trenddrop.core.settings import Privacy
from trenddrop.normalized import normalize
from trenddrop.quality import Check, load_rules, require_quality, run_checks
from trenddrop.sources import load_source
from trenddrop.sources.simulation import load_simulation, simulate
from trenddrop.staging import ingest
from trenddrop.warehouse import Warehouse

SMALL = {"days": 3, "hashtags": 40, "creators": 100, "sounds": 30, "videos_per_day": 60}


def checked(wh: Warehouse, source: str, *paths: Path) -> list[Check]:
    def clock() -> datetime:
        return datetime(2026, 6, 1, tzinfo=UTC)

    ingest(wh, load_source(source), paths, privacy=Privacy(), clock=clock)
    normalize(wh, clock=clock)
    now = wh.table("hashtag_metrics").timestamp.max().to_pyarrow().as_py()
    return run_checks(wh, load_rules(), now=now)


def test_simulated_records_pass(wh: Warehouse, tmp_path: Path):
    written = simulate(load_simulation().model_copy(update=SMALL), tmp_path / "raw")
    checks = checked(wh, "tiktok_records", *written.files)
    require_quality(checks)
    resets = next(check for check in checks if check.name == "hashtag_resets")
    assert resets.checked > 1000


def test_counters_that_jump_up_and_down_stop_the_run(wh: Warehouse, tmp_path: Path):
    broken = load_simulation().model_copy(update=SMALL | {"reset_rate": 0.5})
    checks = checked(wh, "tiktok_records", *simulate(broken, tmp_path / "raw").files)
    with pytest.raises(QualityError, match="hashtag_resets"):
        require_quality(checks)


@pytest.mark.real_data
def test_real_video_records_pass(wh: Warehouse, real_data: Path):
    checks = checked(wh, "tiktok_records", real_data / "tiktok_trending_2020" / "records.jsonl.zst")
    require_quality(checks)
    assert any(check.checked >= 700 for check in checks)
