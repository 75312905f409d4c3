"""What the plugin does in a session with --explain: plan, measure once, judge per test, count, publish.

In a distributed session the controlling process measures before it hands out tests; workers only read the profile.
"""

from __future__ import annotations

import fnmatch
import json
import os
import warnings
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from explain_gate.errors import ExplainGateError, OptionError
from explain_gate.records import Finding, Rule, Verdict
from explain_gate.session import GateSession, RunOptions, finding_from_plain, finding_to_plain

if TYPE_CHECKING:
    from explain_gate.execution.progress import Progress

FINDING = "explain_gate.finding"
FAULT = "explain_gate.fault"
_LIBRARIES = ("PIL", "numpy", "scipy", "torch", "torchvision", "pyarrow", "safetensors", "sklearn")
"""What these warn of, such as a picture's damaged EXIF, is told; a session's `-W error` is meant for its own code."""
_SHORT = {"warned": "w", "inconclusive": "i"}
"""What pytest prints for a test whose rule lets it pass and is not simply passed."""


class Gatekeeper:
    """Hooks of one session. `worker` is True in a process that another one controls."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        handed = getattr(config, "workerinput", {}).get("explain_gate")
        self.worker = handed is not None
        self._findings: dict[str, Finding] = {}
        self._faults: list[str] = []
        self._failed_tests: list[str] = []
        self._measured = self.worker
        self.verdict: Verdict | None = None
        self.output: Path | None = None
        self._recorded: str | None = None
        with _UsageErrors():
            options = RunOptions(**handed["options"]) if handed else _options(config)
            self.session = GateSession(options, work=handed["work"] if handed else None)

    def pytest_report_header(self) -> str:
        """Say what is planned."""
        return f"explain-gate: {len(self.session.rules)} rules planned from {self.session.config.path}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where the profile will be."""
        from dataclasses import asdict

        node.workerinput["explain_gate"] = {"options": asdict(self.session.options), "work": str(self.session.work)}

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
        if not self.worker and not session.config.option.collectonly:
            with _UsageErrors():
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
            elif name == FAULT and json.loads(str(value)) not in self._faults:
                self._faults.append(json.loads(str(value)))
        broken = any(finding.status in ("failed", "unmeasured") for finding in findings)
        gate_test = any(name == "explain_gate.test" for name, _ in report.user_properties)
        if report.failed and not broken and gate_test:
            self._failed_tests.append(report.nodeid)

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

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Count, conclude, publish, and set the exit code."""
        if self.worker or session.config.option.collectonly:
            return
        if exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.USAGE_ERROR) or not self._measured:
            self.session.discard()
            return
        self.verdict = self.session.conclude(
            tuple(self._findings[rule.key] for rule in self.session.rules if rule.key in self._findings),
            failed_tests=self._failed_tests,
            messages=self._faults,
        )
        try:
            self.output = self.session.publish(self.verdict)
        except BaseException:
            self.session.discard()
            raise
        self._recorded = self.session.record(self.verdict, self.output)
        if self.verdict.exit_code or exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = self.verdict.exit_code or int(pytest.ExitCode.INTERNAL_ERROR)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show the verdict; display only."""
        if self.verdict is None or self.output is None:
            return
        from explain_gate.reporting.summary import terminal_lines

        terminalreporter.section("explain-gate")
        for line in terminal_lines(self.verdict):
            terminalreporter.write_line(line)
        # As an address: terminals and editors open it by a click, also where the path holds spaces.
        terminalreporter.write_line(f"Report: {(self.output / 'index.html').absolute().as_uri()}")
        if os.environ.get("GITHUB_ACTIONS") == "true":
            from explain_gate.reporting.github import verdict_to_annotations

            for line in verdict_to_annotations(self.verdict, file=self._config_file()):
                terminalreporter.write_line(line)
        if self._recorded:
            terminalreporter.write_line(self._recorded)

    def pytest_unconfigure(self) -> None:
        """Leave nothing half-made behind."""
        if not self.worker and self.output is None:
            self.session.discard()

    def _config_file(self) -> str:
        """thresholds.yaml as the repository's root sees it, for annotations."""
        path = self.session.config.path
        return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)

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

        from explain_gate.execution.progress import Bars, Lines

        if sys.stderr.isatty():
            with Bars() as bars:
                self.session.measure(bars)
        else:
            progress: Progress = Lines()
            self.session.measure(progress)

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


def _options(config: pytest.Config) -> RunOptions:
    def chosen(name: str) -> str | None:
        given = config.getoption(f"--explain-{name}")
        return given or config.getini(f"explain_{name.replace('-', '_')}") or None

    def flag(name: str) -> bool:
        return bool(config.getoption(f"--explain-{name}") or config.getini(f"explain_{name.replace('-', '_')}"))

    engine = _one_of("engine", chosen("engine") or "local", ("local", "ray"))
    if config.getoption("--explain-ray-address") and engine != "ray":
        raise OptionError(f"--ray-address is for --engine ray, got --engine {engine}")
    return RunOptions(
        config=chosen("config") or "thresholds.yaml",
        source=chosen("model"),
        checkpoint=chosen("checkpoint"),
        reference=chosen("reference"),
        output=chosen("output"),
        device=chosen("device") or "auto",
        tracking_uri=chosen("tracking-uri"),
        tracking=not flag("no-tracking"),
        bootstrap=flag("bootstrap"),
        allow_pickle=flag("allow-pickle"),
        reference_mismatch=_one_of(
            "reference-mismatch", chosen("reference-mismatch") or "refuse", ("refuse", "remeasure")
        ),
        memory_budget=parse_bytes(chosen("memory-budget")),
        cache_dir=chosen("cache-dir"),
        cache=not flag("no-cache"),
        cache_size=parse_bytes(chosen("cache-size")),
        workers=_whole(chosen("workers")),
        engine=engine,
        ray_address=chosen("ray-address"),
        dtype=_one_of("dtype", chosen("dtype") or "float32", ("float32", "bfloat16")),
        allow_alias_back=config.getoption("--explain-allow-alias-back"),
    )


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise OptionError(f"{name} must be one of {', '.join(allowed)}, got {value}")
    return value


def _whole(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit() or not 1 <= int(text) <= 1024:
        raise OptionError(f"workers must be a number from 1 to 1024, got {text}")
    return int(text)


def parse_bytes(text: str | None) -> int | None:
    """`2G`, `512M`, `1000000` -> bytes.

    Raises:
        OptionError: anything else.
    """
    if text is None:
        return None
    units = {"K": 2**10, "M": 2**20, "G": 2**30}
    number, unit = (text[:-1], units[text[-1].upper()]) if text[-1:].upper() in units else (text, 1)
    try:
        return int(float(number) * unit)
    except (ValueError, OverflowError) as error:
        raise OptionError(f"a size must be a number of bytes such as 2G or 512M, got {text}") from error


class _UsageErrors:
    """Turn the product's expected errors into pytest's exit codes, with the message and no traceback."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ExplainGateError):
            if error.exit_code == int(pytest.ExitCode.USAGE_ERROR):
                raise pytest.UsageError(str(error)) from error
            pytest.exit(str(error), returncode=error.exit_code)


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
