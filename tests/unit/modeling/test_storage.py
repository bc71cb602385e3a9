from dataclasses import replace

import numpy as np
import pytest

from trenddrop.core.errors import IntegrityError, NotFoundError
from trenddrop.modeling import fingerprint, load_model, predict, reasons, save_model
from trenddrop.modeling.conformal import Intervals, band_days, no_intervals, walk


def test_a_loaded_model_predicts_and_explains_bit_by_bit_alike(model, frame, tmp_path):
    save_model(model, tmp_path)
    loaded = load_model(tmp_path)
    rows = frame.head(200)
    assert predict(loaded, rows).equals(predict(model, rows))
    assert reasons(loaded, rows).equals(reasons(model, rows))
    assert fingerprint(loaded) == fingerprint(model)
    assert loaded.trained_until == model.trained_until


def test_the_intervals_come_back_as_they_were_and_are_no_part_of_the_fingerprint(model, frame, tmp_path):
    scored = frame.with_columns(predict(model, frame)["probability_6h"])
    start = no_intervals(Intervals(), 6)
    learned = walk(start, band_days(scored, Intervals(), 6)).known
    judged = replace(model, intervals=(learned,))
    save_model(judged, tmp_path)
    (loaded,) = load_model(tmp_path).intervals
    assert np.array_equal(loaded.errors, learned.errors, equal_nan=True)
    assert np.array_equal(loaded.rows, learned.rows)
    assert loaded.misses.tolist() == learned.misses.tolist()
    assert (loaded.config, loaded.horizon, loaded.known_day) == (learned.config, 6, learned.known_day)
    assert fingerprint(judged) == fingerprint(model)
    (tmp_path / "intervals.json").write_text("{}")
    with pytest.raises(IntegrityError, match=r"intervals\.json: not a model's intervals"):
        load_model(tmp_path)


def test_only_plain_text_files_are_written(model, tmp_path):
    save_model(model, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["horizon_12h.txt", "horizon_6h.txt", "model.json"]
    for path in tmp_path.iterdir():
        path.read_text(encoding="utf-8")


def test_the_text_does_not_name_the_machine(model, tmp_path):
    save_model(model, tmp_path)
    assert "num_threads" not in (tmp_path / "horizon_6h.txt").read_text()


def test_damage_is_found(model, tmp_path):
    save_model(model, tmp_path)
    trees = tmp_path / "horizon_6h.txt"
    text = trees.read_text()
    trees.write_text(text.replace("leaf_value=", "leaf_value=9", 1))
    with pytest.raises(IntegrityError, match=r"horizon_6h\.txt: does not match"):
        load_model(tmp_path)
    trees.unlink()
    with pytest.raises(IntegrityError, match=r"horizon_6h\.txt"):
        load_model(tmp_path)
    (tmp_path / "model.json").write_text('{"format": 1}')
    with pytest.raises(IntegrityError, match=r"model\.json: not a saved model"):
        load_model(tmp_path)
    with pytest.raises(NotFoundError, match="expected a saved model"):
        load_model(tmp_path / "elsewhere")
