"""What the plugin does in a session with --explain: plan, measure once, let each test judge its rule, close.

In a distributed session the controlling process measures before it hands out tests; workers only read the profile.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Generator, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from explain_gate.errors import ExplainGateError, told_error
from explain_gate.options import OPTIONS, RunOptions, read_options
from explain_gate.session import beside_pytest
from explain_gate.session.ending import Ending
from explain_gate.session.handover import Handover, follow_starter
from explain_gate.session.items import Items
from explain_gate.session.results import Results
from explain_gate.session.run import GateSession
from explain_gate.troubleshooting import told_with_link


class Gatekeeper:
    """The life of one session. `worker` is True in a process that another one controls."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        handed = getattr(config, "workerinput", {}).get("explain_gate")
        self.worker = handed is not None
        self.results = Results()
        self._refusal: ExplainGateError | None = None
        self._measured = self.worker
        run_id = config.getoption("--explain-run-id") or uuid.uuid4().hex
        folder = None if self.worker else config.getoption("--explain-handover")
        self._handover = Handover(folder=Path(folder), run_id=run_id) if folder else None
        if self._handover is not None:
            follow_starter()
        self.ending = Ending(_asked_first(config, run_id), self._handover)
        try:
            with self._refusing():
                options = RunOptions(**handed["options"]) if handed else replace(_asked(config), run_id=run_id)
                self.ending.options = options
                self.session = GateSession(options, work=handed["work"] if handed else None)
        except BaseException as error:
            # pytest ends here, and asks nobody any more.
            if not self.worker:
                self.ending.stop(
                    self._refusal.exit_code if self._refusal else 3, [str(self._refusal or told_error(error))]
                )
            raise
        self.items = Items(self.session)
        self._closing = _Closing(self)
        for plugin in (self.items, *(() if self.worker else (self.results,)), self._closing):
            config.pluginmanager.register(plugin)

    @property
    def status(self) -> int:
        """The exit code that the verdict asks for; 3 where there should be one and is none."""
        if self.worker or self._config.option.collectonly:
            return 0
        verdict = self.ending.verdict
        return verdict.exit_code if verdict is not None else int(pytest.ExitCode.INTERNAL_ERROR)

    def pytest_report_header(self) -> str:
        """Say what is planned."""
        return f"explain-gate: {len(self.session.rules)} rules planned from {self.session.config.path}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where the profile will be."""
        with self._refusing():
            node.workerinput["explain_gate"] = {"options": asdict(self.session.options), "work": str(self.session.work)}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Leave word of where the session is."""
        self._at("collecting the tests")

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Leave word of where the session is."""
        self._at(f"the test {nodeid}")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Measure before the first test runs."""
        # Registered once more, after every conftest that was found: the outermost wrapper has the last word.
        session.config.pluginmanager.unregister(self._closing)
        session.config.pluginmanager.register(self._closing)
        if not self.worker and not session.config.option.collectonly and not self.results.faults:
            with self._refusing():
                beside_pytest.measure(self.session, self._config, self._at)
                self._measured = True
        return (yield)

    def close(self, exitstatus: int) -> None:
        """Count, conclude and publish, once, before any other plugin finishes the session."""
        if self.worker or self.ending.verdict is not None or self._config.option.collectonly:
            return
        self._at("publishing the report")
        messages, interruption = list(self.results.faults), self.results.interruption
        if self._refusal is not None:
            code, messages = self._refusal.exit_code, [str(self._refusal)]
        elif interruption is not None:
            code, messages = int(pytest.ExitCode.INTERRUPTED), [interruption, *messages]
        elif not messages and exitstatus == pytest.ExitCode.INTERRUPTED:
            code, messages = exitstatus, ["the session was stopped before its end"]
        elif not self._measured:
            code, messages = 3, messages or ["the session ended before the model was measured; pytest says why"]
        else:
            self.ending.conclude(self.session, self.results)
            return
        self.session.discard()
        failed = tuple(self.results.failed_tests.values())
        self.ending.stop(code, messages, planned=self.session.rules, failed_tests=failed)

    def assert_status(self, session: pytest.Session) -> None:
        """Make the session end as the verdict says: another plugin may make that worse, never better."""
        if self.status:
            session.exitstatus = self.status

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show the verdict; display only."""
        self.ending.show(terminalreporter, self.session.config.path)

    def pytest_unconfigure(self) -> None:
        """Leave nothing half-made behind; a session that broke before its end has a verdict all the same."""
        if not self.worker:
            self.close(int(pytest.ExitCode.INTERNAL_ERROR))
            if self.ending.output is None:
                self.session.discard()
            self._at("ending, after the verdict")

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        """Turn the product's expected errors into pytest's exit codes, with the message and no traceback."""
        try:
            yield
        except ExplainGateError as error:
            self._refusal = error
            if error.exit_code == int(pytest.ExitCode.USAGE_ERROR):
                raise pytest.UsageError(told_with_link(error)) from error
            pytest.exit(told_with_link(error), returncode=error.exit_code)

    def _at(self, where: str) -> None:
        if self._handover is not None:
            self._handover.at(where)


class _Closing:
    """Wraps the end of the session from outside: what it concludes comes first, what it asserts comes last."""

    def __init__(self, keeper: Gatekeeper) -> None:
        self._keeper = keeper

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Generator[None, object, object]:
        """Conclude before the others finish; set the exit code after them."""
        self._keeper.close(int(exitstatus))
        try:
            return (yield)
        finally:
            self._keeper.assert_status(session)
            reporter = session.config.pluginmanager.get_plugin("terminalreporter")
            if reporter is not None:  # pytest shows no summary after an internal error
                self._keeper.pytest_terminal_summary(reporter)


def _asked_first(config: pytest.Config, run_id: str) -> RunOptions:
    """What a refusal of all the other options needs: where its verdict goes, and what it is called."""
    asked = {"config": config.getoption("--explain-config"), "output": config.getoption("--explain-output")}
    return read_options({**asked, "run_id": run_id})


def _asked(config: pytest.Config) -> RunOptions:
    """The options of the command line, and of the ini file where it says nothing."""
    given = {option.key: config.getoption(f"--explain-{option.name}") for option in OPTIONS}
    return read_options(given, {option.key: config.getini(f"explain_{option.key}") for option in OPTIONS if option.ini})
