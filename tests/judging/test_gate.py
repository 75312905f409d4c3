"""Judging and concluding: the pure heart of the gate, and every way in which it must not turn green."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explain_gate.judging.gate import conclude, judge, judge_controls
from explain_gate.records import FailedTest, Finding, Rule


def rule(check: str = "alignment.iou", method: str | None = "grad_cam", **values: Any) -> Rule:
    values.setdefault("at_least", 0.5)
    return Rule(check=check, method=method, class_name=values.pop("class_name", None), better="higher", **values)


def test_a_value_at_its_bound_passes(make_profile):
    """The bound itself is still allowed."""
    profile = make_profile({("alignment.iou", "grad_cam"): [0.5, 0.5]})
    (finding,) = judge(profile, [rule()])
    assert finding.status == "passed"
    assert finding.value == 0.5


def test_a_broken_rule_names_number_rule_line_who_and_the_worst_images(make_profile):
    """The message says what is wrong, where the bound stands, for whom, and where to look."""
    profile = make_profile({("alignment.iou", "grad_cam"): [0.1, 0.6, 0.3, 0.6]})
    (finding,) = judge(profile, [rule(class_name="cat", line=21, at_least=0.4)])
    assert finding.status == "failed"
    assert finding.worst == ("cat_000.png", "cat_002.png")
    for part in (
        "alignment.iou 0.20",
        "below at_least 0.40",
        "thresholds.yaml:21",
        "grad_cam",
        "class cat",
        "2 images",
    ):
        assert part in finding.message


def test_at_most_lists_the_largest_values_as_worst(make_profile):
    """Worst means furthest into the wrong direction."""
    profile = make_profile({("reliance.background_gap", None): [0.0, 0.9, 0.2]})
    (finding,) = judge(
        profile, [Rule(check="reliance.background_gap", method=None, class_name=None, better="lower", at_most=0.1)]
    )
    assert finding.worst[0] == "dog_001.png"


def test_one_unmeasured_image_fails_a_rule_that_allows_none(make_profile):
    """An image without a value is not left out in silence."""
    profile = make_profile({("alignment.iou", "grad_cam"): [0.9, "the map is flat", 0.9]})
    (finding,) = judge(profile, [rule()])
    assert finding.status == "unmeasured"
    assert "the map is flat (1: dog_001.png)" in finding.message


def test_max_unmeasured_lets_so_many_images_go(make_profile):
    """Where the team allows some, the rest decides."""
    profile = make_profile({("alignment.iou", "grad_cam"): [0.9, "the map is flat", 0.9]})
    (finding,) = judge(profile, [rule(max_unmeasured=1)])
    assert (finding.status, finding.images, finding.unmeasured) == ("passed", 2, 1)


@pytest.mark.parametrize(("share", "status"), [(0.34, "passed"), (1 / 3, "passed"), (0.33, "unmeasured")])
def test_max_unmeasured_below_one_is_a_share(make_profile, share, status):
    """One image of three is 0.333 of them."""
    profile = make_profile({("alignment.iou", "grad_cam"): [0.9, "the map is flat", 0.9]})
    (finding,) = judge(profile, [rule(max_unmeasured=share)])
    assert finding.status == status


def test_a_rule_without_a_single_value_is_unmeasured_whatever_it_allows(make_profile):
    """Allowing everything to go unmeasured is no way to pass."""
    profile = make_profile({("alignment.iou", "grad_cam"): ["the map is flat", "the map is flat"]})
    for allowed in (2, 100, 0.99):
        (finding,) = judge(profile, [rule(max_unmeasured=allowed)])
        assert finding.status == "unmeasured"


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_never_a_measurement(make_profile, bad):
    """Even a profile written by somebody else cannot smuggle NaN past a bound."""
    profile = make_profile({("alignment.iou", "grad_cam"): [0.9, bad]})
    (finding,) = judge(profile, [rule()])
    assert finding.status == "unmeasured"


def test_a_rule_that_was_not_measured_is_unmeasured(make_profile):
    """A missing measurement is a finding, not a gap."""
    profile = make_profile({("alignment.lift", "grad_cam"): [2.0]})
    (finding,) = judge(profile, [rule()])
    assert finding.status == "unmeasured"


def test_a_class_without_images_is_unmeasured(make_profile):
    """A per-class rule over no images does not pass."""
    profile = make_profile({("alignment.iou", "grad_cam"): [0.9, 0.9]})
    (finding,) = judge(profile, [rule(class_name="bird")])
    assert finding.status == "unmeasured"


def test_severity_warn_does_not_block(make_profile):
    """A warning is told and lets the build through."""
    profile = make_profile({("alignment.iou", "grad_cam"): [0.1, 0.2]})
    rules = [rule(severity="warn")]
    findings = judge(profile, rules)
    assert findings[0].status == "warned"
    assert conclude(rules, findings).exit_code == 0


def test_a_vacuous_bound_is_told(make_profile):
    """A bound that a random map passes as well is no test; the finding says so instead of passing."""
    profile = make_profile(
        {
            ("alignment.iou", "grad_cam"): [0.4, 0.4],
            ("alignment.iou", "control.random"): [0.35, 0.35],
            ("alignment.iou", "control.region"): [1.0, 1.0],
        }
    )
    (finding,) = judge(profile, [rule(at_least=0.3)])
    assert finding.status == "warned"
    assert "vacuous" in finding.message
    assert [control.ok for control in judge_controls(profile, [rule(at_least=0.3)])] == [False, True]


def test_a_bound_that_the_region_itself_misses_is_told(make_profile):
    """A bound that nothing can meet is a mistake in thresholds.yaml."""
    profile = make_profile({("alignment.iou", "grad_cam"): [0.4, 0.4], ("alignment.iou", "control.region"): [0.7, 0.7]})
    (control,) = judge_controls(profile, [rule(at_least=0.8)])
    assert not control.ok
    assert "cannot be met" in control.message


def finding(key_method: str = "grad_cam", **values: Any) -> Finding:
    facts: dict[str, Any] = {"check": "alignment.iou", "method": key_method, "class_name": None, "statistic": "mean"}
    facts |= {"value": 0.9, "interval": (0.8, 1.0), "bound": {"at_least": 0.5}, "images": 2, "unmeasured": 0}
    return Finding(**{**facts, "worst": (), "message": "", "line": 1, "status": "passed", **values})


def test_a_planned_rule_without_a_finding_is_an_error():
    """What was planned and not judged ends in exit code 3, whatever else passed."""
    verdict = conclude([rule(), rule("alignment.lift")], [finding()])
    assert (verdict.verdict, verdict.exit_code) == ("error", 3)
    assert "alignment.lift[grad_cam]" in verdict.messages[0]


def test_an_error_outranks_a_failure():
    """Exit code 3 outranks 1: an incomplete run says nothing about the rest."""
    verdict = conclude([rule(), rule("alignment.lift")], [finding(status="failed")])
    assert verdict.exit_code == 3


def test_nothing_planned_never_passes():
    """A gate over nothing is an error, not a success."""
    assert conclude([], []).exit_code == 3


def test_a_bound_that_somebody_let_be_looser_is_told_by_every_verdict(make_profile):
    """The reason stands in the verdict's messages, which every report prints, and changes nothing about it."""
    loose = rule(accept_looser="the sofas belong to the cats", line=12)
    profile = make_profile({("alignment.iou", "grad_cam"): [0.9] * 4})
    verdict = conclude([loose], judge(profile, [loose]))
    assert verdict.verdict == "passed"
    (told,) = verdict.messages
    assert told.startswith("alignment.iou: its bound is looser than the package's own (thresholds.yaml:12), accepted:")
    assert told.endswith(" the sofas belong to the cats.")


def test_a_failing_test_of_the_team_blocks():
    """The team's own tests over the profile are part of the gate."""
    assert conclude([rule()], [finding()], failed_tests=[FailedTest(test="checks/test_own.py::test_x")]).exit_code == 1


@given(
    st.lists(st.sampled_from(["passed", "failed", "warned", "waived", "unmeasured"]), min_size=1, max_size=6),
    st.integers(0, 3),
)
@settings(deadline=None, max_examples=60, derandomize=True)
def test_exit_zero_needs_every_planned_rule_to_pass_warn_or_be_waived(statuses, missing):
    """No combination of results gives 0 unless each planned rule has a harmless one."""
    rules = [rule(check=f"alignment.m{number}") for number in range(len(statuses) + missing)]
    findings = [finding(check=f"alignment.m{number}", status=status) for number, status in enumerate(statuses)]
    harmless = missing == 0 and not {"failed", "unmeasured"} & set(statuses)
    assert (conclude(rules, findings).exit_code == 0) == harmless
