"""Rules that count images: what is told, what is undecided, what has too few images, what no model can change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from explain_gate.judging.gate import judge, judge_controls
from explain_gate.records import Measurement, Profile, Rule

CHECK = "reliance.background_gap"
FOLLOW = "reliance.background_follow"


def rules(*classes: str | None, check: str = CHECK, **values: Any) -> list[Rule]:
    """The rows of one rule."""
    asked = {"at_most": 0.05, "must_catch": 0.5, "part": 0.003, "question": "are wrong", **values}
    return [
        Rule(check=check, method=None, class_name=name, better="lower", decide="evidence", own=check == CHECK, **asked)
        for name in classes
    ]


def own(make_profile, answers, *, classes=("cat", "dog")) -> Profile:
    """A profile in which every image answers for itself; a text is why it is unmeasured."""
    profile = make_profile({(CHECK, None): answers}, classes=classes)
    (values,) = profile.measurements
    there = values.measured
    noted = replace(
        values, check=f"{CHECK}@evidence", rows=values.rows[there], values=values.values[there],
        reasons=(None,) * int(there.sum()),
    )  # fmt: skip
    return replace(profile, measurements=(values, noted))


def exempt(profile: Profile, rows: list[int], reason: str = "the annotated region fills the whole frame") -> Profile:
    """The same, and the rule applies to some images for no version."""
    values, noted = profile.measurements
    out = np.isin(values.rows, rows)
    reasons = tuple(reason if gone else one for gone, one in zip(out, values.reasons, strict=True))
    keep = ~np.isin(noted.rows, rows)
    noted = replace(noted, rows=noted.rows[keep], values=noted.values[keep], reasons=(None,) * int(keep.sum()))
    return replace(profile, measurements=(replace(values, reasons=reasons, not_applicable=out), noted))


def given(make_profile, turned: dict[str, int], *, per_class: int = 20) -> Profile:
    """Three classes; each image is given something of both others, and the first so many of each pair turn."""
    classes = ("cat", "dog", "fox")
    profile = make_profile({(FOLLOW, None): [0.0] * (3 * per_class)}, classes=classes)
    left = dict(turned)
    lines = []
    for row, image in enumerate(profile.images):
        for label, name in enumerate(classes):
            if name != image.class_name:
                yes = left.get(name, 0) > 0
                left[name] = left.get(name, 0) - yes
                lines.append((row, float(yes), label))
    noted = Measurement(
        check=f"{FOLLOW}@evidence", method=None, rows=np.array([row for row, _, _ in lines]),
        values=np.array([yes for _, yes, _ in lines]), reasons=(None,) * len(lines),
        about=np.array([label for _, _, label in lines]),
    )  # fmt: skip
    return replace(profile, measurements=(*profile.measurements, noted))


def test_a_reviewer_reads_how_many_images_said_yes_and_what_the_row_would_find(make_profile):
    """17 of 40 images of other classes: one sentence, and every number of it in the finding."""
    rows = rules("cat", "dog", "fox", None, check=FOLLOW, must_catch=0.3, question="turn to Bengal on its background")
    findings = judge(given(make_profile, {"dog": 17}), rows)
    assert [one.status for one in findings[:3]] == ["passed", "failed", "passed"]
    dog = findings[1]
    assert (dog.evidence.yes, dog.evidence.images, dog.evidence.fails_from, dog.evidence.bound) == (17, 40, 8, 0.05)
    assert dog.evidence.finds == pytest.approx(0.25)
    assert dog.message.startswith(
        "17 of 40 images turn to Bengal on its background; honest versions: 1 in 20 at most; this row would find 1 in 4"
    )
    assert dog.cause == "bound"
    assert "at_most" not in dog.bound


def test_answers_of_one_image_count_once_over_all_classes(make_profile):
    """An image that gives way does so to every class; over all classes it is one image."""
    (finding,) = judge(given(make_profile, {}), rules(None, check=FOLLOW))
    assert finding.evidence.images == 60


def test_more_than_the_bound_allows_but_not_beyond_chance_is_inconclusive(make_profile):
    """4 of 20 where 1 in 20 is honest: a warning that says how many more images would decide, or a failure if asked."""
    profile = own(make_profile, [1.0 if row in (0, 1, 2, 3) else 0.0 for row in range(20)])
    (finding,) = judge(profile, rules(None))
    assert (finding.status, finding.cause) == ("inconclusive", "undecided")
    assert finding.evidence.more > 0
    assert f"about {finding.evidence.more} more images would decide" in finding.message
    (asked,) = judge(profile, rules(None, inconclusive="fail"))
    assert (asked.status, asked.cause) == ("failed", "undecided")
    assert not finding.may_hide
    (strict,) = judge(profile, rules(None, must_catch=0.4))
    assert strict.may_hide


def test_five_images_are_no_pass_for_anybody(make_profile):
    """Too few images to find what the rule must catch say nothing, and how many would do is said."""
    (finding,) = judge(own(make_profile, [0.0] * 5), rules(None))
    assert (finding.status, finding.evidence) == ("unmeasured", None)
    assert "5 images; " in finding.message
    assert "would do" in finding.message
    needed = int(finding.message.split("5 images; ")[1].split()[0])
    assert judge(own(make_profile, [0.0] * needed), rules(None))[0].status == "passed"
    assert judge(own(make_profile, [0.0] * (needed - 1)), rules(None))[0].status == "unmeasured"


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_version_that_loses_images_has_no_other_power(make_profile, lost):
    """What `max_unmeasured` allows to be lacking is taken off before any is."""
    count = 2 * judge(own(make_profile, [0.0] * 40), rules(None, max_unmeasured=2))[0].evidence.needed
    answers = ["the map is not finite"] * lost + [0.0] * (count - lost)
    for images in range(count // 2 - 2, count // 2 + 6):
        kept = [*answers[: images - 1], 0.0]
        full = judge(own(make_profile, [0.0] * images), rules(None, max_unmeasured=2))[0].status
        assert judge(own(make_profile, kept), rules(None, max_unmeasured=2))[0].status == full


def test_beyond_what_may_be_unmeasured_a_row_fails_closed(make_profile):
    """A reason that the model gave is no answer."""
    answers = ["the map is not finite"] * 3 + [0.0] * 37
    assert judge(own(make_profile, answers), rules(None, max_unmeasured=2))[0].status == "unmeasured"


def test_a_measured_image_that_gives_no_answer_is_unmeasured(make_profile):
    """A version cannot leave out the answers that speak against it."""
    profile = own(make_profile, [0.0] * 40)
    values, noted = profile.measurements
    noted = replace(noted, rows=noted.rows[1:], values=noted.values[1:], reasons=noted.reasons[1:])
    (finding,) = judge(replace(profile, measurements=(values, noted)), rules(None))
    assert finding.status == "unmeasured"
    assert "it gave no answer" in finding.message


def test_images_that_a_rule_does_not_apply_to_are_told_and_left_out(make_profile):
    """Neither a yes, nor a no, nor unmeasured; by class where the rule is."""
    profile = exempt(own(make_profile, [0.0] * 60), [0, 2, 4])
    cat, dog = judge(profile, rules("cat", "dog"))
    assert (cat.status, cat.images, cat.not_applicable) == ("passed", 27, 3)
    assert "3 of 30 images do not count" in cat.message
    assert "judged on 27" in cat.message
    assert (dog.images, dog.not_applicable) == (30, 0)


def test_boxes_over_the_whole_frame_do_not_empty_a_rule(make_profile):
    """Beyond max_not_applicable it is unmeasured, whatever decides it; so it is with fewer than min_images left."""
    profile = exempt(own(make_profile, [0.0] * 60), list(range(31)))
    counted, valued = rules(None)[0], replace(rules(None)[0], decide="value")
    assert [one.status for one in judge(profile, [counted])] == ["unmeasured"]
    assert [one.status for one in judge(profile, [valued])] == ["unmeasured"]
    few = exempt(own(make_profile, [0.0] * 6), [0, 1])
    assert judge(few, [valued])[0].status == "unmeasured"
    assert judge(few, [replace(valued, min_images=4)])[0].status == "passed"


def test_classes_with_too_few_images_make_one_row_that_says_so(make_profile):
    """Each alone says nothing; together they do, and every surface says that one class's cue can hide there."""
    profile = own(make_profile, [0.0] * 20, classes=("cat", "dog"))
    alone = judge(profile, rules("cat", "dog"))
    pooled = judge(profile, rules("cat", "dog", small_classes="pool"))
    assert [one.status for one in alone] == ["unmeasured", "unmeasured"]
    assert [one.status for one in pooled] == ["passed", "passed"]
    assert all(one.evidence.pooled == ("cat", "dog") and one.evidence.images == 20 for one in pooled)
    assert "a cue of one of them can hide" in pooled[0].message


def test_a_rule_that_says_what_it_must_catch_and_that_chance_passes_says_nothing(make_profile):
    """The random map's answers stay within the bound, so the rule could not tell chance from skill."""
    profile = own(make_profile, [0.0] * 40)
    noted = profile.measurements[1]
    chance = replace(noted, method="control.random", rows=np.arange(24), values=np.zeros(24), reasons=(None,) * 24)
    vacuous = replace(profile, measurements=(*profile.measurements, chance))
    caught = replace(profile, measurements=(*profile.measurements, replace(chance, values=np.ones(24))))
    assert [(one.status, one.cause) for one in judge(vacuous, rules(None))] == [("unmeasured", "vacuous")]
    assert [one.status for one in judge(caught, rules(None))] == ["passed"]
    assert [one.ok for one in judge_controls(caught, rules(None))] == [True]


def test_a_bound_and_a_change_each_take_half(write_project, tmp_path):
    """What a rule may spend is its own, whatever else stands in the file."""
    from explain_gate.config import load_config
    from explain_gate.plan import plan

    path = write_project(tmp_path)
    text = path.read_text(encoding="utf-8")
    rule = "background_gap: {at_most: 0.05, must_catch: 0.5, max_rise: 0.1, false_alarms: 0.01, per_class: true}"
    text = text.replace("background_gap: {at_most: 0.3}", rule).replace(
        "checks:", "judging: {decide: evidence}\nchecks:"
    )
    path.write_text(text, encoding="utf-8")
    rows = [row for row in plan(load_config(path), ["red", "green"]) if row.check == CHECK]
    assert [row.class_name for row in rows] == ["red", "green", None]
    assert {(row.decide, row.part, row.change_part) for row in rows} == {("evidence", 0.005, 0.005)}
    assert rows[0].question.startswith("of red are right on a background")
