"""What a finding says: its status and cause are data, its words name the file that asked, its digits the truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explain_gate.config import load_config
from explain_gate.judging.gate import judge
from explain_gate.plan import plan, waivers_of
from explain_gate.records import STEPS_NEEDED, Measurement, Rule

IOU = ("alignment.iou", "grad_cam")


def rule(**values: Any) -> Rule:
    return Rule(check=IOU[0], method=IOU[1], class_name=None, better="higher", **{"at_least": 0.4, **values})


@pytest.mark.parametrize(
    ("values", "bounds", "status", "cause"),
    [
        ([0.5, 0.5], {}, "passed", None),
        ([0.1, 0.2], {}, "failed", "bound"),
        ([0.1, 0.2], {"severity": "warn"}, "warned", "bound"),
        (["no map", 0.5], {}, "unmeasured", "unmeasured"),
        ([0.5, 0.5], {"max_drop": 0.1}, "warned", "not compared"),
    ],
)
def test_status_and_cause_are_fields(make_profile, values, bounds, status, cause):
    """Whoever reads a finding need not look into its sentence."""
    (finding,) = judge(make_profile({IOU: values}), [rule(**bounds)])
    assert (finding.status, finding.cause) == (status, cause)


def test_a_waived_rule_keeps_its_cause(make_profile, write_project, tmp_path):
    """What was waived can be told apart from what else may have been."""
    entry = "check: alignment.iou, reason: new masks, owner: vision, expires: 2999-01-01, unmeasured: true"
    text = f"waivers:\n  - {{{entry}}}\n"
    path = write_project(tmp_path)
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    waivers = waivers_of(load_config(path), "2998-12-01")
    broken, lost = (judge(make_profile({IOU: values}), [rule()], waivers=waivers) for values in ([0.1], ["no map"]))
    assert [(one.status, one.cause) for one in (*broken, *lost)] == [("waived", "bound"), ("waived", "unmeasured")]


def test_a_rule_names_its_file_whatever_it_is_called(make_profile, write_project, tmp_path, monkeypatch):
    """File and line travel from the configuration into finding, sentence and waiver."""
    monkeypatch.chdir(tmp_path)
    path = write_project(tmp_path / "shop").rename(tmp_path / "shop" / "gate-nightly.yml")
    planned = next(one for one in plan(load_config("shop/gate-nightly.yml"), ["red", "green"]) if one.metric == IOU[0])
    line = path.read_text(encoding="utf-8").splitlines().index("    iou: {at_least: 0.6, per_class: true}") + 1
    (finding,) = judge(make_profile({IOU: [0.1, 0.2]}), [replace(planned, class_name=None)])
    assert (finding.file, finding.line) == ("shop/gate-nightly.yml", line)
    assert f"shop/gate-nightly.yml:{line}" in finding.message
    assert "thresholds.yaml" not in finding.message


def test_every_sentence_names_the_rules_own_file(make_profile):
    """Unmeasured, never measured, not compared: no sentence falls back to the scaffold's name."""
    mine = rule(file="nightly.yml", line=7, max_drop=0.1)
    profiles = make_profile({IOU: ["no map"]}), make_profile({("alignment.lift", "grad_cam"): [1.0]})
    for profile in profiles:
        (finding,) = judge(profile, [mine])
        assert finding.message.count("nightly.yml:7") == 2
        assert "thresholds.yaml" not in finding.message


def test_values_that_are_not_finite_are_named_in_the_reason(make_profile):
    """A rule that loses its images to NaN says which and why, not that its class has none."""
    (finding,) = judge(make_profile({IOU: [float("nan"), 0.9, float("inf")]}), [rule()])
    assert finding.status == "unmeasured"
    assert finding.worst == ("cat_000.png", "cat_002.png")
    assert "the value is not finite (2: cat_000.png, cat_002.png)" in finding.message


@pytest.mark.parametrize("value", [0.3996, 0.39999, 0.4 - 1e-12])
def test_a_value_just_below_its_bound_is_told_as_below(make_profile, value):
    """`0.40 is below at_least 0.40` is said of no value."""
    (finding,) = judge(make_profile({IOU: [value, value]}), [rule()])
    told = finding.message.split("alignment.iou ")[1].split(" is below")[0]
    assert float(told) < 0.4
    assert "at_least 0.40 (" in finding.message


def test_a_control_is_told_with_the_digits_that_tell_it_from_the_bound(make_profile):
    """A random map just beyond the bound does not look as if it were at it."""
    profile = make_profile({IOU: [0.5, 0.5], (IOU[0], "control.random"): [0.4004, 0.4004]})
    (finding,) = judge(profile, [rule()])
    assert (finding.status, finding.cause) == ("warned", "vacuous")
    assert "passes it too, with 0.4004" in finding.message


def test_values_too_large_to_compute_with_are_unmeasured(make_profile):
    """Finite values whose sum is not never pass a bound, and never reach a report as infinity."""
    (finding,) = judge(make_profile({IOU: [1e308, 1e308]}), [rule()])
    assert (finding.status, finding.value) == ("unmeasured", None)
    assert "the value is beyond 1e+100 (2: cat_000.png, dog_001.png)" in finding.message


def test_the_package_places_the_file_as_the_working_folder_sees_it(write_project, tmp_path, monkeypatch):
    """A file outside the working folder is named in full."""
    path = write_project(tmp_path / "project")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    files = {one.file for one in plan(load_config(path), ["red", "green"])}
    assert files == {Path(path).absolute().as_posix()}


def out_of_budget(make_profile, count, images):
    """A profile in which the last `count` of so many images have no map, for want of passes."""
    column = [0.5] * (images - count) + ["integrated_gradients: more gradients than max_steps are needed"] * count
    profile = make_profile({("alignment.iou", "integrated_gradients"): column})
    needed = Measurement(
        check=STEPS_NEEDED,
        method="integrated_gradients",
        rows=np.arange(images - count, images),
        values=np.full(count, 1400.0),
        reasons=(None,) * count,
    )
    return replace(profile, measurements=(*profile.measurements, needed))


def test_an_image_whose_budget_ran_out_is_left_out_and_named(make_profile):
    """Up to a twentieth of the images: the rule is judged on the rest, warned, and says which and what it takes."""
    asked = replace(rule(), method="integrated_gradients")
    (finding,) = judge(out_of_budget(make_profile, 2, 40), [asked])
    assert (finding.status, finding.cause) == ("warned", "budget")
    assert (finding.value, finding.images, finding.unmeasured) == (0.5, 38, 2)
    assert "Left out" in finding.message
    assert "cat_038.png, dog_039.png; about 1400 would do" in finding.message


def test_too_many_exhausted_budgets_leave_a_rule_unmeasured(make_profile):
    """Beyond a twentieth the rest says too little, whatever max_unmeasured allows."""
    asked = replace(rule(max_unmeasured=0.5), method="integrated_gradients")
    (finding,) = judge(out_of_budget(make_profile, 3, 40), [asked])
    assert (finding.status, finding.cause, finding.value) == ("unmeasured", "budget", None)
    assert "3 of 40 images need more than max_steps gradients, 2 are allowed" in finding.message


def test_an_exhausted_budget_hides_no_broken_bound(make_profile):
    """A rule that breaks on the rest fails; an image without a map for another reason still counts as unmeasured."""
    asked = replace(rule(), method="integrated_gradients")
    (broken,) = judge(out_of_budget(make_profile, 2, 40), [replace(asked, at_least=0.6)])
    assert (broken.status, broken.cause) == ("failed", "bound")
    profile = out_of_budget(make_profile, 2, 40)
    first, *others = profile.measurements
    unusable = replace(first, reasons=("the map is not finite", *first.reasons[1:]))
    (lost,) = judge(replace(profile, measurements=(unusable, *others)), [asked])
    assert (lost.status, lost.cause) == ("unmeasured", "unmeasured")
