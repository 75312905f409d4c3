"""Folders of a run that must not outlive it: locked while their process lives, swept by the next run if it was killed.

The lock ends with the process, whatever ends it, so neither clocks nor process numbers are asked. A folder without
the lock's file, of another host, or on a file system without locks is never touched.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":  # without locks nothing is swept
    import fcntl

_LOCK = ".in-use"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingFolder:
    """A folder of this process; `lock` is the open file that says so, None where files cannot be locked."""

    path: Path
    lock: BinaryIO | None

    def hand_over(self) -> None:
        """The folder is to stay: nothing in it says any more that it belongs to a run."""
        (self.path / _LOCK).unlink(missing_ok=True)
        self._unlock()

    def remove(self) -> None:
        """Remove the folder, if it is still there."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._unlock()

    def _unlock(self) -> None:
        if self.lock is not None:
            self.lock.close()


def make(parent: Path, prefix: str) -> WorkingFolder:
    """A new folder in `parent`, after those that dead processes of this host left there are removed.

    Raises:
        OSError: `parent` cannot be written.
    """
    _sweep(parent, prefix)
    path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    return WorkingFolder(path=path, lock=_locked(path))


@contextlib.contextmanager
def made(parent: Path, prefix: str) -> Iterator[Path]:
    """As `make`, for the length of a `with`."""
    folder = make(parent, prefix)
    try:
        yield folder.path
    finally:
        folder.remove()


def is_here(path: Path) -> bool:
    """Is this the folder of a process on this very machine, seen through the same file system?"""
    try:
        return (path / _LOCK).read_text(encoding="utf-8") == socket.gethostname()
    except OSError:
        return False


def _locked(path: Path) -> BinaryIO | None:
    if sys.platform == "win32":
        return None
    # The file gets its name once it is locked, so that nobody ever sees it unlocked while its process lives.
    unnamed = path / f"{_LOCK}.new"
    lock = unnamed.open("xb", buffering=0)
    try:
        lock.write(socket.gethostname().encode())
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        unnamed.unlink(missing_ok=True)
        return None
    unnamed.rename(path / _LOCK)
    return lock


def _sweep(parent: Path, prefix: str) -> None:
    for mark in parent.glob(f"{prefix}*/{_LOCK}"):
        with contextlib.suppress(OSError):
            _remove_abandoned(mark)


def _remove_abandoned(mark: Path) -> None:
    """Remove the folder of a lock that nobody holds.

    Raises:
        OSError: its process lives, another one is sweeping it, or something in it cannot be removed.
    """
    if sys.platform == "win32" or not is_here(mark.parent):
        return
    with mark.open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock.fileno()).st_nlink:  # else it was handed over or swept since it was opened
            # The mark goes last: what somebody still writes into, or what cannot be removed, is for the next sweep.
            for part in mark.parent.iterdir():
                if part != mark:
                    _remove(part)
            if list(mark.parent.iterdir()) == [mark]:
                shutil.rmtree(mark.parent)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()
