import io
import json
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
import zstandard

from trenddrop.core.errors import ConfigError
from trenddrop.sources.simulation import SimulationConfig, SimulationSummary, delivery, load_simulation, simulate

SMALL = {
    "days": 3,
    "hashtags": 30,
    "creators": 120,
    "sounds": 40,
    "videos_per_day": 200,
    "reset_rate": 0.01,
    "late_rate": 0.05,
    "duplicate_rate": 0.05,
    "malformed_rate": 0.01,
    "outages_per_week": 10.0,
}


def small(**changes) -> SimulationConfig:
    return load_simulation().model_copy(update=SMALL | changes)


def lines_of(path: Path) -> list[str]:
    with zstandard.open(path, "rb") as file:
        return io.TextIOWrapper(file, encoding="utf-8", newline="\n").read().split("\n")[:-1]


def parsed(summary: SimulationSummary) -> list[dict]:
    records = []
    for path in summary.files:
        for line in lines_of(path):
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError:
                continue
    return records


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> SimulationSummary:
    return simulate(small(), tmp_path_factory.mktemp("run"))


def test_the_same_seed_gives_the_same_bytes(run, tmp_path):
    again = simulate(small(), tmp_path)
    for first, second in zip(
        (*run.files, run.truth, run.videos), (*again.files, again.truth, again.videos), strict=True
    ):
        assert first.read_bytes() == second.read_bytes()


def test_another_seed_gives_other_records(run, tmp_path):
    other = simulate(small(seed=8), tmp_path)
    assert other.files[0].read_bytes() != run.files[0].read_bytes()


@pytest.mark.parametrize("day", [0, 1, 2])
def test_any_day_alone_has_the_bytes_it_has_in_the_full_run(run, tmp_path, day):
    config = small()
    alone = simulate(config, tmp_path, days=[config.dates()[day]])
    assert [path.name for path in alone.files] == [run.files[day].name]
    assert alone.files[0].read_bytes() == run.files[day].read_bytes()


def test_the_chunk_size_changes_no_line(run, tmp_path, monkeypatch):
    monkeypatch.setattr(delivery, "CHUNK_ROWS", 37)
    monkeypatch.setattr("trenddrop.sources.simulation.world.CHUNK_ROWS", 37)
    chunked = simulate(small(), tmp_path)
    assert [lines_of(path) for path in chunked.files] == [lines_of(path) for path in run.files]


def test_a_day_outside_the_simulation_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="2030-01-01"):
        simulate(small(), tmp_path, days=[date(2030, 1, 1)])


def test_summary_counts_what_the_files_hold(run):
    lines = [line for path in run.files for line in lines_of(path)]
    hashtags = sum(line.startswith('{"challenge"') for line in lines)
    assert (run.records, run.hashtag_records, run.video_records) == (len(lines), hashtags, len(lines) - hashtags)
    assert run.size_bytes == sum(path.stat().st_size for path in run.files)


def test_broken_lines_are_as_many_as_the_summary_says(run):
    broken = run.records - len(parsed(run))
    assert broken == run.malformed > 0


def test_every_extra_copy_is_byte_equal_and_counted(run):
    lines = [line for path in run.files for line in lines_of(path) if line.endswith("}")]
    copies = len(lines) - len(set(lines))
    assert 0 < copies <= run.duplicates  # a copy may arrive before its late original, or without it at the end


def test_late_records_arrive_out_of_order_and_on_later_days(run):
    assert run.late > 0
    later = 0
    for path in run.files:
        day = path.name.removeprefix("records-").removesuffix(".jsonl.zst")
        for line in lines_of(path):
            if line.endswith("}"):
                fetched = int(line.rsplit('"fetchTime":', 1)[-1].rstrip("}"))
                later += fetched < pl.Series([day]).str.to_datetime(time_zone="UTC").dt.epoch("s").item()
    assert later > 0


def test_video_counters_never_fall_and_fetches_follow_publication(run):
    seen = defaultdict(list)
    for record in parsed(run):
        if "createTime" in record:
            assert record["fetchTime"] > record["createTime"]
            seen[record["id"]].append((record["fetchTime"], record["playCount"]))
    assert any(len(set(fetches)) > 2 for fetches in seen.values())
    for fetches in seen.values():
        plays = [count for _, count in sorted(set(fetches))]
        assert plays == sorted(plays)


def test_hashtag_counters_fall_only_where_the_truth_says_reset(run):
    truth = pl.read_parquet(run.truth)
    resets = {
        (tag, hour.timestamp()) for tag, hour in truth.filter("is_reset").select("hashtag_id", "hour").iter_rows()
    }
    levels = defaultdict(dict)
    for record in parsed(run):
        if "challenge" in record:
            levels[f"tiktok:{record['challenge']['title']}"][record["fetchTime"]] = record["stats"]["viewCount"]
    falls = 0
    for tag, by_time in levels.items():
        times = sorted(by_time)
        for earlier, later in zip(times, times[1:], strict=False):
            if by_time[later] < by_time[earlier]:
                falls += 1
                assert any(name == tag and earlier < moment <= later for name, moment in resets)
    assert falls > 0
    assert run.resets == len(resets)


def test_hashtag_increments_add_up_to_the_truth(tmp_path):
    clean = simulate(
        small(
            gap_rate=0.0, outages_per_week=0.0, reset_rate=0.0, late_rate=0.0, duplicate_rate=0.0, malformed_rate=0.0
        ),
        tmp_path,
    )
    truth = pl.read_parquet(clean.truth)
    assert truth["is_fetched"].all()
    tag = truth["hashtag_id"][0]
    mine = sorted(
        (record["fetchTime"], record["stats"]["viewCount"])
        for record in parsed(clean)
        if "challenge" in record and f"tiktok:{record['challenge']['title']}" == tag
    )
    gained = mine[-1][1] - mine[0][1]
    true = truth.filter(pl.col("hashtag_id") == tag).sort("hour")["view_count"]
    assert true[1:-1].sum() <= gained <= true.sum()


def test_records_have_the_shape_that_scrapers_write(run):
    record = next(record for record in parsed(run) if "createTime" in record)
    assert {"id", "text", "createTime", "authorMeta", "musicMeta", "videoMeta", "playCount", "diggCount"} <= set(record)
    assert {"shareCount", "commentCount", "hashtags", "locationCreated", "fetchTime", "webVideoUrl"} <= set(record)
    assert {"id", "name", "nickName", "verified", "fans", "following", "heart", "video", "region"} == set(
        record["authorMeta"]
    )
    assert {"musicId", "musicName", "musicAuthor", "musicOriginal"} == set(record["musicMeta"])
    assert all(f"#{tag['name']}" in record["text"] for tag in record["hashtags"])
    assert len({tag["name"] for tag in record["hashtags"]}) == len(record["hashtags"])


def test_video_ids_name_one_video_each(run):
    videos = {}
    for record in parsed(run):
        if "createTime" in record:
            fixed = (record["createTime"], record["text"], record["authorMeta"]["id"])
            assert videos.setdefault(record["id"], fixed) == fixed


def test_words_that_need_escaping_stay_valid_json(tmp_path):
    config = small(closings=('say "cheese" \\ now', "line\nfeed"), malformed_rate=0.0, days=1)
    texts = [record["text"] for record in parsed(simulate(config, tmp_path)) if "text" in record]
    assert any('say "cheese" \\ now' in text for text in texts)
    assert any("line\nfeed" in text for text in texts)


def test_organic_waves_grow_and_other_hours_do_not(tmp_path):
    config = small(days=10, hashtags=150, videos_per_day=0)
    truth = pl.read_parquet(simulate(config, tmp_path).truth).sort("hashtag_id", "hour")
    later = pl.col("view_rate").shift(-24).over("hashtag_id") / pl.col("view_rate")
    growth = truth.with_columns(later.alias("growth")).drop_nulls("growth")
    assert growth.filter("is_onset")["growth"].median() > 1.5 * growth.filter(~pl.col("is_onset"))["growth"].median()


def test_followers_are_heavy_tailed(run):
    fans = pl.Series([record["authorMeta"]["fans"] for record in parsed(run) if "authorMeta" in record])
    assert fans.mean() > 2 * fans.median()


def test_sample_videos_lie_beside_the_records(run):
    videos = json.loads(run.videos.read_text(encoding="utf-8"))
    assert len(videos) == 3
    assert all(set(video) == {"video_id", "transcript", "summary", "caption", "language"} for video in videos)


def test_a_failing_run_leaves_no_half_file(tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise RuntimeError("disk is full")

    monkeypatch.setattr("trenddrop.sources.simulation.world._text", fail)
    with pytest.raises(RuntimeError, match="disk is full"):
        simulate(small(days=1), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_truth_covers_every_hour_of_a_living_hashtag_once(run):
    truth = pl.read_parquet(run.truth)
    assert truth.select("hashtag_id", "hour").is_duplicated().sum() == 0
    hours = truth.group_by("hashtag_id").agg(pl.len(), (pl.col("hour").max() - pl.col("hour").min()).alias("span"))
    assert all(count == span / timedelta(hours=1) + 1 for _, count, span in hours.iter_rows())
