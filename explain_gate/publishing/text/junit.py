"""junit.xml: every planned rule a testcase, its numbers as properties."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from explain_gate.metrics import family
from explain_gate.publishing.words.headline import headline
from explain_gate.publishing.words.wording import missing
from explain_gate.records import FailedTest, Finding, Verdict

# What XML 1.0 cannot hold, not even escaped: control characters, lone surrogates, two non-characters.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def verdict_to_junit(verdict: Verdict, pictures: Mapping[str, str] | None = None) -> str:
    """The verdict as JUnit XML: failed = failure, unmeasured or without result = error, waived = skipped.

    Warned and inconclusive rules pass; the property `status` and the output say what they are.

    `pictures` maps a rule's key to a picture; CI systems that know `[[ATTACHMENT|path]]` show it beside the test.
    """
    shown = pictures or {}
    cases = [_case(finding, shown.get(finding.key)) for finding in verdict.findings]
    cases += [_without_result(key) for key in missing(verdict)]
    cases += [_outside(failed) for failed in verdict.failed_tests]
    if verdict.verdict == "error" and not any(case.find("error") is not None for case in cases):
        cases.append(_no_verdict(verdict))
    totals = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": sum(case.find("error") is not None for case in cases),
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }
    attributes = {name: str(total) for name, total in totals.items()} | {"time": f"{verdict.seconds:.3f}"}
    root = ET.Element("testsuites", {"name": "explain-gate", **attributes})
    suite = ET.SubElement(root, "testsuite", {"name": "explain-gate", **attributes})
    _properties(suite, _suite_properties(verdict))
    suite.extend(cases)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def legal(text: str) -> str:
    """The text with every character that XML cannot hold replaced."""
    return _ILLEGAL.sub("\ufffd", text)


def _case(finding: Finding, picture: str | None) -> ET.Element:
    case = _testcase(finding.key)
    _properties(case, _finding_properties(finding))
    match finding.status:
        case "failed":
            _outcome(case, "failure", finding.message, kind=finding.check)
        case "unmeasured":
            _outcome(case, "error", finding.message, kind="unmeasured")
        case "waived":
            _outcome(case, "skipped", finding.message, kind="waived")
        case "warned" | "inconclusive":
            ET.SubElement(case, "system-out").text = legal(f"{finding.status}: {finding.message}")
        case "passed":
            pass
    if picture is not None:
        ET.SubElement(case, "system-out").text = legal(f"[[ATTACHMENT|{picture}]]")
    return case


def _without_result(key: str) -> ET.Element:
    case = _testcase(key)
    _outcome(case, "error", f"{key} was planned in thresholds.yaml but has no result", kind="no result")
    return case


def _outside(failed: FailedTest) -> ET.Element:
    case = ET.Element("testcase", {"classname": "tests", "name": legal(failed.test)})
    said = f"\n{failed.text}" if failed.text else ""
    _outcome(case, "failure", f"{failed.test} failed; it is not a rule of thresholds.yaml{said}", kind="test")
    return case


def _no_verdict(verdict: Verdict) -> ET.Element:
    case = ET.Element("testcase", {"classname": "explain-gate", "name": "verdict"})
    _outcome(case, "error", "\n".join((headline(verdict), *verdict.messages)), kind="no verdict")
    return case


def _testcase(key: str) -> ET.Element:
    # The metric stays in the name: report viewers drop a second testcase of the same class and name.
    name = family(key)
    return ET.Element("testcase", {"classname": legal(name), "name": legal(key[len(name) + 1 :] or key)})


def _outcome(case: ET.Element, tag: str, message: str, *, kind: str) -> None:
    element = ET.SubElement(case, tag, {"type": legal(kind), "message": legal(message.partition("\n")[0])})
    element.text = legal(message)


def _properties(parent: ET.Element, values: dict[str, object]) -> None:
    given = {name: value for name, value in values.items() if value is not None and value != ""}
    if given:
        properties = ET.SubElement(parent, "properties")
        for name, value in given.items():
            ET.SubElement(properties, "property", {"name": legal(name), "value": legal(str(value))})


def _finding_properties(finding: Finding) -> dict[str, object]:
    low, high = finding.interval or (None, None)
    change_low, change_high = finding.change_interval or (None, None)
    return {
        "check": finding.check,
        "method": finding.method,
        "class": finding.class_name,
        "status": finding.status,
        "cause": finding.cause,
        "statistic": finding.statistic,
        "value": finding.value,
        "yes": None if finding.evidence is None else finding.evidence.yes,
        "answers": None if finding.evidence is None else finding.evidence.images,
        "at_most_share": None if finding.evidence is None else finding.evidence.bound,
        "interval_low": low,
        "interval_high": high,
        **finding.bound,
        "reference_value": finding.reference_value,
        "change": finding.change,
        "change_low": change_low,
        "change_high": change_high,
        "images": finding.images,
        "unmeasured": finding.unmeasured,
        "not_applicable": finding.not_applicable or None,
        "worst": ", ".join(finding.worst),
        "file": finding.file,
        "line": finding.line or None,
    }


def _suite_properties(verdict: Verdict) -> dict[str, object]:
    return {
        "verdict": verdict.verdict,
        "exit_code": verdict.exit_code,
        "model": verdict.model.get("source"),
        "checkpoint": verdict.model.get("checkpoint"),
        "checkpoint_key": verdict.model.get("checkpoint_key"),
        "model_digest": verdict.model.get("digest"),
        "dataset_digest": verdict.dataset.get("digest"),
        "config_digest": verdict.config_digest,
    }
