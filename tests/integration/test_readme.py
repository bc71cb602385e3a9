"""What the README shows is what happens."""

import gzip
import re
from pathlib import Path

import pytest

from trenddrop.flow import Workspace, stages

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_mapping_of_the_readme_takes_a_table_of_readings_in(tmp_path, wh, settings):
    found = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert found is not None
    mapping, readings = tmp_path / "mine.yaml", tmp_path / "readings.csv.gz"
    mapping.write_text(found[1], encoding="utf-8")
    rows = ["tag,seen_at,views,new_likes,about"]
    rows += [f"#Ramen,2026-01-05T{hour:02}:10:00,{1.5 * hour}K,{hour},soup" for hour in range(1, 5)]
    readings.write_bytes(gzip.compress("\n".join(rows).encode()))
    ws = Workspace(settings, wh)
    taken = stages.ingest_files(ws, stages.source_named(ws, str(mapping)), [readings])
    stages.normalize_batches(ws)
    metrics = wh.table("hashtag_metrics").order_by("timestamp").to_polars()
    assert (taken.processed, taken.failed) == (4, 0)
    assert metrics["hashtag_id"].unique().to_list() == ["forum:ramen"]
    assert metrics["view_count"].to_list() == [None, 1500, 1500, 1500]
    assert metrics["timestamp"][0].hour == 1  # 01:10 in Berlin is 00:10 UTC, in the hour that ends at 1


@pytest.mark.parametrize("target", ["demo", "test", "demo-real", "jobs"])
def test_the_commands_of_the_readme_exist(target):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"make {target}" in README
    assert re.search(rf"^{target}: ", makefile, re.MULTILINE)


def test_every_command_of_the_stage_table_exists():
    from trenddrop.cli import commands  # noqa: F401 - registers them
    from trenddrop.cli.app import command_names

    assert set(re.findall(r"`trenddrop ([a-z]+)", README)) <= command_names()


def test_links_and_pictures_of_the_readme_exist():
    assert [name for name in re.findall(r"\]\(([^)#:]+)\)", README) if not (ROOT / name).exists()] == []
