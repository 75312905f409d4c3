"""The numbers behind a finding, image by image: whose they are, which are missing, and which image is worst."""

from dataclasses import replace

import numpy as np
import pytest

from explain_gate.comparing.per_image import PerImage, bound_side, breaches, is_aside
from explain_gate.records import STATUS_ORDER, Measurement

BENGAL = 2
"""Position of the finding about the second class, which failed."""


def test_a_finding_of_a_class_has_that_classs_images_alone(run):
    """Six images a class; the one without a value is not among the values, but among the unmeasured."""
    per_image = PerImage(run.profile)
    rows, values = per_image.values(run.verdict.findings[BENGAL])
    assert rows.tolist() == [6, 7, 8, 9, 10, 11]
    assert values.tolist() == run.profile.measurement("alignment.iou", "grad_cam").values[6:12].tolist()
    first = run.verdict.findings[1]
    assert per_image.values(first)[0].tolist() == [0, 2, 3, 4, 5]
    assert per_image.unmeasured(first).tolist() == [1]


def test_what_was_not_measured_has_no_rows(run):
    """A finding whose check or method has no scores is empty, not an error."""
    stranger = replace(run.verdict.findings[BENGAL], method="rise")
    rows, values = PerImage(run.profile).values(stranger)
    assert (rows.size, values.size, PerImage(run.profile).unmeasured(stranger).size) == (0, 0, 0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none_is_no_value(run, value):
    """NaN and infinity never take part, whatever the measurement says of them."""
    profile = run.profile
    scores = next(m for m in profile.measurements if m.check == "performance.accuracy")
    values = scores.values.copy()
    values[3] = value
    changed = replace(profile, measurements=(replace(scores, values=values),))
    rows, _ = PerImage(changed).values(run.verdict.findings[0])
    assert 3 not in rows.tolist()


def test_controls_and_notes_are_nobodys_checks(run):
    """The gate's own test, and what a metric notes beside its value, are not shown as measurements of the user."""
    note = Measurement(
        check="alignment.iou@ceiling", method="grad_cam", rows=np.arange(2), values=np.array([0.7, 0.8]),
        reasons=(None, None),
    )  # fmt: skip
    profile = replace(run.profile, measurements=(*run.profile.measurements, note))
    shown = PerImage(profile).shown()
    assert is_aside(note)
    assert not [m for m in shown if "@" in m.check or (m.method or "").startswith("control.")]
    assert len(shown) == len(profile.measurements) - 3
    assert PerImage(profile).noted(run.verdict.findings[1], "ceiling").tolist() == [0.7, 0.8]


def test_the_worst_image_is_the_one_furthest_beyond_a_blocking_bound(run):
    """Each image has the status of the worst rule that it breaks itself, and the rule that it breaks most."""
    per_image = PerImage(run.profile)
    found = breaches(per_image, run.verdict)
    iou = run.profile.measurement("alignment.iou", "grad_cam").values
    gap = run.profile.measurement("reliance.background_gap", None).values
    for row in range(6, 12):
        broken = iou[row] < 0.4 or gap[row] > 0.05
        assert (found.status_of(row) == "failed") == broken, row
        # The rule of the other method is unmeasured, which blocks too; its values are 0.9 times these.
        assert (found.finding[row] >= 0) == (broken or 0.9 * iou[row] < 0.4), row
        depth = (max(0.4 - iou[row], 0) + max(0.4 - 0.9 * iou[row], 0)) / 0.4 + max(gap[row] - 0.05, 0) / 0.95
        assert found.depth[row] == pytest.approx(depth), row
    assert found.status_of(1) in STATUS_ORDER[:2]


def test_a_passed_run_has_a_worst_image_too(run):
    """Where no rule blocks, images are ordered by how near they come to their bounds."""
    passed = replace(run.verdict.findings[0], status="passed", bound={"at_least": 0.5})
    found = breaches(PerImage(run.profile), replace(run.verdict, findings=(passed,)))
    wrong = [row for row in range(18) if row % 5 == 4]
    assert sorted(np.argsort(-found.depth)[: len(wrong)].tolist()) == wrong


def test_only_a_bound_on_the_value_has_a_side():
    """A bound on the change lies nowhere on the value's axis."""
    assert bound_side({"at_least": 0.4, "max_drop": 0.1}) == ("at_least", 0.4)
    assert bound_side({"at_most": 0.4}) == ("at_most", 0.4)
    assert bound_side({"max_drop": 0.1}) is None
