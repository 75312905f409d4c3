"""verdict.json: the verdict as text and back; its JSON Schema is explain_gate/schemas/verdict.schema.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from explain_gate.errors import ReferenceError
from explain_gate.records import Confound, Control, Evidence, Excluded, FailedTest, Finding, Lesson, Verdict, Waiver

SCHEMA_VERSION = 2
READABLE = (1, 2)


def verdict_to_json(verdict: Verdict) -> str:
    """The verdict as JSON, keys in the order of the schema.

    Raises:
        ValueError: a number is NaN or infinite; no verdict may be written with one.
        TypeError: a value is not a JSON type, such as a numpy scalar.
    """
    document = {
        "schema_version": SCHEMA_VERSION,
        "run_id": verdict.run_id,
        "verdict": verdict.verdict,
        "exit_code": verdict.exit_code,
        "model": dict(verdict.model),
        "reference": None if verdict.reference is None else dict(verdict.reference),
        "dataset": dict(verdict.dataset),
        "config_digest": verdict.config_digest,
        "environment": dict(verdict.environment),
        "selection": verdict.selection,
        "left_out": list(verdict.left_out),
        "weaker": list(verdict.weaker),
        "planned": list(verdict.planned),
        "judged": list(verdict.judged),
        "findings": [_finding(finding) for finding in verdict.findings],
        "controls": [_control(control) for control in verdict.controls],
        "failed_tests": [{"test": failed.test, "text": failed.text} for failed in verdict.failed_tests],
        "waivers": [_waiver(waiver) for waiver in verdict.waivers],
        "confounds": [_confound(one) for one in verdict.confounds],
        "excluded": [_excluded(one) for one in verdict.excluded],
        "lessons": [asdict(lesson) for lesson in verdict.lessons],
        "messages": list(verdict.messages),
        "not_published": list(verdict.not_published),
        "seconds": verdict.seconds,
        "passes": dict(verdict.passes),
        "promotion": None if verdict.promotion is None else dict(verdict.promotion),
    }
    text = json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False)
    # A file name that is not UTF-8 reaches us as lone surrogates; JSON can spell them, UTF-8 cannot.
    return text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n"


def verdict_from_json(text: str) -> Verdict:
    """Read what `verdict_to_json` wrote.

    Raises:
        ReferenceError: not a verdict, or of another schema version.
    """
    try:
        document = json.loads(text)
        if document.pop("schema_version") not in READABLE:
            raise ReferenceError(f"verdict.json must have schema_version {' or '.join(map(str, READABLE))}")
        return Verdict(
            **{
                **document,
                "left_out": tuple(document.get("left_out", ())),
                "weaker": tuple(document.get("weaker", ())),
                "planned": tuple(document["planned"]),
                "judged": tuple(document["judged"]),
                "findings": tuple(finding_from_json(finding) for finding in document["findings"]),
                "controls": tuple(_to_control(control) for control in document["controls"]),
                "failed_tests": tuple(_to_failed_test(entry) for entry in document["failed_tests"]),
                "waivers": tuple(_to_waiver(entry) for entry in document.get("waivers", ())),
                "confounds": tuple(_to_confound(entry) for entry in document.get("confounds", ())),
                "excluded": tuple(Excluded.from_plain(entry) for entry in document.get("excluded", ())),
                "lessons": tuple(Lesson(**entry) for entry in document.get("lessons", ())),
                "messages": tuple(document["messages"]),
                "not_published": tuple(document.get("not_published", ())),
            }
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReferenceError(f"not a verdict.json: {error}") from error


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "method": finding.method,
        "class": finding.class_name,
        "statistic": finding.statistic,
        "value": finding.value,
        "interval": None if finding.interval is None else list(finding.interval),
        "bound": dict(finding.bound),
        "reference_value": finding.reference_value,
        "change": finding.change,
        "change_interval": None if finding.change_interval is None else list(finding.change_interval),
        "status": finding.status,
        "cause": finding.cause,
        "images": finding.images,
        "unmeasured": finding.unmeasured,
        "not_applicable": finding.not_applicable,
        "excluded": finding.excluded,
        "worst": list(finding.worst),
        "evidence": None if finding.evidence is None else _evidence(finding.evidence),
        "message": finding.message,
        "file": finding.file,
        "line": finding.line,
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {**asdict(evidence), "limits": list(evidence.limits), "pooled": list(evidence.pooled)}


def _control(control: Control) -> dict[str, Any]:
    return {
        "check": control.check,
        "method": control.method,
        "class": control.class_name,
        "control": control.control,
        "expected": control.expected,
        "value": control.value,
        "ok": control.ok,
        "message": control.message,
    }


def _excluded(excluded: Excluded) -> dict[str, Any]:
    return {**asdict(excluded), "reviewers": list(excluded.reviewers), "notes": list(excluded.notes)}


def _waiver(waiver: Waiver) -> dict[str, Any]:
    return {("class" if name == "class_name" else name): value for name, value in asdict(waiver).items()}


def finding_from_json(entry: Mapping[str, Any]) -> Finding:
    """One entry of `findings` as a record, of any schema version that was ever written."""
    fields = {("class_name" if key == "class" else key): value for key, value in entry.items()}
    for key in ("interval", "change_interval"):
        fields[key] = None if fields[key] is None else (fields[key][0], fields[key][1])
    if fields.get("evidence") is not None:
        fields["evidence"] = Evidence.from_plain(fields["evidence"])
    finding = Finding(**{**fields, "worst": tuple(fields["worst"])})
    return finding if "cause" in entry else _of_version_1(finding)


def _of_version_1(finding: Finding) -> Finding:
    """Version 1 told in its message alone what the status rests on, and called inconclusive rules warned."""
    if finding.status == "passed":
        return finding
    if finding.value is None:
        return replace(finding, cause="not compared" if "was not compared" in finding.message else "unmeasured")
    side = next((name for name in ("at_least", "at_most") if name in finding.bound), None)
    beyond = side is not None and (finding.value < finding.bound[side]) == (side == "at_least")
    if side is not None and beyond and finding.value != finding.bound[side]:
        return replace(finding, cause="bound")
    if "Inconclusive:" in finding.message:
        status = "inconclusive" if finding.status == "warned" else finding.status
        return replace(finding, status=status, cause="undecided")
    if "Not compared:" in finding.message:
        return replace(finding, cause="not compared")
    return replace(finding, cause="vacuous" if "bound is vacuous" in finding.message else "change")


def _to_failed_test(entry: Mapping[str, str] | str) -> FailedTest:
    """An entry of `failed_tests`; in files of earlier versions it is the test's id alone."""
    return FailedTest(test=entry) if isinstance(entry, str) else FailedTest(**entry)


def _to_waiver(entry: Mapping[str, Any]) -> Waiver:
    return Waiver(**{("class_name" if key == "class" else key): value for key, value in entry.items()})


def _confound(confound: Confound) -> dict[str, Any]:
    return {("class" if key == "class_name" else key): value for key, value in asdict(confound).items()}


def _to_confound(entry: Mapping[str, Any]) -> Confound:
    return Confound(**{("class_name" if key == "class" else key): value for key, value in entry.items()})


def _to_control(entry: Mapping[str, Any]) -> Control:
    return Control(**{("class_name" if key == "class" else key): value for key, value in entry.items()})
