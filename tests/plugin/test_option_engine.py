"""--explain-engine and --explain-ray-address: who measures, by option or ini file; every mistake is exit 4."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import processes
import pytest
from projects import wait_while_measuring

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(pytester, write_project):
    """The tiny project with its own copy of the checks, in the folder that pytest runs in."""
    write_project(pytester.path)
    shutil.copytree(ROOT / "checks", pytester.path / "checks", ignore=shutil.ignore_patterns("__pycache__"))
    return pytester


def run(pytester, *options: str):
    return pytester.runpytest_inprocess(
        "checks", "--explain", "--explain-no-tracking", "--explain-output=out", *options
    )


def test_an_unknown_engine_is_exit_4(project):
    """The message says which there are."""
    result = run(project, "--explain-engine=dask")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*engine must be one of local, ray, got dask"])


@pytest.mark.parametrize("options", [("--explain-engine=ray",), ("-o", "explain_engine=ray")], ids=["option", "ini"])
def test_without_ray_installed_is_exit_4_and_one_message(project, monkeypatch, options):
    """It tells what to install, before anything is measured."""
    monkeypatch.setitem(sys.modules, "ray", None)
    result = run(project, *options)
    assert result.ret == 4
    error, explained, *rest = result.stderr.lines
    assert error == "ERROR: --engine ray needs Ray: pip install 'explain-gate[ray]'"
    assert explained.startswith("explained at ")
    assert rest == [""]
    assert json.loads((project.path / "out" / "verdict.json").read_text())["exit_code"] == 4
    assert not (project.path / "out" / "profile").exists()


def test_an_address_without_ray_is_exit_4(project):
    """It would be ignored without a word, and the cluster would be idle."""
    result = run(project, "--explain-ray-address=head:6379")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--ray-address is for --engine ray, got --engine local"])


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A temporary folder with a short name, as Ray's sockets need."""
    folder = Path(tempfile.mkdtemp(prefix="eg", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def left(temporary: Path) -> tuple[list[Path], list[str]]:
    """Files in the temporary folder, and processes that were started with a path in it, after some grace."""
    deadline = time.monotonic() + 60
    while True:
        commands = []
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                commands.append(process.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue
        alive = [command for command in commands if str(temporary) in command]
        files = [path for path in temporary.iterdir() if "ray" in path.name]
        if not (files or alive) or time.monotonic() > deadline:
            return files, alive
        time.sleep(0.2)


def start(folder: Path, temporary: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        processes.gate("run", "--no-tracking", "--output", "out", "--engine", "ray", *options),
        cwd=folder,
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_a_ray_that_the_run_starts_ends_with_it(project, temporary):
    """The command passes with the findings of a local run; no process, socket or file of Ray is left."""
    with start(project.path, temporary, "--workers=1") as command:
        told = command.communicate(timeout=processes.PATIENCE_SECONDS)[0]
    assert command.returncode == 0, told
    assert "1 Ray workers: 8 images" in told
    found = json.loads((project.path / "out" / "verdict.json").read_text())["findings"]
    assert left(temporary) == ([], [])
    assert run(project, "--explain-no-cache").ret == 0
    assert found == json.loads((project.path / "out" / "verdict.json").read_text())["findings"]


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["Ray starts", "a worker measures"])
def test_an_interrupted_run_takes_its_ray_with_it(project, temporary, moment):
    """Ctrl-C at either moment: exit 2, no process, socket, file or half-made report is left."""
    measuring = wait_while_measuring(project.path / "thresholds.yaml")
    events = {
        "Ray starts": lambda: list(temporary.glob("eg-ray-*/r/session_*/sockets/raylet")),
        "a worker measures": measuring.exists,
    }
    with start(project.path, temporary, "--workers=1") as command:
        processes.wait_for(lambda: events[moment]() or command.poll() is not None, moment)
        command.send_signal(signal.SIGINT)
        told = command.communicate(timeout=processes.PATIENCE_SECONDS)[0]
    assert command.returncode == 2, told
    assert left(temporary) == ([], [])
    assert json.loads((project.path / "out" / "verdict.json").read_text())["exit_code"] == 2
    assert not (project.path / "out" / "profile").exists()
    assert list(project.path.glob(".run-*")) == []
