"""What a change since the reference makes of a finding."""

from __future__ import annotations

import numpy as np
import pytest

from explain_gate.judging.gate import conclude, judge
from explain_gate.records import Rule


def rule(**values):
    facts = {"check": "alignment.iou", "method": "grad_cam", "class_name": None, "better": "higher", "max_drop": 0.03}
    return Rule(**{**facts, **values})


def profiles(make_profile, loss: float, *, images: int = 60, spread: float = 0.09):
    """Candidate and reference, whose values are higher by `loss` on average."""
    rng = np.random.default_rng(5)
    reference = rng.normal(0.5, 0.15, images)
    candidate = reference - loss + rng.normal(0, spread, images)
    return tuple(make_profile({("alignment.iou", "grad_cam"): column.tolist()}) for column in (candidate, reference))


def test_a_clear_drop_fails_and_names_both_values(make_profile):
    """The finding holds the reference's value, the change and its interval."""
    candidate, reference = profiles(make_profile, 0.2)
    (finding,) = judge(candidate, [rule()], reference)
    assert finding.status == "failed"
    assert finding.change == pytest.approx(-0.2, abs=0.05)
    assert finding.change_interval[0] <= finding.change <= finding.change_interval[1]
    assert "worse than the reference's" in finding.message


def test_a_drop_names_the_images_that_fell_most(make_profile):
    """Who looks for the reason starts with the images that lost, not with those that were low before too."""
    earlier = [0.1] + [0.8] * 29
    now = [0.1, 0.2, 0.3, *[0.6] * 27]
    candidate, reference = (make_profile({("alignment.iou", "grad_cam"): column}) for column in (now, earlier))
    (finding,) = judge(candidate, [rule()], reference)
    assert (finding.status, finding.cause) == ("failed", "change")
    assert finding.worst[:2] == ("dog_001.png", "cat_002.png")
    assert "cat_000.png" not in finding.worst
    assert "Worst: dog_001.png, cat_002.png, " in finding.message


def test_no_drop_passes(make_profile):
    """Where the data show that the loss is below the margin, the rule passes."""
    candidate, reference = profiles(make_profile, -0.01)
    (finding,) = judge(candidate, [rule()], reference)
    assert finding.status == "passed"


def test_too_few_images_are_inconclusive_and_say_how_many_would_decide(make_profile):
    """Inconclusive is a status of its own that lets pass; where the rule says so it fails as a change would."""
    candidate, reference = profiles(make_profile, 0.02, images=10, spread=0.2)
    (unsure,) = judge(candidate, [rule()], reference)
    (failed,) = judge(candidate, [rule(inconclusive="fail")], reference)
    (warned,) = judge(candidate, [rule(inconclusive="fail", severity="warn")], reference)
    assert [finding.status for finding in (unsure, failed, warned)] == ["inconclusive", "failed", "warned"]
    assert {finding.cause for finding in (unsure, failed, warned)} == {"undecided"}
    assert "more images would decide" in unsure.message
    assert conclude([rule()], [unsure]).exit_code == 0


def test_the_fixed_bound_outranks_an_undecided_change(make_profile):
    """A value beyond its bound stays what the bound makes of it, whatever the comparison cannot tell."""
    candidate, reference = profiles(make_profile, 0.02, images=10, spread=0.2)
    both = {"at_least": 0.99}
    (failed,) = judge(candidate, [rule(**both)], reference)
    (warned,) = judge(candidate, [rule(severity="warn", **both)], reference)
    assert (failed.status, failed.cause) == ("failed", "bound")
    assert (warned.status, warned.cause) == ("warned", "bound")


def test_the_same_version_again_passes_even_with_no_margin(make_profile):
    """Identical values are not worse by more than nothing."""
    candidate, _ = profiles(make_profile, 0.0)
    (finding,) = judge(candidate, [rule(max_drop=0.0)], candidate)
    assert finding.status == "passed"


def test_without_a_reference_the_rule_is_told_not_passed_in_silence(make_profile):
    """A bootstrapped run warns for every rule that had nothing to compare with."""
    candidate, _ = profiles(make_profile, 0.0)
    findings = judge(candidate, [rule()])
    assert findings[0].status == "warned"
    assert conclude([rule()], findings).exit_code == 0


def test_a_reference_that_lacks_the_measurement_is_unmeasured(make_profile):
    """A rule that the reference never measured cannot pass against it."""
    candidate, _ = profiles(make_profile, 0.0)
    other = make_profile({("alignment.lift", "grad_cam"): [1.0] * 60})
    (finding,) = judge(candidate, [rule()], other)
    assert finding.status == "unmeasured"
