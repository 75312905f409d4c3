"""The sentences that every surface shows: numbers, place, names and the next step, in words that agree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from explain_gate.judging import sentences
from explain_gate.records import Evidence, Excluded, Finding, Rule, Waiver

RULE = Rule(check="alignment.iou", method="grad_cam", class_name="Bengal", better="higher", at_least=0.4, line=21)
FINDING = Finding(
    check="alignment.iou",
    method="grad_cam",
    class_name="Bengal",
    statistic="mean",
    value=0.31,
    interval=(0.27, 0.35),
    bound={"at_least": 0.4},
    status="failed",
    cause="bound",
    images=60,
    unmeasured=0,
    worst=("cat_017.jpg", "cat_101.jpg", "dog_004.jpg", "dog_009.jpg"),
    message="",
    line=21,
)
EVIDENCE = Evidence(
    question="of other classes turn to Bengal",
    yes=17,
    images=40,
    bound=0.05,
    must_catch=0.5,
    part=0.003,
    fails_from=8,
    finds=0.25,
    needed=14,
    limits=(0.27, 0.59),
    upper=0.6,
)


def test_a_broken_bound_is_told_with_number_place_who_and_the_worst():
    """A reviewer knows in one sentence what to look at."""
    assert sentences.of_value(FINDING, broken=True) == (
        "alignment.iou 0.31 is below at_least 0.40 (thresholds.yaml:21) for grad_cam, class Bengal, 60 images, "
        "95 % interval 0.27 to 0.35. Worst: cat_017.jpg, cat_101.jpg, dog_004.jpg."
    )
    held = replace(FINDING, value=0.5, interval=(0.4, 0.6), statistic="p05", images=1)
    told = sentences.of_value(held, broken=False)
    assert told.startswith("p05 alignment.iou 0.50 is within at_least 0.40 ")
    assert "1 image," in told
    assert "Worst" not in told


def test_counted_images_are_told_as_people_count():
    """One in twenty, one in four; what hides where classes are pooled; how many more would decide."""
    told = sentences.of_evidence(FINDING, EVIDENCE)
    assert told.startswith("17 of 40 images of other classes turn to Bengal; honest versions: 1 in 20 at most; ")
    assert "this row would find 1 in 4" in told
    pooled = sentences.of_evidence(FINDING, replace(EVIDENCE, pooled=("Bengal", "Birman")))
    assert "(of Bengal, Birman together: a cue of one of them can hide here)" in pooled
    unsure = replace(FINDING, status="inconclusive", cause="undecided")
    assert "about 12 more images would decide" in sentences.of_evidence(unsure, replace(EVIDENCE, more=12))
    assert "no practical number would decide" in sentences.of_evidence(unsure, EVIDENCE)


@pytest.mark.parametrize(
    ("count", "told"),
    [(1, "1 of 60 images does not count"), (2, "2 of 60 images do not count")],
)
def test_images_that_do_not_count_are_named_with_what_is_left(count, told):
    """In the singular too."""
    names = [f"cat_{number}.jpg" for number in range(count)]
    sentence = sentences.of_not_applicable({"the region fills the frame": names}, 60 - count)
    assert sentence.startswith(told)
    assert sentence.endswith(f"judged on {60 - count}.")


def test_unmeasured_images_are_named_by_reason_and_at_most_three_of_each():
    """The finding holds the rest."""
    names = [f"{number}.png" for number in range(5)]
    told = sentences.of_unmeasured(RULE, 60, {"NaN logits": names}, allowed=1)
    assert "5 of 60 images could not be measured, 1 is allowed (thresholds.yaml:21)" in told
    assert "NaN logits (5: 0.png, 1.png, 2.png, ...)" in told


def test_a_change_is_told_in_its_direction_with_its_margin():
    """Better, worse or equal."""
    rule = replace(RULE, max_drop=0.03)
    told = sentences.of_change(rule, loss=0.08, before=0.61, interval=(-0.12, -0.04), margin=0.03, images=60)
    assert told == (
        "0.08 worse than the reference's 0.61 (change -0.12 to -0.04, max_drop 0.03, thresholds.yaml:21, 60 images)."
    )
    assert sentences.of_no_loss(told).startswith("Not worse than allowed: 0.08")
    assert "about 40 more images would decide" in sentences.of_undecided(told, 40)
    assert "no practical number of images would decide" in sentences.of_undecided(told, 1_000_000)
    equal = sentences.of_change(rule, loss=0.0, before=0.61, interval=(0.0, 0.0), margin=0.03, images=60)
    assert equal.startswith("Equal to the reference's 0.61")


@pytest.mark.parametrize(
    ("name", "ok", "told"),
    [
        ("random map", True, "The random map gives 0.10, as it must."),
        ("random map", False, "The bound is vacuous: a random map passes it too, with 0.10."),
        ("region itself", False, "Even the region itself gives only 0.10: the bound cannot be met."),
    ],
)
def test_a_control_says_what_is_wrong_with_the_bound(name, ok, told):
    """Not with the model."""
    assert sentences.of_control(name, 0.1, 0.4, ok=ok) == told


def test_what_people_took_out_is_told_with_their_names():
    """And that it is too much, where it is."""
    out = [Excluded(image=f"{n}.png", reason="label wrong", reviewers=("ada",), at="2026-11-26") for n in range(4)]
    (told,) = sentences.of_excluded(out)
    assert told.startswith("4 images are out of the rules by review, label wrong (0.png, by ada; ")
    assert "at most 5% may be" in sentences.of_images_out(RULE, out, 60)
    assert "may be" not in sentences.of_images_out(RULE, out[:1], 60)


@pytest.mark.parametrize(("days", "told"), [(0, "today"), (1, "in 1 day;"), (9, "in 9 days;")])
def test_what_is_about_to_end_says_when(days, told):
    """And what to do."""
    assert told in sentences.of_end("2027-01-31", days)


def test_a_waiver_is_told_with_its_reason_and_owner():
    """Valid or expired."""
    waiver = Waiver(check="alignment.iou", method=None, class_name=None, reason="masks changed", owner="vision",
                    ticket="V-1", expires="2027-01-31", line=30)  # fmt: skip
    assert sentences.of_waiver(waiver, valid=True) == "Waived until 2027-01-31: masks changed, vision, V-1."
    assert sentences.of_waiver(waiver, valid=False).startswith("Its waiver expired on 2027-01-31: ")
