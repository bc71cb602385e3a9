"""``trenddrop features``: what it prints, to people and to machines, and how it refuses."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from trenddrop.cli import commands  # noqa: F401 - registers them
from trenddrop.cli.app import app
from trenddrop.core.errors import InputError, NotFoundError
from trenddrop.core.settings import Settings
from trenddrop.features import ALL_DEFINITIONS, DEFINITIONS, find_feature
from trenddrop.warehouse import open_warehouse

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
HOURS = 200


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with hourly metrics of a hashtag on two platforms and of one more, features not yet built."""
    home = tmp_path_factory.mktemp("features") / "home"
    moments = [NOON - timedelta(hours=back) for back in range(HOURS)]
    tags = {"tiktok:ramen": 1.0, "weibo:ramen": 2.0, "tiktok:sourdough": 3.0}
    heat = {"weibo:ramen": 7.0}  # the only one with a score, and without views
    names = [tag for tag in tags for _ in moments]
    times = [moment for _ in tags for moment in moments]
    metrics = pl.DataFrame(
        {
            "hashtag_id": names,
            "timestamp": times,
            "created_timestamp": times,
            "window_duration_minutes": 60,
            "view_count": [
                None if tag in heat else tags[tag] * (100 + moment.hour)
                for tag, moment in zip(names, times, strict=True)
            ],
            "score": [heat.get(tag) for tag in names],
            "is_gap": False,
            "is_reset": False,
            "platform": [tag.split(":")[0] for tag in names],
        },
        schema_overrides=dict.fromkeys(("timestamp", "created_timestamp"), pl.Datetime("us", "UTC")),
    )
    hashtags = pl.DataFrame(
        {
            "hashtag_id": list(tags),
            "name": [tag.split(":")[1] for tag in tags],
            "platform": [t.split(":")[0] for t in tags],
        }
    ).with_columns(
        pl.lit(NOON).cast(pl.Datetime("us", "UTC")).alias("first_seen_at"),
        pl.lit(NOON).cast(pl.Datetime("us", "UTC")).alias("last_updated_at"),
        status=pl.lit("active"),
        trend_type=pl.lit("hashtag"),
    )
    warehouse = open_warehouse(Settings(home=home, threads=2))
    sounds = pl.DataFrame(
        [
            {"sound_id": "tiktok:77Q", "observed_at": moment, "fetched_at": moment, "usage_count": 50 + moment.hour,
             "platform": "tiktok", "batch_id": "b"}
            for moment in times[:20]
        ],
        schema_overrides=dict.fromkeys(("observed_at", "fetched_at"), pl.Datetime("us", "UTC")),
    )  # fmt: skip
    seen = {"first_seen_at": NOON, "last_updated_at": NOON}
    sound = pl.DataFrame(
        [{"sound_id": "tiktok:77Q", "title": "a song", "is_original": False, "platform": "tiktok"} | seen],
        schema_overrides=dict.fromkeys(seen, pl.Datetime("us", "UTC")),
    )
    try:
        warehouse.append("hashtag_metrics", metrics)
        warehouse.append("hashtags", hashtags)
        warehouse.append("sound_observations", sounds)
        warehouse.append("sounds", sound)
    finally:
        warehouse.close()
    return home


def features(*arguments: str, home: Path | None = None, errors: type[Exception] | None = None) -> str:
    at = [] if home is None else ["--home", str(home)]
    done = CliRunner().invoke(app, ["features", *arguments, *at], standalone_mode=False)
    if errors is None:
        assert done.exception is None, done.exception
        return done.stdout
    assert isinstance(done.exception, errors), done.exception
    assert len(str(done.exception).splitlines()) == 1
    return str(done.exception)


@pytest.fixture(scope="module")
def built(home: Path) -> Path:
    before = features("show", "sourdough", home=home, errors=NotFoundError)
    assert "features build" in before
    found = json.loads(features("build", "--json", home=home))
    assert found["feature_rows"] == 3 * HOURS
    assert found["features"] == len(DEFINITIONS)
    return home


def test_a_range_is_built_by_dates_and_datetimes(built: Path):
    one_day = json.loads(features("build", "--from", "2026-01-08", "--to", "2026-01-09", "--json", home=built))
    one_hour = json.loads(
        features(
            "build",
            "--from",
            "2026-01-08T10:00",
            "--to",
            "2026-01-08T11:00",
            "--platform",
            "weibo",
            "--json",
            home=built,
        )
    )
    assert (one_day["feature_rows"], one_hour["feature_rows"]) == (3 * 24, 1)
    assert "is not before" in features(
        "build", "--from", "2026-01-09", "--to", "2026-01-09", home=built, errors=InputError
    )


def test_show_gives_the_newest_values_by_group_and_the_last_hours(built: Path):
    found = json.loads(features("show", "#Sourdough", "--hours", "30", "--json", home=built))
    assert found["hashtag_id"] == "tiktok:sourdough"
    assert found["features"]["A"]["views_1h"] == 336.0
    assert sorted(name for group in found["features"].values() for name in group) == sorted(d.name for d in DEFINITIONS)
    assert [row["views_1h"] for row in found["history"][-2:]] == [333.0, 336.0]
    assert len(found["history"]) == 30
    text = features("show", "tiktok:sourdough", home=built)
    assert "▁" in text
    assert "█" in text
    assert "engagement" in text
    assert "not known: " in text


def test_show_draws_what_a_source_tells(built: Path):
    found = json.loads(features("show", "weibo:ramen", "--json", home=built))
    assert list(found["history"][-1]) == ["feature_timestamp", "score", "score_rank", "score_velocity"]
    assert (found["history"][-1]["score"], found["history"][-1]["score_rank"]) == (7.0, 1)
    assert "score_rank" in features("show", "weibo:ramen", home=built).split("A: growth")[0]


def test_show_knows_the_other_entities_too(built: Path):
    found = json.loads(features("show", "77Q", "--entity", "sound", "--hours", "5", "--json", home=built))
    assert found["sound_id"] == "tiktok:77Q"
    assert found["features"]["A"]["sound_usage"] == 62.0
    assert [row["sound_usage"] for row in found["history"]] == [58.0, 59.0, 60.0, 61.0, 62.0]
    said = features("show", "77q", "--entity", "sound", home=built, errors=NotFoundError)
    assert "tiktok:77Q" in said
    wrong = features("show", "77Q", "--entity", "sond", home=built, errors=NotFoundError)
    assert "did you mean sound?" in wrong


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("sourdogh", "did you mean tiktok:sourdough?"),
        ("ramen", "tiktok:ramen or weibo:ramen"),
        ("zzzzzz", "platform:name"),
    ],
)
def test_an_unknown_hashtag_is_answered_with_the_nearest(built: Path, name: str, says: str):
    assert says in features("show", name, home=built, errors=NotFoundError)


def test_explain_follows_a_feature_down_to_columns(built: Path):
    found = json.loads(features("explain", "momentum_score", "--json", home=built))
    assert found["valid_range"] == [-1.0, 1.0]
    assert found["depends_on"]["acceleration"]["velocity"] == {"hashtag_metrics.view_count": {}}
    assert found["sources"] == ["hashtag_metrics.view_count"]
    assert found["services"][:2] == ["hashtag_viral_v1 (hashtag_growth)", "hashtag_viral_v2 (hashtag_growth)"]
    text = features("explain", "momentum_score", home=built)
    assert "hashtag_metrics.view_count" in text
    assert "-1 to 1" in text


def test_an_unknown_feature_is_answered_with_the_nearest(tmp_path: Path):
    assert "did you mean velocity" in features("explain", "velocty", home=tmp_path / "none", errors=NotFoundError)
    assert not (tmp_path / "none").exists()


def test_quality_is_evaluated_kept_and_explained(built: Path):
    found = json.loads(features("quality", "--json", home=built))
    sounds = find_feature("sound_usage")[0].definitions
    assert found["features"] == 2 * len(DEFINITIONS) + len(sounds)  # two platforms
    scores = [row["quality_score"] for row in found["quality"]]
    assert scores == sorted(scores)
    assert "score" in found["missing"]
    explained = json.loads(features("explain", "views_1h", "--json", home=built))
    assert [row["platform"] for row in explained["quality"]] == ["tiktok", "weibo"]
    text = features("quality", "--platform", "weibo", home=built)
    assert "hashtag_features of weibo, 168 rows" in text
    assert "without any value: " in text


def test_quality_without_features_says_what_to_do(tmp_path: Path):
    assert "features build" in features("quality", home=tmp_path / "home", errors=NotFoundError)


def test_docs_writes_the_page_once(tmp_path: Path):
    page = tmp_path / "features.md"
    first = json.loads(features("docs", "--out", str(page), "--json"))
    assert (first["changed"], first["features"]) == (True, len(ALL_DEFINITIONS))
    assert json.loads(features("docs", "--out", str(page), "--json"))["changed"] is False
    assert "no folder" in features("docs", "--out", str(tmp_path / "none" / "x.md"), errors=NotFoundError)


def test_without_a_subcommand_it_lists_them():
    shown = features()
    assert [name for name in ("build", "show", "explain", "quality", "docs") if name not in shown] == []


def test_nothing_served_is_nothing_to_compare(home: Path):
    done = CliRunner().invoke(app, ["features", "consistency", "--home", str(home), "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    assert json.loads(done.stdout) | {"features": {}} == {
        "vectors": 0,
        "mismatched_vectors": 0,
        "mismatch_rate": 0.0,
        "features": {},
        "not_compared": [],
        "examples": [],
    }
