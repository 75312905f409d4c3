"""`explain-gate run` believes verdict.json alone: whatever its measuring process does, only a whole verdict passes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import processes as gate_processes
import pytest

from explain_gate.commands import run as launching
from explain_gate.commands.run import launch

PRELUDE = """
import json, os, signal, sys, time
from pathlib import Path
from explain_gate.session.handover import Handover, follow_starter

given = dict(argument.removeprefix("--explain-").split("=", 1) for argument in sys.argv[1:])
handover = Handover(folder=Path(given["handover"]), run_id=given["run-id"])


def leave(verdict, code, **changes):
    path = Path("verdict.json")
    path.write_text(json.dumps({"verdict": verdict, "exit_code": code, "run_id": handover.run_id, **changes}))
    handover.announce(path)

"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs `launch` over a measuring process of its own making; returns the exit code and what was said."""
    monkeypatch.chdir(tmp_path)

    def run(body: str, **options: str | None) -> tuple[int, str]:
        monkeypatch.setattr(launching, "_pytest", lambda *_: [sys.executable, "-c", PRELUDE + body])
        said: list[str] = []
        return launch(options, say=said.append), "\n".join(said)

    return run


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5])
def test_the_exit_code_is_the_verdicts(run, code):
    """Whatever the measuring process itself ends with."""
    verdict = {0: "passed", 1: "failed"}.get(code, "error")
    assert run(f"leave('{verdict}', {code}); sys.exit({code})") == (code, "")
    assert run(f"leave('{verdict}', {code}); os._exit({(code + 1) % 2})")[0] == code


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("os._exit(0)", "ended with exit code 0; it left no verdict.json"),
        ("sys.exit(5)", "ended with exit code 5"),
        ("leave('passed', 0, run_id='another'); os._exit(0)", "is of another run"),
        ("leave('passed', 0); Path('verdict.json').write_text('{\"verdict\": \"pass'); os._exit(0)", "cannot be read"),
        ("leave('passed', 0); Path('verdict.json').unlink()", "cannot be read"),
        ("leave('passed', 1)", "not a whole verdict"),
        ("leave('failed', 0)", "not a whole verdict"),
        ("leave('passed', False)", "not a whole verdict"),
        ("Path('verdict.json').write_text('[]'); handover.announce(Path('verdict.json'))", "not a whole verdict"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "was ended by SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL, which the system sends when memory runs out"),
        ("handover.at('grad_cam, 32 of 60 images done'); os._exit(0)", "in: grad_cam, 32 of 60 images done"),
    ],
)
def test_without_a_whole_verdict_of_this_run_it_is_exit_3(run, body, told):
    """It says how the measuring process ended, and where."""
    code, said = run(body)
    assert code == 3
    assert told in said
    assert "troubleshooting.md#no-verdict" in said


def test_a_crash_after_a_whole_verdict_is_told_and_decides_nothing(run):
    """The verdict stands, and the terminal says what happened."""
    code, said = run("leave('passed', 0); os.kill(os.getpid(), signal.SIGSEGV)")
    assert code == 0
    assert "SIGSEGV" in said
    assert "verdict.json says 0, which stands" in said


def test_a_process_that_dies_leaves_a_verdict_in_a_free_output(run, tmp_path):
    """CI finds exit code 3 and the reason in the files as well."""
    assert run("os._exit(0)", output="out")[0] == 3
    left = json.loads((tmp_path / "out" / "verdict.json").read_text())
    assert (left["verdict"], left["exit_code"]) == ("error", 3)
    assert left["environment"]["started_by"]
    assert "ended with exit code 0" in left["messages"][0]


def test_an_earlier_report_stays_when_the_process_dies(run, tmp_path):
    """What was measured before is not given for a crash."""
    (tmp_path / "out" / "profile").mkdir(parents=True)
    (tmp_path / "out" / "verdict.json").write_text("earlier")
    assert run("os._exit(0)", output="out")[0] == 3
    assert (tmp_path / "out" / "verdict.json").read_text() == "earlier"


def test_nothing_of_pytests_environment_decides_what_is_run(run, monkeypatch):
    """PYTEST_ADDOPTS and PYTEST_PLUGINS do not reach the measuring process."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only")
    monkeypatch.setenv("PYTEST_PLUGINS", "nothing")
    monkeypatch.setenv("SHOP", "kept")
    body = "leave('passed', 0, seen=sorted(os.environ))\n"
    assert run(body)[0] == 0
    seen = json.loads(Path("verdict.json").read_text())["seen"]
    assert "SHOP" in seen
    assert not {"PYTEST_ADDOPTS", "PYTEST_PLUGINS"} & set(seen)


STARTER = """
import sys
from explain_gate.commands import run as launch
launch._pytest = lambda *arguments: [sys.executable, "-c", open("child.py").read()]
sys.exit(launch.launch({}, say=lambda text: print(text, file=sys.stderr)))
"""
WAITS = """
try:
    follow_starter()
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt as error:
    {ending}
"""


@pytest.fixture
def started(tmp_path):
    """Starts a process that runs `launch` over a measuring process that waits; ready when this returns."""
    processes = []

    def start(ending: str, *, ignored: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        (tmp_path / "child.py").write_text(PRELUDE + WAITS.format(ending=ending))
        process = subprocess.Popen(
            # A parent that ignores SIGINT, such as nohup's, must not decide what is tested.
            gate_processes.python("-c", STARTER, ignored=" ".join(ignored)),
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(launching.__file__).parents[2])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_passed_on_and_the_verdict_is_waited_for(started, tmp_path, number):
    """The measuring process ends in its own way, and its verdict decides."""
    process = started("leave('error', 2, by=str(error))")
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 2
    assert json.loads((tmp_path / "verdict.json").read_text())["by"] == number.name


def test_an_interrupted_run_without_a_verdict_is_exit_2(started):
    """The starting process knows that it was asked to stop."""
    process = started("os._exit(0)")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 2


def test_the_measuring_process_ends_with_its_starter(started, tmp_path):
    """A starter that is killed leaves nobody who measures on."""
    process = started("Path('ended').write_text(str(error)); os._exit(0)")
    process.kill()
    # The pipe closes when the last process that writes to it is gone.
    assert process.stdout is not None
    assert process.stdout.read() == ""
    assert (tmp_path / "ended").read_text() == "the end of the process that started it"


def test_the_measuring_process_ends_with_its_starter_where_signals_are_ignored(started, tmp_path):
    """What was inherited as ignored stays ignored, and keeps no process alive that nobody waits for."""
    process = started("Path('ended').write_text(str(error)); os._exit(0)", ignored=("SIGINT", "SIGTERM"))
    process.send_signal(signal.SIGTERM)  # ignored by both
    assert process.poll() is None
    process.kill()
    assert process.stdout is not None
    assert process.stdout.read() == ""
    assert (tmp_path / "ended").read_text() == "the end of the process that started it"
