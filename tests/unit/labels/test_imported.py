"""Imported labels: checked wholly, kept beside the automatic ones, and the ones that count."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pyarrow as pa
import pytest

from trenddrop.core.errors import InputError
from trenddrop.labels import LabelDefinition, build_labels, decided_labels, import_labels
from trenddrop.schemas import TABLES

HOUR = timedelta(hours=1)
DEFINITION = LabelDefinition.model_validate(
    {"name": "t", "kind": "top_rank", "horizons": (6, 12, 24), "parameters": {"k": 1}}
)
START = datetime(2026, 1, 2, tzinfo=UTC)


def write(path, rows):
    frame = pl.DataFrame(rows)
    {".csv": frame.write_csv, ".jsonl": frame.write_ndjson, ".parquet": frame.write_parquet}[path.suffix](path)
    return path


def decided(wh):
    rows = decided_labels(wh.table("viral_labels")).to_pyarrow().to_pylist()
    found = {(row["hashtag_id"], row["label_timestamp"], row["prediction_window_hours"]): row for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_files_of_every_kind_say_the_same(wh, tmp_path, ending):
    rows = [
        {"hashtag_id": "weibo:#Ａ", "label_timestamp": "2026-01-02 03:00", "prediction_window_hours": 12,
         "is_viral": True, "peak_view_count": 7.5, "confidence_score": 0.5},
        {"hashtag_id": "weibo:b", "label_timestamp": "2026-01-02T04:00:00+01:00", "prediction_window_hours": 12,
         "is_viral": False, "peak_view_count": None, "confidence_score": None},
    ]  # fmt: skip
    path = write(tmp_path / f"labels.{ending}", rows)
    summary = import_labels(wh, path, DEFINITION)
    assert (summary.rows, summary.implied, summary.written) == (2, 2, 4)
    got = {key: (row["is_viral"], row["confidence_score"], row["peak_view_count"]) for key, row in decided(wh).items()}
    at = START + 3 * HOUR
    assert got == {
        ("weibo:a", at, 12): (True, 0.5, 7.5),
        ("weibo:a", at, 24): (True, 0.5, None),
        ("weibo:b", at, 6): (False, 1.0, None),
        ("weibo:b", at, 12): (False, 1.0, None),
    }
    assert {row["matured_at"] - row["label_timestamp"] for row in decided(wh).values()} == {
        6 * HOUR,
        12 * HOUR,
        24 * HOUR,
    }
    assert import_labels(wh, path, DEFINITION).written == 0


def test_imported_labels_win_and_survive_rebuilds(wh, tmp_path, metric):
    metrics = [
        metric(at, tag=tag, platform="weibo", view_count=1.0, score=score)
        for tag, score in (("a", 9.0), ("b", 8.0))
        for at in range(30)
    ]
    wh.append("hashtag_metrics", pa.Table.from_pylist(metrics, schema=TABLES["hashtag_metrics"].ibis().to_pyarrow()))
    build_labels(wh, DEFINITION, platform="weibo")
    key = ("weibo:b", metric(2)["timestamp"], 6)
    assert decided(wh)[key]["is_viral"] is False
    rows = {"hashtag": ["b"], "label_timestamp": [key[1]], "prediction_window_hours": [6], "is_viral": [True]}
    path = write(tmp_path / "guess.parquet", rows)
    import_labels(wh, path, DEFINITION, platform="weibo", method="semi_supervised")
    rows["is_viral"] = [None]
    manual = write(tmp_path / "manual.parquet", {**rows, "labeling_method": ["manual"]})
    assert decided(wh)[key]["is_viral"] is True
    before = build_labels(wh, DEFINITION, platform="weibo")
    assert decided(wh)[key]["labeling_method"] == "semi_supervised"
    import_labels(wh, manual, DEFINITION, platform="weibo")
    assert decided(wh)[key]["is_viral"] is None
    assert decided(wh)[key[0], key[1], 12]["is_viral"] is True  # implied by the semi-supervised one
    assert build_labels(wh, DEFINITION, platform="weibo") == before
    assert len(decided(wh)) == before.rows
    assert wh.table("viral_labels").count().to_pyarrow().as_py() == before.rows + 4


GOOD = {"hashtag_id": "weibo:a", "label_timestamp": "2026-01-02 03:00", "prediction_window_hours": "6", "is_viral": "1"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hashtag_id": "nameless"}, "row 2: hashtag_id"),
        ({"label_timestamp": "yesterday"}, "row 2: label_timestamp: no moment"),
        ({"label_timestamp": "2026-01-02 03:30"}, "row 2: label_timestamp: not on the hour"),
        ({"prediction_window_hours": "7"}, "row 2: prediction_window_hours: none of 6, 12, 24"),
        ({"is_viral": "maybe"}, "row 2: is_viral: cannot be read"),
        ({"is_viral": "0"}, "row 1: the same label differs"),
        ({"confidence_score": "0.5"}, "row 1: the same label differs .*; row 2: the same label differs"),
        ({"actual_peak_timestamp": "2026-01-02 05:00"}, "row 1: the same label differs"),
        ({"peak_view_count": "7"}, "row 1: the same label differs"),
        ({"growth_rate_percent": "7"}, "row 1: the same label differs"),
        ({"is_viral": "0", "prediction_window_hours": "12"}, "row 2: negative, but a shorter horizon"),
        ({"labeling_method": "automatic"}, "row 2: labeling_method"),
        ({"confidence_score": "1.5"}, "row 2: confidence_score: not from 0 to 1"),
        ({"peak_view_count": "many"}, "row 2: peak_view_count: cannot be read"),
    ],
)
def test_a_mistake_is_named_with_its_row_and_nothing_is_imported(wh, tmp_path, change, message):
    blank = dict.fromkeys(change)
    path = write(tmp_path / "labels.csv", [blank | GOOD, GOOD | change])
    with pytest.raises(InputError, match=message) as caught:
        import_labels(wh, path, DEFINITION)
    assert str(path) in str(caught.value)
    assert decided(wh) == {}


def test_the_same_row_twice_is_one_label(wh, tmp_path):
    path = write(tmp_path / "labels.csv", [GOOD, GOOD])
    assert import_labels(wh, path, DEFINITION).rows == 1
    assert len(decided(wh)) == 3


def test_files_that_cannot_be_used_are_named(wh, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        import_labels(wh, tmp_path / "none.csv", DEFINITION)
    with pytest.raises(InputError, match=r"\.xlsx is none of \.csv"):
        import_labels(wh, tmp_path / "labels.xlsx", DEFINITION)
    path = write(tmp_path / "labels.csv", [{"hashtag": "a", "viral": 1}])
    with pytest.raises(InputError, match=r"missing columns .*is_viral.*hashtag_id.*unknown columns \['viral'\]"):
        import_labels(wh, path, DEFINITION)
    (tmp_path / "broken.jsonl").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        import_labels(wh, tmp_path / "broken.jsonl", DEFINITION)
