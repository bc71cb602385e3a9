"""A folder for intermediate files that does not outlive its process for long, even when that is killed."""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self


class Scratch:
    """A fresh folder below ``root`` that is this object's alone until ``close``.

    The process holds a lock on the folder, which the kernel frees when the process dies: whoever makes the next folder
    below the same root removes those that nobody holds. Two processes never share one.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        while (lock := _locked(folder := Path(tempfile.mkdtemp(dir=root)))) is None:
            pass  # another process swept it away before it was locked
        self.folder, self._lock = folder, lock
        _sweep(root)

    def close(self) -> None:
        """Remove the folder and what is in it."""
        if self._lock >= 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _locked(folder: Path) -> int | None:
    """Return a descriptor that holds the lock on the folder, or None when the folder is gone."""
    try:
        lock = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    fcntl.flock(lock, fcntl.LOCK_EX)
    if folder.exists():
        return lock
    os.close(lock)
    return None


def _sweep(root: Path) -> None:
    """Remove the folders whose process is gone."""
    for folder in root.iterdir():
        with suppress(OSError):  # it is locked, it went meanwhile, or it is a file
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
