"""junit.xml tells CI systems of every rule, exactly once."""

from dataclasses import replace
from xml.etree import ElementTree as ET

from explain_gate.publishing.text.junit import verdict_to_junit
from explain_gate.records import Verdict


def cases(verdict):
    suite = ET.fromstring(verdict_to_junit(verdict)).find("testsuite")  # noqa: S314 - our own text
    return suite, {(case.get("classname"), case.get("name")): case for case in suite.iter("testcase")}


def test_every_rule_is_one_testcase_with_its_status(run):
    """Failed is a failure, unmeasured an error, waived skipped, warned and passed neither."""
    suite, found = cases(run.verdict)
    assert len(found) == len(run.verdict.findings) + 1
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "9",
        "failures": "3",
        "errors": "1",
        "skipped": "1",
    }
    waived = next(case for case in found.values() if case.find("skipped") is not None)
    assert "mask policy changed, V-123" in waived.find("skipped").get("message")
    assert found["performance", "accuracy[all]"].find("failure") is None


def test_an_inconclusive_rule_passes_and_says_what_it_is(run):
    """CI counts it as passed; its status is a property and the output holds the reason."""
    unsure = replace(run.verdict.findings[1], status="inconclusive", cause="undecided", message="64 more would decide.")
    suite, found = cases(replace(run.verdict, findings=(unsure,), planned=(unsure.key,), failed_tests=()))
    (case,) = found.values()
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("0", "0", "0")
    properties = {item.get("name"): item.get("value") for item in case.iter("property")}
    assert properties["status"] == "inconclusive"
    assert case.find("system-out").text == "inconclusive: 64 more would decide."


def test_values_are_properties(run):
    """Numbers, bounds and images of a rule are properties, never the time."""
    _, found = cases(run.verdict)
    case = found["reliance", "background_gap[all]"]
    properties = {item.get("name"): item.get("value") for item in case.iter("property")}
    assert properties["at_most"] == "0.05"
    assert float(properties["value"]) == run.verdict.findings[6].value
    assert properties["images"] == "18"
    assert case.get("time") is None


def test_a_planned_rule_without_a_result_is_an_error(run):
    """A rule that nobody answered shows up by name."""
    verdict = replace(run.verdict, planned=(*run.verdict.planned, "drift.map_correlation[grad_cam]"))
    _, found = cases(verdict)
    assert "no result" in found["drift", "map_correlation[grad_cam]"].find("error").get("message")


def test_names_that_xml_cannot_hold_are_replaced(run):
    """Control characters, surrogates and markup leave the file well-formed."""
    nasty = "a\x00b\x1b[31m\udc80\ufffe<&\"'>]]>\nnext"
    finding = replace(run.verdict.findings[2], class_name=nasty, message=nasty, worst=(nasty,))
    verdict = replace(run.verdict, findings=(finding,), planned=(finding.key,), messages=(nasty,))
    text = verdict_to_junit(verdict)
    text.encode("utf-8")
    failure = next(ET.fromstring(text).iter("failure"))  # noqa: S314 - our own text
    assert failure.text == "a\ufffdb\ufffd[31m\ufffd\ufffd<&\"'>]]>\nnext"


def test_a_run_without_rules_is_no_success():
    """An error verdict with nothing planned still carries one error."""
    suite, _ = cases(Verdict(verdict="error", exit_code=5, planned=(), judged=(), findings=()))
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")
