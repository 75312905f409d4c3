"""`explain-gate run`: a small process that starts the one that measures, and believes nothing but its verdict.json.

The measuring process is pytest over the gate's tests, the same as `pytest checks/ --explain`. It loads a team's code,
which may end it at any moment with any exit code; so its exit code says nothing here. This module imports no torch.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

from explain_gate.commands.scaffold import packaged_checks, packaged_checks_settings
from explain_gate.measuring.provenance import COMMAND
from explain_gate.options import RunOptions, pytest_arguments, read_options
from explain_gate.session.handover import Handover
from explain_gate.troubleshooting import NO_VERDICT, link_to_heading

_KEPT = frozenset({"PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_THEME", "PYTEST_THEME_MODE", "PYTEST_DEBUG_TEMPROOT"})
"""Of pytest's environment variables, those that have no part in what is run."""


def launch(given: Mapping[str, str | bool | None], *, say: Callable[[str], None]) -> int:
    """Run the gate's tests in a process of their own; returns the exit code of the verdict that it left.

    Without a whole verdict of this very run that is 3, or 2 where this process was asked to stop.

    Args:
        given: the options of the run by key, as `options.read_options` takes them. Tests come from checks/ beside
            thresholds.yaml, else from the installed package.
        say: is told what the measuring process could not say itself.
    """
    started = dt.datetime.now().astimezone().isoformat(timespec="seconds")
    with tempfile.TemporaryDirectory(prefix="explain-gate-", ignore_cleanup_errors=True) as folder:
        handover = Handover(folder=Path(folder), run_id=uuid.uuid4().hex)
        child = _Child([*_pytest(given), *_handed(handover)])
        with child.signals_passed_on():
            code = child.run()
        try:
            verdict = handover.verdict()
        except ValueError as missing:
            where = f", in: {handover.last()}" if handover.last() else ""
            say(f"explain-gate: no verdict: the measuring process {ending(code)}{where}; {missing}")
            if link := link_to_heading(NO_VERDICT):
                say(f"explained at {link}")
            exit_code = 2 if child.stopped_by is not None else 3
            # Only these two: any other option may be what could not be read.
            place = {name: given.get(name) for name in ("config", "output")}
            options = read_options({**place, "run_id": handover.run_id})
            _leave_verdict(options, exit_code, f"the measuring process {ending(code)}{where}", started)
            return exit_code
    decided = int(verdict["exit_code"])
    if code != decided:
        say(
            f"explain-gate: after its verdict was whole, the measuring process {ending(code)}; "
            f"verdict.json says {decided}, which stands"
        )
    return decided


def ending(code: int) -> str:
    """How a process ended, in words; `code` is negative for a signal, as subprocess has it."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    memory = ", which the system sends when memory runs out" if name == "SIGKILL" else ""
    return f"was ended by {name}{memory}"


_NO_PART = ("warnings", "hypothesispytest", "unraisableexception", "threadexception")
"""Plugins of pytest that have no part in the gate."""


class _Child:
    """The measuring process, and the signals that this one gets for it."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self.stopped_by: signal.Signals | None = None

    def run(self) -> int:
        """Start it on this process's terminal and wait for its end; returns its exit code, negative for a signal."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_") or name in _KEPT},
            # What the user typed, not the command of the process that measures.
            COMMAND: os.environ.get(COMMAND) or shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        }
        self._process = subprocess.Popen(self._command, env=environment)  # noqa: S603 - this interpreter and own options
        if self.stopped_by is not None:  # before there was a process to pass it on to
            self._pass_on(self.stopped_by, None)
        return self._process.wait()

    @contextlib.contextmanager
    def signals_passed_on(self) -> Iterator[None]:
        """Give SIGINT and SIGTERM to the measuring process; what this process was told to ignore stays ignored."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._pass_on)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as signal.signal asks
        self.stopped_by = signal.Signals(number)
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)


def _pytest(given: Mapping[str, str | bool | None]) -> list[str]:
    """The command of the measuring process. -P: a file called pytest.py where the user stands is not pytest."""
    config = str(given.get("config") or RunOptions().config)
    folder = Path(config).absolute().parent
    own = folder / "checks"
    checks = own if own.is_dir() else packaged_checks()
    arguments = [
        *(sys.executable, "-P", "-m", "pytest"),
        str(checks),
        "--explain",
        *pytest_arguments({**given, "config": config}),
        # The team's own pytest options (coverage bars, parallel runs) are not meant for the gate.
        *("-o", "addopts="),
        "--import-mode=importlib",
        *("-p", "no:cacheprovider"),
        *("-p", "explain_gate"),
        # What other plugins do at a session's end takes seconds here: to import hypothesis, to collect all garbage.
        *(f"-pno:{name}" for name in _NO_PART),
        "--no-header",
        "--tb=no",
        "-qq",
        "-rN",
    ]
    if not own.is_dir():
        arguments += [f"--rootdir={folder}", "-c", str(_settings_of(folder))]
    return arguments


def _handed(handover: Handover) -> list[str]:
    return pytest_arguments({"run_id": handover.run_id, "handover": str(handover.folder)})


def _settings_of(folder: Path) -> Path:
    """The repository's own pytest settings, which pytest would not find from the packaged checks; else empty ones."""
    own = [folder / name for name in ("pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")]
    return next((path for path in own if path.is_file()), packaged_checks_settings())


def _leave_verdict(options: RunOptions, exit_code: int, reason: str, started: str) -> None:
    """Where a process died before it could, say in --output that there is no verdict; an earlier report stays."""
    if not options.output:
        return
    from explain_gate.session.unfinished import publish_unfinished, unfinished_verdict

    # What cannot be written is told in the terminal already, and the exit code is what it is.
    with contextlib.suppress(OSError):
        verdict = unfinished_verdict(options, exit_code=exit_code, messages=[reason], started=started)
        publish_unfinished(verdict, options.output)
