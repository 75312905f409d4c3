"""What needs a person comes first, says why, and comes in the same order every time."""

from dataclasses import replace

import numpy as np
import pytest

from explain_gate.profile.profile import load_maps, load_profile
from explain_gate.profile.writer import write_tables
from explain_gate.records import Measurement
from explain_gate.reviewing.queue import GROUPS, methods_of, questions_of

UNMAPPED = 2
"""The row of the made-up run that has no map of grad_cam."""


def groups(questions):
    """Which groups follow one another."""
    seen = []
    for question in questions:
        if not seen or seen[-1] != question.group:
            seen.append(question.group)
    return seen


def test_every_image_with_a_map_is_asked_about_in_the_order_of_suspicion(run):
    """Once; a further method's map only where its rule is broken."""
    questions = questions_of(run.profile, run.verdict)
    order = list(GROUPS)
    assert groups(questions) == sorted(groups(questions), key=order.index)
    assert {question.row for question in questions if question.method == "grad_cam"} == set(range(18)) - {UNMAPPED}
    assert len({(question.row, question.method) for question in questions}) == len(questions)
    others = [question for question in questions if question.method != "grad_cam"]
    assert {question.group for question in others} == {"failed"}
    assert questions == questions_of(run.profile, run.verdict)


def test_the_worst_of_every_broken_rule_come_before_the_second_worst(run):
    """With the rule that names them."""
    questions = questions_of(run.profile, run.verdict)
    broken = [one for one in run.verdict.findings if one.status != "passed"]
    names = {run.profile.images[question.row].image for question in questions[: len(broken)]}
    assert {one.worst[0] for one in broken} - names <= {run.profile.images[UNMAPPED].image}
    assert all("among the worst of" in question.reasons[0] for question in questions if question.group == "failed")


def test_right_for_a_doubtful_reason_is_right_with_the_map_elsewhere(run):
    """Less of it on the region than an even map would have; the worst first, with both shares."""
    maps = np.lib.format.open_memmap(run.profile.folder / "maps" / "grad_cam.npy", mode="r+")
    maps[3] = 0
    maps[3, 0, 0] = 1
    maps.flush()
    profile = load_profile(write_tables(run.profile, run.profile.folder).folder)
    (first, *_) = [one for one in questions_of(profile, None) if any("right, with" in why for why in one.reasons)]
    elsewhere = [one for one in questions_of(profile, None) if one.row == 3]
    assert any("right, with 0% of the map" in why for why in elsewhere[0].reasons)
    assert profile.images[first.row].correct


def test_methods_disagree_where_their_maps_lie_apart(run):
    """And not on an image where one of them has the other's map."""
    own, other = (load_maps(run.profile, name).copy() for name in ("grad_cam", "integrated_gradients"))
    other[5] = own[5]
    np.save(run.profile.folder / "maps" / "integrated_gradients.npy", other)
    profile = load_profile(write_tables(run.profile, run.profile.folder).folder)
    apart = {one.row for one in questions_of(profile, None) if any("different places" in why for why in one.reasons)}
    assert 5 not in apart
    assert apart


def test_a_sure_and_wrong_answer_doubts_the_label(run):
    """An unsure one does not."""
    images = [replace(image, probability=0.6) for image in run.profile.images]
    images[4], images[9] = replace(images[4], probability=0.99), replace(images[9], probability=0.95)
    profile = replace(run.profile, images=tuple(images))
    doubted = [
        one.row for one in questions_of(profile, None) if any("says something else" in why for why in one.reasons)
    ]
    assert set(doubted) == {4, 9}


def test_a_strategy_that_the_reference_does_not_have_is_looked_at(run):
    """As drift.new_strategy measured it."""
    new = Measurement(
        check="drift.new_strategy", method="grad_cam", rows=np.arange(18), values=np.eye(18)[7], reasons=(None,) * 18
    )
    profile = replace(run.profile, measurements=(*run.profile.measurements, new))
    assert questions_of(profile, None)[0].row == 7
    assert questions_of(profile, None)[0].group == "new"


def test_the_method_that_rules_of_reviews_ask_about_comes_first(run):
    """Else that of alignment; without maps there is nothing to ask."""
    assert methods_of(run.profile, run.verdict) == ("grad_cam", "integrated_gradients")
    rule = replace(run.verdict.findings[1], check="review.coverage", method="integrated_gradients")
    verdict = replace(run.verdict, findings=(*run.verdict.findings, rule))
    assert methods_of(run.profile, verdict)[0] == "integrated_gradients"
    assert questions_of(replace(run.profile, manifest={**run.profile.manifest, "methods": {}}), run.verdict) == ()


@pytest.mark.parametrize("verdict", [True, False])
def test_images_without_a_map_are_not_asked_about(run, verdict):
    """There is nothing to judge."""
    questions = questions_of(run.profile, run.verdict if verdict else None)
    assert (UNMAPPED, "grad_cam") not in {(one.row, one.method) for one in questions}
