"""What tests report is what the session comes to: no lost result, no broken test said to pass."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from explain_gate.judging.gate import judge
from explain_gate.records import Rule
from explain_gate.session.plain import finding_to_plain
from explain_gate.session.results import FAULT, FINDING, Results


@pytest.fixture
def finding(make_profile):
    """A finding of a given bound."""

    def judged(at_least):
        profile = make_profile({("alignment.iou", "grad_cam"): [0.5, 0.6, 0.5, 0.6, 0.5]})
        rule = Rule(check="alignment.iou", method="grad_cam", class_name=None, better="higher", at_least=at_least)
        (one,) = judge(profile, [rule])
        return one

    return judged


def report(when="call", outcome="passed", properties=(), text=""):
    return SimpleNamespace(
        nodeid="checks/test_own.py::test_own", when=when, outcome=outcome, passed=outcome == "passed",
        failed=outcome == "failed", user_properties=list(properties), longrepr=None, longreprtext=text,
    )  # fmt: skip


def told(finding):
    return (FINDING, json.dumps(finding_to_plain(finding)))


def test_a_broken_rule_is_a_finding_and_not_a_test_of_the_team_s_own(finding):
    """It fails its test, and counts once."""
    results = Results()
    results.pytest_runtest_logreport(report(outcome="failed", properties=[told(finding(0.9))]))
    assert [one.status for one in results.findings.values()] == ["failed"]
    assert results.failed_tests == {}


def test_a_test_that_fails_beside_its_rule_is_kept_with_its_text(finding):
    """The rule passed, the team's own assertion did not."""
    results = Results()
    results.pytest_runtest_logreport(
        report(outcome="failed", properties=[told(finding(0.1))], text="assert 1 == 2" + "x" * 9000)
    )
    (failed,) = results.failed_tests.values()
    assert failed.text.startswith("assert 1 == 2")
    assert len(failed.text) == 4000


@pytest.mark.parametrize("when", ["setup", "teardown"])
def test_what_breaks_around_a_test_is_a_fault(when):
    """Nothing may be said to pass: exit 3."""
    results = Results()
    for _ in range(2):
        results.pytest_runtest_logreport(report(when=when, outcome="failed", text="fixture broke"))
    assert results.faults == [f"{when} of checks/test_own.py::test_own broke: fixture broke"]


def test_a_worker_s_fault_and_a_dead_worker_are_told():
    """In a distributed session results arrive by properties, or not at all."""
    results = Results()
    results.pytest_runtest_logreport(report(properties=[(FAULT, json.dumps("the numbers are of another run"))]))
    node = SimpleNamespace(gateway=SimpleNamespace(id="gw1"))
    results.pytest_testnodedown(node, None)
    results.pytest_testnodedown(node, "crashed")
    assert results.faults == ["the numbers are of another run", "the worker gw1 died: crashed"]


def test_who_ended_the_session_is_told_from_a_plugin_that_did():
    """Ctrl-C is an interruption, pytest.exit is a fault."""
    results = Results()
    results.pytest_keyboard_interrupt(SimpleNamespace(value=KeyboardInterrupt("SIGTERM")))
    assert results.interruption == "interrupted by SIGTERM"
    assert results.faults == []
    results.pytest_keyboard_interrupt(SimpleNamespace(value=pytest.exit.Exception("enough")))
    assert results.faults == ["a test, fixture or plugin ended the session: enough"]


def test_a_file_that_cannot_be_collected_may_hold_any_test():
    """A syntax error in checks/ is no pass."""
    results = Results()
    results.pytest_collectreport(SimpleNamespace(failed=False, nodeid="a", longrepr=None, longreprtext=""))
    results.pytest_collectreport(SimpleNamespace(failed=True, nodeid="checks/b.py", longrepr=None, longreprtext="bad"))
    assert results.faults == ["checks/b.py could not be collected: bad"]


def test_a_rule_that_warns_is_not_shown_as_a_plain_dot(finding):
    """What lets a test pass without being passed has a letter of its own."""
    plain = finding_to_plain(finding(0.1))
    assert Results().pytest_report_teststatus(report(properties=[(FINDING, json.dumps(plain))])) is None
    plain["status"] = "warned"
    shown = Results().pytest_report_teststatus(report(properties=[(FINDING, json.dumps(plain))]))
    assert shown == ("warned", "w", ("WARNED", {"yellow": True}))
