import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import orjson
import polars as pl
import pytest

from trenddrop.cli import main
from trenddrop.cli.commands.data import LABEL_COLUMNS
from trenddrop.feature_store import apply_repo, online_features
from trenddrop.flow.stages import FEATURE_SERVICE
from trenddrop.schemas.viral_labels import VIRAL_LABELS

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
COMMANDS = "ingest features labels train predict index match generate feedback run backtest serve simulate bench doctor forget demo models"


def trenddrop(*arguments: object, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    command = [sys.executable, "-c", "from trenddrop.cli import main; main()", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={"TRENDDROP_HOME": str(home), "PATH": "/usr/bin:/bin"}
    )


def one_line(text: str) -> bool:
    return len(text.strip().splitlines()) == 1 and "Traceback" not in text


def test_help_names_every_command(tmp_path):
    shown = trenddrop("--help", home=tmp_path).stdout
    assert [name for name in COMMANDS.split() if f" {name} " not in shown] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("ingest", "--source", "nowhere", "--input", "x"), "weibo_hot_search"),
        (("ingest", "--source", "weibo_hot_search", "--input", "absent.jsonl"), "absent.jsonl"),
        (("ingest", "--source", "weibo_hot_search", "--input", "/"), "/"),
        (("labels", "--label", "nonsense", "--platform", "weibo"), "top_rank_10"),
        (("labels",), "give --label and --platform"),
        (("models", "rollback"), "none is registered yet; run 'trenddrop train'"),
        (("labels", "import", "none.csv", "--label", "top_rank_10"), "none.csv: no such file"),
        (("labels", "sensitivity", "--label", "top_rank_10", "--platform", "weibo", "--out", "k.pdf"), "k.pdf"),
        (("match", "absent.json"), "absent.json"),
        (("bench", "nonsense"), "ingest"),
        (("forget",), "--creator"),
        (("features", "show"), "trenddrop features --help"),
        (("features", "explain", "velocty"), "velocity"),
        (("features", "build", "--from", "yesterday"), "2025-06-01"),
    ],
)
def test_a_mistake_is_one_line_with_the_way_out_and_exit_code_2(tmp_path, arguments, says, monkeypatch, capsys):
    monkeypatch.setenv("TRENDDROP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "argv", ["trenddrop", *arguments])  # in this process, which has imported everything
    with pytest.raises(SystemExit) as stopped:
        main()
    shown = capsys.readouterr()
    assert stopped.value.code == 2
    assert one_line(shown.err)
    assert says in shown.err
    assert shown.out == ""


def test_a_mistake_ends_the_process_with_2(tmp_path):
    done = trenddrop("forget", home=tmp_path / "home")
    assert (done.returncode, done.stdout) == (2, "")
    assert one_line(done.stderr)


def test_a_broken_settings_file_names_the_key(tmp_path):
    (tmp_path / "settings.yaml").write_text("engin: ducklake\n")
    done = trenddrop("doctor", home=tmp_path)
    assert done.returncode == 2
    assert "engin" in done.stderr
    assert one_line(done.stderr)


def test_doctor_prints_one_json_object_and_finds_a_fresh_home_well(tmp_path):
    done = trenddrop("doctor", "--json", home=tmp_path / "home")
    found = orjson.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert found["is_well"]
    assert {finding["question"] for finding in found["findings"]} >= {"python", "warehouse", "embedding weights"}


def test_forget_says_of_each_table_what_went_and_what_stays_changed(settings, wh, monkeypatch, capsys):
    lists = {"hashtags": ["rye"], "sounds": [], "effects": []}
    row = {"video_id": "tiktok:1", "platform": "tiktok", "last_updated_at": NOW, "first_seen_at": NOW}
    wh.append("videos", pl.DataFrame([row | lists], schema_overrides=dict.fromkeys(lists, pl.List(pl.String))))
    wh.close()
    monkeypatch.setattr(
        sys, "argv", ["trenddrop", "forget", "--hashtag", "tiktok:rye", "--json", "--home", str(settings.home)]
    )
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    shown = orjson.loads(capsys.readouterr().out)
    assert shown == {"kind": "hashtag", "id": "tiktok:rye", "deleted": {}, "changed": {"videos": 1}}


def test_predict_brings_the_online_store_to_the_hour_that_it_scored(settings, wh, monkeypatch, capsys):
    apply_repo(settings)
    hour = {"hashtag_id": "weibo:tea", "platform": "weibo", "feature_window_hours": 24, "view_total": 7.0}
    hour |= dict.fromkeys(("feature_timestamp", "created_timestamp"), NOW)
    wh.append("hashtag_features", pl.DataFrame([hour]))
    wh.close()
    scores = pl.DataFrame({"hashtag_id": ["weibo:tea"], "probability_6h": [0.5]})
    monkeypatch.setattr(
        "trenddrop.flow.training.predict_now", lambda *_, **__: scores
    )  # of a model that needs no training
    asked = ["--label", "top_rank_10", "--platform", "weibo", "--json", "--home", str(settings.home)]
    monkeypatch.setattr(sys, "argv", ["trenddrop", "predict", *asked])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert (stopped.value.code, orjson.loads(capsys.readouterr().out)["scored"]) == (0, 1)
    found = online_features(settings, ["weibo:tea"], feature_service=FEATURE_SERVICE, moment=NOW)
    assert found["feature_timestamp"].to_list() == [NOW]


def test_drift_names_the_command_that_trains_the_same_model_again(settings, monkeypatch, capsys):
    document = {"is_judged": True, "reasons": ["score: moved"], "measures": [], "model": {"name": "m"}}
    monkeypatch.setattr("trenddrop.flow.drift.check_drift", lambda *_, **__: None)
    monkeypatch.setattr("trenddrop.flow.drift.drift_document", lambda _: document)
    asked = ["--label", "top_rank_10", "--platform", "weibo", "--model", "my models/tuned.yaml"]
    monkeypatch.setattr(sys, "argv", ["trenddrop", "models", "drift", *asked, "--home", str(settings.home)])
    with pytest.raises(SystemExit):
        main()
    told = " ".join(capsys.readouterr().out.split())
    assert "trenddrop train --label top_rank_10 --platform weibo --model 'my models/tuned.yaml'" in told


@pytest.mark.parametrize("column", VIRAL_LABELS.columns)
def test_the_columns_of_imported_labels_are_told_where_they_are_asked_for(column):
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    is_made = column in ("viral_definition_name", "matured_at")  # of what else is given
    assert is_made != (column in LABEL_COLUMNS)
    assert is_made or f"`{column}`" in readme
