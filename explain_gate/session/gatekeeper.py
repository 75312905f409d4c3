"""What the plugin does in a session with --explain: plan, measure once, judge per test, count, publish.

In a distributed session the controlling process measures before it hands out tests; workers only read the profile.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
import traceback
import uuid
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from explain_gate.errors import ExplainGateError, told_error
from explain_gate.judging.gate import unfinished
from explain_gate.options import OPTIONS, RunOptions, read_options
from explain_gate.records import FailedTest, Finding, Rule, Verdict
from explain_gate.redact import redacted
from explain_gate.session.handover import Handover, follow_starter
from explain_gate.session.run import (
    GateSession,
    finding_from_plain,
    finding_to_plain,
    publish_unfinished,
    rewrite_verdict,
)

if TYPE_CHECKING:
    from explain_gate.measuring.progress import Progress

FINDING = "explain_gate.finding"
FAULT = "explain_gate.fault"
_LIBRARIES = ("PIL", "numpy", "scipy", "torch", "torchvision", "pyarrow", "safetensors", "sklearn")
"""What these warn of, such as a picture's damaged EXIF, is told; a session's `-W error` is meant for its own code."""
_SHORT = {"warned": "w", "inconclusive": "i"}
"""What pytest prints for a test whose rule lets it pass and is not simply passed."""
_UNFINISHED = (2, 4, 5)
_TEXT_LIMIT = 4_000


class Gatekeeper:
    """Hooks of one session. `worker` is True in a process that another one controls."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        handed = getattr(config, "workerinput", {}).get("explain_gate")
        self.worker = handed is not None
        self._findings: dict[str, Finding] = {}
        self._faults: list[str] = []
        self._failed_tests: dict[str, FailedTest] = {}
        self._refusal: ExplainGateError | None = None
        self._interruption: str | None = None
        self._measured = self.worker
        self.verdict: Verdict | None = None
        self.output: Path | None = None
        self._recorded: str | None = None
        self._shown = False
        self._rules: tuple[Rule, ...] = ()
        run_id = config.getoption("--explain-run-id") or uuid.uuid4().hex
        folder = None if self.worker else config.getoption("--explain-handover")
        self._handover = Handover(folder=Path(folder), run_id=run_id) if folder else None
        if self._handover is not None:
            follow_starter()
        self._options = RunOptions(output=config.getoption("--explain-output"), run_id=run_id)
        try:
            with self._refusing():
                asked = RunOptions(**handed["options"]) if handed else replace(_asked(config), run_id=run_id)
                self._options = asked
                self.session = GateSession(asked, work=handed["work"] if handed else None)
        except BaseException as error:
            # pytest ends here, and asks nobody any more.
            self._end(self._refusal.exit_code if self._refusal else 3, [str(self._refusal or told_error(error))])
            raise
        self._rules = self.session.rules
        self._closing = _Closing(self)
        config.pluginmanager.register(self._closing)

    @property
    def status(self) -> int:
        """The exit code that the verdict asks for; 3 where there should be one and is none."""
        if self.worker or self._config.option.collectonly:
            return 0
        return self.verdict.exit_code if self.verdict is not None else int(pytest.ExitCode.INTERNAL_ERROR)

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

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One item per planned rule that the test stands for."""
        if "check" in metafunc.fixturenames:
            rules = self._rules_for(metafunc)
            metafunc.parametrize(
                "check", rules or [None], indirect=True, ids=[_id(rule) for rule in rules] or ["no rule"]
            )

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Tests of rules that thresholds.yaml does not ask for are deselected."""
        idle = [item for item in items if _is_idle(item)]
        if idle:
            config.hook.pytest_deselected(items=idle)
            items[:] = [item for item in items if not _is_idle(item)]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Measure before the first test runs."""
        # Registered once more, after every conftest that was found: the outermost wrapper has the last word.
        session.config.pluginmanager.unregister(self._closing)
        session.config.pluginmanager.register(self._closing)
        if not self.worker and not session.config.option.collectonly and not self._faults:
            with self._refusing():
                self._measure()
        return (yield)

    def check_for(self, request: pytest.FixtureRequest) -> Callable[..., Finding]:
        """The `check` fixture's value for one item."""
        rule: Rule | None = getattr(request, "param", None)

        def check(name: str | None = None) -> Finding:
            if rule is None:
                pytest.fail(
                    "check() needs a rule of thresholds.yaml; name the test after it: test_iou in test_alignment.py"
                )
            if name is not None and name not in (rule.check, rule.metric):
                pytest.fail(f"this test stands for {rule.check} by its name, but checks {name}", pytrace=False)
            finding = self.session.findings[rule.key]
            plain = json.dumps(finding_to_plain(finding), allow_nan=False)
            request.node.user_properties.append((FINDING, plain))
            _tell(finding)
            return finding

        return check

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect results; in a distributed session this runs where they arrive."""
        if self.worker:
            return
        findings = []
        for name, value in report.user_properties:
            if name == FINDING:
                finding = finding_from_plain(json.loads(str(value)))
                self._findings[finding.key] = finding
                findings.append(finding)
            elif name == FAULT:
                self._fault(json.loads(str(value)))
        broken = any(finding.status in ("failed", "unmeasured") for finding in findings)
        if not report.failed or broken:
            return
        if report.when == "call":
            self._failed_tests[report.nodeid] = FailedTest(test=report.nodeid, text=_text_of(report))
        else:
            during = report.when if report.when in ("setup", "teardown") else "test"
            self._fault(f"{during} of {report.nodeid} broke: {_text_of(report)}")

    def pytest_report_teststatus(
        self, report: pytest.TestReport
    ) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """A test that passes although its rule warns or is inconclusive is shown and counted as that."""
        if report.when != "call" or not report.passed:
            return None
        for status in (json.loads(str(value))["status"] for name, value in report.user_properties if name == FINDING):
            if status in _SHORT:
                return status, _SHORT[status], (status.upper(), {"yellow": True})
        return None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be collected may hold any test; without it nothing is said to pass."""
        if report.failed and not self.worker:
            self._fault(f"{report.nodeid or 'the tests'} could not be collected: {_text_of(report)}")

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Whatever breaks pytest, a worker or another plugin may have lost results."""
        if not self.worker:
            self._fault(f"internal error: {told_error(excinfo.value)}")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember that somebody ended the session; pytest itself stops by this way too, and then says why."""
        told = str(excinfo.value)
        if isinstance(excinfo.value, pytest.exit.Exception):
            self._fault(f"a test, fixture or plugin ended the session: {told}")
        elif type(excinfo.value) is KeyboardInterrupt:
            self._interruption = f"interrupted by {told or 'Ctrl-C'}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        """A worker that died took results with it."""
        if error:
            self._fault(f"the worker {node.gateway.id} died: {error}")

    def close(self, exitstatus: int) -> None:
        """Count, conclude and publish, once, before any other plugin finishes the session."""
        if self.worker or self.verdict is not None or self._config.option.collectonly:
            return
        self._at("publishing the report")
        messages = list(self._faults)
        if self._refusal is not None:
            code, messages = self._refusal.exit_code, [str(self._refusal)]
        elif self._interruption is not None:
            code, messages = int(pytest.ExitCode.INTERRUPTED), [self._interruption, *messages]
        elif not messages and exitstatus == pytest.ExitCode.INTERRUPTED:
            code, messages = exitstatus, ["the session was stopped before its end"]
        elif not self._measured:
            code, messages = 3, messages or ["the session ended before the model was measured; pytest says why"]
        else:
            self._conclude()
            return
        self.session.discard()
        self._end(code, messages)

    def assert_status(self, session: pytest.Session) -> None:
        """Make the session end as the verdict says: another plugin may make that worse, never better."""
        if self.status:
            session.exitstatus = self.status

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show the verdict; display only."""
        if not self.verdict or self._shown:
            return
        self._shown = True
        if self.output is None or self.verdict.exit_code in _UNFINISHED:
            if self.output is not None:
                terminalreporter.write_line(f"explain-gate: this is in {self.output / 'verdict.json'} as well")
            return
        from explain_gate.publishing.text.summary import terminal_lines

        terminalreporter.section("explain-gate")
        for line in terminal_lines(self.verdict):
            terminalreporter.write_line(line)
        for text in self.verdict.not_published:
            terminalreporter.write_line(text)
        # As an address: terminals and editors open it by a click, also where the path holds spaces.
        terminalreporter.write_line(f"Report: {(self.output / 'index.html').absolute().as_uri()}")
        if os.environ.get("GITHUB_ACTIONS") == "true":
            from explain_gate.publishing.text.github import repository_path, verdict_to_annotations

            file = repository_path(self.session.config.path, os.environ.get("GITHUB_WORKSPACE"))
            for line in verdict_to_annotations(self.verdict, file=file):
                terminalreporter.write_line(line)
        if self._recorded and self._recorded not in (*self.verdict.not_published, *self.verdict.messages):
            terminalreporter.write_line(self._recorded)

    def pytest_unconfigure(self) -> None:
        """Leave nothing half-made behind; a session that broke before its end has a verdict all the same."""
        if not self.worker:
            self.close(int(pytest.ExitCode.INTERNAL_ERROR))
            if self.output is None:
                self.session.discard()
            self._at("ending, after the verdict")

    def _measure(self) -> None:
        # Set here and not around each reader: pictures are decoded in a thread, and filters belong to the process.
        with warnings.catch_warnings():
            for library in _LIBRARIES:
                warnings.filterwarnings("default", module=rf"{library}(\.|$)")
            self._measure_beside_captured()

    def _measure_beside_captured(self) -> None:
        capture = self._config.pluginmanager.getplugin("capturemanager")
        if capture is None:
            self._measure_with_progress()
        else:
            with capture.global_and_fixture_disabled():
                self._measure_with_progress()
        self._measured = True

    def _measure_with_progress(self) -> None:
        import sys

        from explain_gate.measuring.progress import Bars, Lines

        self._at("opening model and data")
        if sys.stderr.isatty():
            with Bars() as bars:
                self.session.measure(_Noted(bars, self._at))
        else:
            self.session.measure(_Noted(Lines(), self._at))

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        """Turn the product's expected errors into pytest's exit codes, with the message and no traceback."""
        try:
            yield
        except ExplainGateError as error:
            self._refusal = error
            if error.exit_code == int(pytest.ExitCode.USAGE_ERROR):
                raise pytest.UsageError(str(error)) from error
            pytest.exit(str(error), returncode=error.exit_code)

    def _conclude(self) -> None:
        try:
            verdict = self.session.conclude(
                tuple(self._findings[rule.key] for rule in self._rules if rule.key in self._findings),
                failed_tests=tuple(self._failed_tests.values()),
                messages=self._faults,
            )
            finished = self.session.finish(verdict)
        except KeyboardInterrupt as error:
            self.session.discard()
            self._end(2, [f"interrupted by {error or 'Ctrl-C'} while the report was written"])
        except ExplainGateError as error:
            self.session.discard()
            self._end(3, [str(error)])
        except Exception as error:  # noqa: BLE001 - a verdict that cannot be concluded is none, whatever the reason
            traceback.print_exception(error)
            self.session.discard()
            self._end(3, [f"internal error: {told_error(error)}"])
        else:
            self.verdict, self.output, self._recorded = finished.verdict, finished.output, finished.recorded
            self._announce(self.output)

    def _end(self, exit_code: int, messages: Sequence[str]) -> None:
        """Publish the verdict of a run without one."""
        if self.worker:
            return
        verdict = unfinished(
            self._rules,
            exit_code=exit_code,
            messages=messages,
            failed_tests=tuple(self._failed_tests.values()),
            run_id=self._options.run_id,
        )
        self.verdict = redacted(verdict)
        self.output = publish_unfinished(self.verdict, self._options)
        folder = self.output
        if self._handover is not None and folder is None:
            folder = self._handover.folder
            with contextlib.suppress(OSError):  # without it the starting process says 3
                rewrite_verdict(self.verdict, folder)
        if folder is not None:
            self._announce(folder)

    def _announce(self, folder: Path) -> None:
        if self._handover is not None:
            with contextlib.suppress(OSError):  # as above
                self._handover.announce(folder / "verdict.json")

    def _at(self, where: str) -> None:
        if self._handover is not None:
            self._handover.at(where)

    def _fault(self, text: str) -> None:
        if self.verdict is None and text not in self._faults:
            self._faults.append(text)

    def _rules_for(self, metafunc: pytest.Metafunc) -> list[Rule]:
        marker = metafunc.definition.get_closest_marker("explain")
        if marker is not None:
            patterns = [str(pattern) for pattern in marker.args]
        else:
            family = metafunc.module.__name__.rpartition(".")[2].removeprefix("test_")
            patterns = [f"{family}.{metafunc.function.__name__.removeprefix('test_')}"]
        return [
            rule
            for rule in self.session.rules
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in (rule.check, rule.metric))
        ]


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


class _Noted:
    """Progress that also leaves word of where the measuring is."""

    def __init__(self, progress: Progress, at: Callable[[str], None]) -> None:
        self._progress = progress
        self._at = at

    def advance(self, stage: str, done: int, total: int) -> None:
        """Pass it on."""
        self._at(f"{stage}, {done} of {total} images done")
        self._progress.advance(stage, done, total)


def _text_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Place and message of a failure, then what pytest shows of it, cut to what a report can show."""
    crash = getattr(report.longrepr, "reprcrash", None)
    shown = report.longreprtext.strip()
    if crash is None:
        return shown[:_TEXT_LIMIT]
    place = f"{crash.path}:{crash.lineno}: {crash.message}"
    told_twice = "\n" not in shown and shown.removeprefix("E").strip() in crash.message
    return (place if told_twice else f"{place}\n{shown}")[:_TEXT_LIMIT]


def _asked(config: pytest.Config) -> RunOptions:
    """The options of the command line, and of the ini file where it says nothing."""
    given = {option.key: config.getoption(f"--explain-{option.name}") for option in OPTIONS}
    return read_options(given, {option.key: config.getini(f"explain_{option.key}") for option in OPTIONS if option.ini})


def _tell(finding: Finding) -> None:
    """Fail or excuse the item. What only warns lets it pass, whatever its warning filters say; see the status shown."""
    if finding.status in ("failed", "unmeasured"):
        pytest.fail(finding.message, pytrace=False)
    if finding.status == "waived":
        pytest.xfail(finding.message)


def _id(rule: Rule) -> str:
    name = rule.check.partition("/")[2]
    return f"{name}-{rule.variant}" if name else rule.variant


def _is_idle(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and "check" in callspec.params and callspec.params["check"] is None
