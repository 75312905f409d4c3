"""results.sarif holds what code scanning needs: a rule, a line, a stable fingerprint, and text that stays text."""

import json
from dataclasses import replace

import pytest

from explain_gate.publishing.text.sarif import SHOWN, verdict_to_sarif

NASTY = "@everyone [x](javascript:0) | `y` <script>\r\n\u202eevil"
LEVELS = {"none", "note", "warning", "error"}


def _run(verdict, **options):
    """The one run of the log, with what SARIF 2.1.0 requires (3.13, 3.14, 3.18, 3.19, 3.27) checked on the way."""
    log = json.loads(verdict_to_sarif(verdict, **options))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "explain-gate"
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert result["level"] in LEVELS
        assert result["message"]["text"]
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        (place,) = result["locations"]
        assert place["physicalLocation"]["region"]["startLine"] >= 1
        assert place["physicalLocation"]["artifactLocation"]["uri"]
        assert set(result["partialFingerprints"]) == {"explainGateRule/v1"}
    assert isinstance(run["invocations"][0]["executionSuccessful"], bool)
    return run


def test_what_did_not_pass_stands_on_its_line(run):
    """Errors and warnings at thresholds.yaml:LINE, worst first; what passed is no result; a waiver is a suppression."""
    results = _run(run.verdict)["results"]
    assert [result["level"] for result in results] == ["error", "error", "error", "warning", "warning"]
    place = results[0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "thresholds.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 12}
    assert run.verdict.findings[2].message.split("(")[0] in results[0]["message"]["text"]
    waived = [result for result in results if "suppressions" in result]
    assert ["mask policy changed" in one["suppressions"][0]["justification"] for one in waived] == [True]


def test_files_are_named_from_the_root_and_encoded(run):
    """A name with a space and a colon is an address; one outside the repository has no base."""
    verdict = replace(run.verdict, findings=(replace(run.verdict.findings[2], file="gates/pets: v2/rules.yaml"),))
    place = _run(verdict)["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place["uri"] == "gates/pets%3A%20v2/rules.yaml"
    place = _run(verdict, place=lambda file: f"/elsewhere/{file}")["results"][0]["locations"][0]
    assert "uriBaseId" not in place["physicalLocation"]["artifactLocation"]


def test_an_alert_stays_the_same_one_when_lines_move(run):
    """The fingerprint is the rule's key: another line, value or message keeps it, another class does not."""
    one = run.verdict.findings[2]
    moved = replace(one, line=90, value=0.1, message="otherwise")
    other = replace(one, class_name="another")

    def fingerprint(finding):
        return _run(replace(run.verdict, findings=(finding,)))["results"][-1]["partialFingerprints"]

    assert fingerprint(one) == fingerprint(moved) != fingerprint(other)


def test_names_stay_text(run):
    """No link, no mention, no control character and no text that turns around, wherever a name goes."""
    finding = replace(run.verdict.findings[2], class_name=NASTY, message=NASTY)
    told = _run(replace(run.verdict, findings=(finding,), planned=(finding.key,)))
    text = told["results"][0]["message"]["text"]
    assert "@everyone" not in text
    assert "\\[x\\](" in text
    assert not {"\n", "\r", "\u202e"} & set(json.dumps(told, ensure_ascii=False))


@pytest.mark.parametrize("key", ["alignment.iou[grad_cam-Bengal]", "performance.accuracy[all]"])
def test_a_crash_is_no_success_and_every_rule_without_result_an_error(crashed, key):
    """The invocation says so, and what was planned is told rule by rule."""
    told = _run(crashed)
    assert told["invocations"][0]["executionSuccessful"] is False
    assert told["invocations"][0]["exitCode"] == 3
    assert "worker gw1 crashed" in told["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    assert any(key.replace("[", "\\[").replace("]", "\\]") in one["message"]["text"] for one in told["results"])


def test_more_than_a_host_shows_is_counted(run):
    """Five thousand results and a note of the rest."""
    template = run.verdict.findings[2]
    findings = tuple(replace(template, class_name=f"class {number}") for number in range(SHOWN + 7))
    told = _run(replace(run.verdict, findings=findings, planned=(), judged=()))
    assert len(told["results"]) == SHOWN
    assert "7 more results" in told["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
