import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from trenddrop.core.scratch import Scratch


def test_a_scratch_folder_is_alone_and_goes_with_its_content(tmp_path: Path):
    with Scratch(tmp_path / "tmp") as one, Scratch(tmp_path / "tmp") as other:
        (one.folder / "sub").mkdir()
        (one.folder / "sub" / "file").touch()
        assert one.folder != other.folder
        assert one.folder.is_dir()
        assert other.folder.is_dir()
    assert not list((tmp_path / "tmp").iterdir())
    one.close()  # again changes nothing


def test_the_folder_of_a_killed_process_is_swept_and_that_of_a_living_one_is_not(tmp_path: Path):
    code = (
        "import sys, pathlib; from trenddrop.core.scratch import Scratch\n"
        "scratch = Scratch(pathlib.Path(sys.argv[1])); (scratch.folder / 'spilled').touch()\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        (theirs,) = tmp_path.iterdir()
        with Scratch(tmp_path):
            assert (theirs / "spilled").exists()
        os.kill(process.pid, signal.SIGKILL)
    with Scratch(tmp_path) as mine:
        assert list(tmp_path.iterdir()) == [mine.folder]


def test_a_folder_that_another_process_sweeps_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    mkdtemp, made = tempfile.mkdtemp, []

    def make(dir: Path) -> str:
        folder = mkdtemp(dir=dir)
        if not made:
            Path(folder).rmdir()  # what a sweep does to a folder that nobody holds yet
        made.append(folder)
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", make)
    with Scratch(tmp_path) as mine:
        assert len(made) == 2
        assert list(tmp_path.iterdir()) == [mine.folder]
