from pathlib import Path

import pytest

from trenddrop.core.errors import InputError
from trenddrop.staging.files import InputFile, groups, input_files


def test_a_batch_is_its_content_and_its_source(tmp_path: Path) -> None:
    for name, text in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / name).write_text(text)
    a, b, c = input_files([tmp_path / "a", tmp_path / "b", tmp_path / "c"], source="s")
    assert a.batch_id == b.batch_id != c.batch_id
    assert input_files([tmp_path / "a"], source="other")[0].batch_id != a.batch_id


def test_all_paths_that_cannot_be_used_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "good").write_text("1")
    with pytest.raises(InputError) as caught:
        input_files([tmp_path / "gone", tmp_path, tmp_path / "good"], source="s")
    assert f"{tmp_path / 'gone'}: no such file" in str(caught.value)
    assert f"{tmp_path}: is a directory; name the files in it" in str(caught.value)


def test_no_path_at_all_is_a_mistake() -> None:
    with pytest.raises(InputError, match="no path given"):
        input_files([], source="s")


def test_groups_hold_whole_files_in_order() -> None:
    files = [InputFile(Path(str(size)), "", "", size) for size in (5, 5, 1, 20, 3)]
    assert [[file.expanded_bytes for file in group] for group in groups(files, expanded_bytes=10)] == [
        [5, 5],
        [1],
        [20],
        [3],
    ]
