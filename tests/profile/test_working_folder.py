"""Folders of killed runs go with the next run; those of living ones, of other hosts and of other people stay."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from explain_gate.profile.working_folder import is_here, made, make

ROOT = Path(__file__).parents[2]
LIVING = """
import sys, time
from pathlib import Path
from explain_gate.profile.working_folder import make
folder = make(Path(sys.argv[1]), ".run-")
(folder.path / "profile").mkdir()
print(folder.path, flush=True)
time.sleep(60)
"""


@pytest.fixture
def living(tmp_path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process with a folder in `tmp_path`."""
    process = subprocess.Popen(
        [sys.executable, "-c", LIVING, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    yield process, Path(process.stdout.readline().strip())
    process.kill()
    process.wait(timeout=60)
    process.stdout.close()


def test_the_folder_of_a_killed_run_is_swept_by_the_next(tmp_path, living):
    """As long as its process lives it stays; after SIGKILL the next run removes it, with what is in it."""
    process, left = living
    make(tmp_path, ".run-").remove()
    assert (left / "profile").is_dir()
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    assert left.is_dir()
    with made(tmp_path, ".run-"):
        assert not left.exists()


def test_what_cannot_be_removed_yet_is_swept_later(tmp_path, living, monkeypatch):
    """A child of the killed run may write on for a while; the folder keeps its mark until it is empty."""
    process, left = living
    process.kill()
    process.wait(timeout=60)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        make(tmp_path, ".run-")
    assert (left / "profile").is_dir()
    make(tmp_path, ".run-").remove()
    assert not left.exists()


def test_a_clock_that_jumps_sweeps_nothing(tmp_path, living, monkeypatch):
    """Age is not asked, neither the clock's nor the folder's."""
    _, left = living
    os.utime(left, (0, 0))
    monkeypatch.setattr(time, "time", lambda: 4e9)
    make(tmp_path, ".run-").remove()
    assert left.is_dir()


def test_own_folders_are_not_swept(tmp_path):
    """Two runs of one process, one after the other and at once."""
    first = make(tmp_path, ".run-")
    second = make(tmp_path, ".run-")
    assert first.path.is_dir()
    first.remove()
    first.remove()
    assert second.path.is_dir()


def test_what_was_handed_over_stays(tmp_path):
    """A published report has no mark of its run, and no later run takes it for one's leavings."""
    folder = make(tmp_path, ".run-")
    folder.hand_over()
    assert list(folder.path.iterdir()) == []
    make(tmp_path, ".run-").remove()
    assert folder.path.is_dir()


@pytest.mark.parametrize("mark", [None, "another host"])
def test_folders_without_the_mark_of_this_host_are_left_alone(tmp_path, mark):
    """Somebody else's folder of the same name, or a run of another machine on a shared disk."""
    other = tmp_path / ".run-configurations"
    other.mkdir()
    if mark:
        (other / ".in-use").write_text(mark)
    make(tmp_path, ".run-").remove()
    assert other.is_dir()


def test_a_link_to_a_folder_is_not_followed(tmp_path):
    """Sweeping removes nothing that lies elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".in-use").write_text(socket.gethostname())
    (tmp_path / ".run-link").symlink_to(elsewhere)
    make(tmp_path, ".run-").remove()
    assert (elsewhere / ".in-use").is_file()


def test_a_folder_knows_its_machine(tmp_path):
    """Whether another process sees the same files is asked of the folder, not of the network."""
    folder = make(tmp_path, ".run-")
    assert is_here(folder.path)
    (folder.path / ".in-use").write_text("another host")
    assert not is_here(folder.path)
    folder.remove()
    assert not is_here(folder.path)


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    """The run goes on; its folder carries no mark, so nobody sweeps it."""
    fcntl = pytest.importorskip("fcntl")

    def refuse(*arguments) -> None:
        raise OSError("not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    folder = make(tmp_path, ".run-")
    assert list(folder.path.iterdir()) == []
    make(tmp_path, ".run-").remove()
    assert folder.path.is_dir()
