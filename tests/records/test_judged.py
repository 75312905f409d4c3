"""What a finding says beside its fields, and that evidence survives its way through JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from explain_gate.records import Evidence, Finding, Rule, Verdict

EVIDENCE = Evidence(
    question="are called red",
    yes=3,
    images=20,
    bound=0.05,
    must_catch=0.5,
    part=0.003,
    fails_from=6,
    finds=0.44,
    needed=14,
    limits=(0.03, 0.38),
    upper=0.4,
    pooled=("red", "green"),
)


def finding(**fields) -> Finding:
    """One that passed."""
    plain = {
        "check": "alignment.iou", "method": "grad_cam", "class_name": "red", "statistic": "mean", "value": 0.5,
        "interval": None, "bound": {}, "status": "passed", "images": 20, "unmeasured": 0, "worst": (), "message": "",
        "line": 21,
    }  # fmt: skip
    return Finding(**{**plain, **fields})


def test_evidence_survives_json():
    """verdict.json is read again to render, to compare and to publish."""
    assert Evidence.from_plain(json.loads(json.dumps(asdict(EVIDENCE)))) == EVIDENCE


def test_a_finding_is_named_as_its_rule():
    """Who reads a report finds the rule, and the other way round."""
    rule = Rule(check="alignment.iou", method="grad_cam", class_name="red", better="higher", line=21)
    assert finding().key == rule.key
    assert finding().place == rule.place == "thresholds.yaml:21"
    assert finding(method=None, class_name=None).key == "alignment.iou[all]"


@pytest.mark.parametrize(
    ("status", "upper", "hides"),
    [("inconclusive", 0.6, True), ("inconclusive", 0.5, True), ("inconclusive", 0.49, False), ("passed", 0.6, False)],
)
def test_an_inconclusive_row_may_hide_what_it_must_catch(status, upper, hides):
    """Where the true share may still be as large: the alias waits for it."""
    evidence = Evidence.from_plain({**asdict(EVIDENCE), "upper": upper})
    assert finding(status=status, evidence=evidence).may_hide == hides
    assert not finding(status=status).may_hide


def test_a_verdict_without_a_task_is_of_a_classifier():
    """Those of earlier versions say none."""
    verdict = Verdict(verdict="passed", exit_code=0, planned=(), judged=(), findings=())
    assert verdict.task == "classification"
    assert replace(verdict, model={"task": "binary"}).task == "binary"
