import json
import threading
from pathlib import Path

import pytest

from trenddrop.core.errors import IntegrityError
from trenddrop.index.saved import read_index_files, write_index_files

ABOUT = {"kind": "toy", "model": "m", "dimensions": 2}


def write(folder, name):
    write_index_files(folder, f"vectors of {name}".encode(), [name], [{"name": name}], ABOUT)


def test_a_writer_that_dies_before_the_manifest_leaves_the_old_index(tmp_path, monkeypatch):
    write(tmp_path, "old")
    replace = Path.replace

    def dying(self, target):
        if Path(target).name == "manifest.json":
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dying)
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path, "new")
    assert read_index_files(tmp_path, kind="toy").ids == ["old"]
    write(tmp_path, "newest")
    assert read_index_files(tmp_path, kind="toy").ids == ["newest"]
    assert len([path for path in tmp_path.iterdir() if path.suffix == ".bin"]) == 2  # nothing is left behind


def test_files_of_others_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "sub").mkdir()
    write(tmp_path, "a")
    write(tmp_path, "b")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "sub").is_dir()


def test_readers_beside_a_writer_see_one_whole_index(tmp_path):
    write(tmp_path, "0")
    seen, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            saved = read_index_files(tmp_path, kind="toy")
            seen.append(saved.vectors == f"vectors of {saved.ids[0]}".encode())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(30):
        write(tmp_path, str(number))
    stop.set()
    reader.join()
    assert seen
    assert all(seen)


def test_a_file_that_stays_missing_is_named(tmp_path):
    write(tmp_path, "a")
    missing = tmp_path / json.loads((tmp_path / "manifest.json").read_text())["files"]["rows"]
    missing.unlink()
    with pytest.raises(IntegrityError, match="missing"):
        read_index_files(tmp_path, kind="toy")


def test_an_index_of_another_kind_is_refused(tmp_path):
    write(tmp_path, "a")
    with pytest.raises(IntegrityError, match="expected"):
        read_index_files(tmp_path, kind="other")
