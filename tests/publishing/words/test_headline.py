"""One sentence says why the merge is blocked."""

from dataclasses import replace

import pytest

from explain_gate.publishing.words.headline import headline


def failed(run, *changes):
    template = run.verdict.findings[2]
    findings = tuple(replace(template, **change) for change in changes)
    keys = tuple(finding.key for finding in findings)
    return replace(run.verdict, findings=findings, planned=keys, judged=keys)


BENGAL = {"check": "alignment.iou", "class_name": "Bengal"}
BACKGROUND = {"check": "reliance.background_gap", "method": None, "class_name": None, "value": 0.2,
              "bound": {"at_most": 0.05}}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            (BACKGROUND, BENGAL),
            (
                "Blocked: on Bengal images the model looks outside the annotated region, "
                "and its predictions follow the background"
            ),
        ),
        (
            (BENGAL, {"check": "alignment.lift", "class_name": "Sphynx"}),
            "Blocked: on Bengal and Sphynx images the model looks outside the annotated region",
        ),
        (
            (BENGAL, {"check": "alignment.lift", "class_name": None}),
            "Blocked: the model looks outside the annotated region, mostly on Bengal images",
        ),
        (
            (BENGAL, {"check": "alignment.lift", "class_name": "Sphynx"}, {"class_name": None}),
            "Blocked: the model looks outside the annotated region",
        ),
        (
            tuple({"class_name": name} for name in "abcde"),
            "Blocked: on images of 5 classes the model looks outside the annotated region",
        ),
        (({"check": "shop.sharpness", "class_name": None},), "Blocked: shop.sharpness breaks its bound"),
        (
            ({**BENGAL, "cause": "change"},),
            "Blocked: on Bengal images alignment.iou is worse than in the approved version",
        ),
        (
            ({**BENGAL, "cause": "undecided"},),
            "Blocked: on Bengal images alignment.iou may be worse than in the approved version",
        ),
        (({**BENGAL, "status": "unmeasured"},), "Blocked: on Bengal images alignment.iou could not be measured"),
    ],
)
def test_failures_become_a_sentence(run, changes, sentence):
    """Rules of one cause are told once, with the classes they concern, what matters most first."""
    assert headline(failed(run, *changes)) == sentence


def test_many_causes_are_cut_short(run):
    """Two causes are told and the rest counted."""
    checks = ("alignment.iou", "performance.accuracy", "drift.x", "stability.x", "agreement.x")
    told = headline(failed(run, *({"check": check, "class_name": None} for check in checks)))
    assert told.endswith("too many predictions are wrong, and 3 more rules break")


def test_a_pass_is_told_as_such(run):
    """All rules hold, or what does not and yet does not block."""
    passed = replace(failed(run, {**BENGAL, "status": "passed"}), verdict="passed")
    assert headline(passed) == "Passed: the rule holds"
    waived = replace(failed(run, {**BENGAL, "status": "waived"}), verdict="passed")
    assert headline(waived) == "Passed: nothing blocks (1 waived)"


def test_a_failed_test_beside_the_rules_is_named(run):
    """Where only a team's own test failed, it is the reason."""
    verdict = replace(failed(run, {**BENGAL, "status": "passed"}), verdict="failed")
    assert headline(verdict) == "Blocked: 1 test beside the rules failed: checks/test_own.py::test_logo"


@pytest.mark.parametrize(
    ("task", "sentence"),
    [
        (
            "regression",
            "Blocked: its values follow the background, and too many values are further off than the tolerance",
        ),
        ("detection", "Blocked: its boxes follow the background, and too many objects are not found"),
        ("multilabel", "Blocked: its predictions follow the background, and too many annotated labels are missed"),
    ],
)
def test_it_speaks_the_language_of_the_task(run, task, sentence):
    accuracy = {**BACKGROUND, "check": "performance.accuracy", "bound": {"at_least": 0.9}}
    verdict = failed(run, BACKGROUND, accuracy)
    assert headline(replace(verdict, model={**verdict.model, "task": task})) == sentence
