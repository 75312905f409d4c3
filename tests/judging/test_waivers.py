"""Waivers let a broken row through until a day, say what they let through, and tell when they end."""

from __future__ import annotations

from typing import Any

import pytest

from explain_gate.judging.gate import conclude, judge
from explain_gate.records import Rule, Waiver


def rule(check: str = "alignment.iou", method: str | None = "grad_cam", **values: Any) -> Rule:
    values.setdefault("at_least", 0.5)
    return Rule(check=check, method=method, class_name=values.pop("class_name", None), better="higher", **values)


def waiver(**values: Any) -> Waiver:
    facts: dict[str, Any] = {"method": None, "class_name": None, "reason": "new mask policy", "ticket": "V-1"}
    facts |= {"owner": "vision", "expires": "2027-01-31", "line": 9}
    return Waiver(**{"check": "alignment.iou", **facts, **values})


def test_a_waiver_holds_until_its_last_day(make_profile):
    """On the day it expires it still counts; the day after the rule fails and says why."""
    profile = make_profile({("alignment.iou", "grad_cam"): [0.1, 0.2]})
    (held,) = judge(profile, [rule()], waivers=[waiver()], today="2027-01-31")
    (expired,) = judge(profile, [rule()], waivers=[waiver()], today="2027-02-01")
    assert held.status == "waived"
    assert "V-1" in held.message
    assert expired.status == "failed"
    assert "expired on 2027-01-31" in expired.message


def test_a_waiver_of_one_class_leaves_the_others_alone(make_profile):
    """A waiver covers what it names."""
    profile = make_profile({("alignment.iou", "grad_cam"): [0.1, 0.2]})
    rules = [rule(class_name="cat"), rule(class_name="dog")]
    cat, dog = judge(profile, rules, waivers=[waiver(class_name="cat")], today="2026-01-01")
    assert (cat.status, dog.status) == ("waived", "failed")


def test_an_unused_waiver_warns(make_profile):
    """A waiver whose rule does not break should go."""
    profile = make_profile({("alignment.iou", "grad_cam"): [0.9, 0.9]})
    rules = [rule()]
    verdict = conclude(rules, judge(profile, rules), waivers=[waiver()], today="2026-01-01")
    assert verdict.exit_code == 0
    assert any("not used" in message for message in verdict.messages)


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"check": "alignment.iuo"}, "no rule is called alignment.iuo"),
        ({"method": "occlusion"}, "alignment.iou has no row for method occlusion, only for grad_cam"),
        ({"class_name": "Cat"}, "alignment.iou has no row for class Cat, only for cat, dog"),
    ],
)
def test_a_waiver_that_matches_no_rule_is_told_as_that(make_profile, named, told):
    """A typing error in a waiver is not "its rule does not break"; what it could have named is said."""
    profile = make_profile({("alignment.iou", "grad_cam"): [0.1, 0.1]})
    rules = [rule(class_name=name) for name in ("cat", "dog")]
    verdict = conclude(rules, judge(profile, rules), waivers=[waiver(**named)], today="2026-01-01")
    (message,) = verdict.messages
    assert f"matches no rule: {told}. Correct or remove it." in message
    assert "does not break" not in message
    assert verdict.exit_code == 1


def test_a_waiver_whose_rule_has_no_result_does_not_say_that_it_holds(make_profile):
    """Without a result nobody knows whether the rule breaks."""
    verdict = conclude([rule()], [], waivers=[waiver()], today="2026-01-01")
    assert [text for text in verdict.messages if "is not used: its rule has no result" in text]


def concluded(profile, rules, held, today):
    """The verdict under one waiver."""
    return conclude(rules, judge(profile, rules, waivers=[held], today=today), waivers=[held], today=today)


def test_a_row_without_a_measurement_takes_a_waiver_that_says_so(make_profile):
    """A waiver of a known number is no waiver of an unknown one; the row says what to write."""
    profile = make_profile({("alignment.iou", "grad_cam"): [float("nan"), 0.9]})
    plain = concluded(profile, [rule()], waiver(), "2027-01-01")
    said = concluded(profile, [rule()], waiver(unmeasured=True), "2027-01-01")
    assert (plain.findings[0].status, plain.exit_code) == ("unmeasured", 1)
    assert "(thresholds.yaml:9) is for a measured row" in plain.findings[0].message
    assert "takes `unmeasured: true` in the waiver" in plain.messages[0]
    assert (said.findings[0].status, said.findings[0].cause, said.exit_code) == ("waived", "unmeasured", 0)


def test_a_waiver_for_what_is_unmeasured_covers_what_fails_too(make_profile):
    """It says more, not something else."""
    profile = make_profile({("alignment.iou", "grad_cam"): [0.1, 0.2]})
    assert concluded(profile, [rule()], waiver(unmeasured=True), "2027-01-01").findings[0].status == "waived"


@pytest.mark.parametrize(
    ("today", "told"),
    [
        ("2027-01-16", None),
        ("2027-01-17", "ends on 2027-01-31, in 14 days; mend the rule or renew it."),
        ("2027-01-30", "ends on 2027-01-31, in 1 day; mend the rule or renew it."),
        ("2027-01-31", "ends on 2027-01-31, today; mend the rule or renew it."),
        ("2027-02-01", "expired on 2027-01-31; remove or renew it."),
    ],
)
def test_a_waiver_tells_two_weeks_before_it_ends(make_profile, today, told):
    """The team hears of it while there is time, and not every day of three months."""
    profile = make_profile({("alignment.iou", "grad_cam"): [0.1, 0.2]})
    messages = concluded(profile, [rule()], waiver(), today).messages
    assert messages == ((f"The waiver of alignment.iou (thresholds.yaml:9, vision) {told}",) if told else ())


def test_the_verdict_holds_the_waivers(make_profile):
    """An auditor reads who let what through, used or not."""
    profile = make_profile({("alignment.iou", "grad_cam"): [0.9, 0.9]})
    assert concluded(profile, [rule()], waiver(), "2027-01-01").waivers == (waiver(),)
