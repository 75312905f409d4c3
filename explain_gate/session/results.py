"""What the tests of a session reported: findings, failed tests, and what broke."""

from __future__ import annotations

import json
from typing import Any

import pytest

from explain_gate.errors import told_error
from explain_gate.records import FailedTest, Finding
from explain_gate.session.plain import finding_from_plain

FINDING = "explain_gate.finding"
FAULT = "explain_gate.fault"
_SHORT = {"warned": "w", "inconclusive": "i"}
"""What pytest prints for a test whose rule lets it pass and is not simply passed."""
_TEXT_LIMIT = 4_000


class Results:
    """Hooks of the process that controls the session; in a distributed one, results arrive here.

    `faults` are sentences, each of which says why nothing may be said to pass. `interruption` says who ended the
    session, None where nobody did.
    """

    def __init__(self) -> None:
        self.findings: dict[str, Finding] = {}
        self.failed_tests: dict[str, FailedTest] = {}
        self.faults: list[str] = []
        self.interruption: str | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect results; in a distributed session this runs where they arrive."""
        findings = []
        for name, value in report.user_properties:
            if name == FINDING:
                finding = finding_from_plain(json.loads(str(value)))
                self.findings[finding.key] = finding
                findings.append(finding)
            elif name == FAULT:
                self._fault(json.loads(str(value)))
        broken = any(finding.status in ("failed", "unmeasured") for finding in findings)
        if not report.failed or broken:
            return
        if report.when == "call":
            self.failed_tests[report.nodeid] = FailedTest(test=report.nodeid, text=_text_of(report))
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
        if report.failed:
            self._fault(f"{report.nodeid or 'the tests'} could not be collected: {_text_of(report)}")

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Whatever breaks pytest, a worker or another plugin may have lost results."""
        self._fault(f"internal error: {told_error(excinfo.value)}")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember that somebody ended the session; pytest itself stops by this way too, and then says why."""
        told = str(excinfo.value)
        if isinstance(excinfo.value, pytest.exit.Exception):
            self._fault(f"a test, fixture or plugin ended the session: {told}")
        elif type(excinfo.value) is KeyboardInterrupt:
            self.interruption = f"interrupted by {told or 'Ctrl-C'}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        """A worker that died took results with it."""
        if error:
            self._fault(f"the worker {node.gateway.id} died: {error}")

    def _fault(self, text: str) -> None:
        if text not in self.faults:
            self.faults.append(text)


def _text_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Place and message of a failure, then what pytest shows of it, cut to what a report can show."""
    crash = getattr(report.longrepr, "reprcrash", None)
    shown = report.longreprtext.strip()
    if crash is None:
        return shown[:_TEXT_LIMIT]
    place = f"{crash.path}:{crash.lineno}: {crash.message}"
    told_twice = "\n" not in shown and shown.removeprefix("E").strip() in crash.message
    return (place if told_twice else f"{place}\n{shown}")[:_TEXT_LIMIT]
