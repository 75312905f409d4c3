"""What a reviewer reads of images that turned: how many, by what, and how many that were only damaged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from explain_gate.judging.gate import judge
from explain_gate.metrics.everyday import EVERYDAY, said
from explain_gate.metrics.operations import OPERATIONS, tried
from explain_gate.records import Measurement, Profile, Rule

CHECK = "reliance.operation_follow"
CLASSES = ("cat", "dog", "fox")
JPEG = next(position for position, (operation, _) in enumerate(tried()) if operation.name == "JPEG")


def _rule(name: str) -> Rule:
    return Rule(
        check=CHECK, method=None, class_name=name, better="lower", decide="evidence", own=False, at_most=0.05,
        must_catch=0.5, part=0.003, question=f"turn to {name}",
    )  # fmt: skip


def _profile(make_profile: Any, turned: dict[str, int], *, control: int, marked: tuple[str, ...]) -> Profile:
    """Each of 60 images answers about both other classes; so many of each turn, by JPEG where a class is marked."""
    profile: Profile = make_profile({(CHECK, None): [0.0] * 60}, classes=CLASSES)
    notes: dict[str, list[tuple[int, int, float]]] = {"evidence": [], "turned": [], "control": [], "operation": []}
    asked = dict.fromkeys(CLASSES, 0)
    for row, image in enumerate(profile.images):
        for label, name in enumerate(CLASSES):
            if name == image.class_name:
                continue
            asked[name] += 1
            yes = float(asked[name] <= turned.get(name, 0))
            notes["turned"].append((row, label, yes))
            notes["control"].append((row, label, float(asked[name] > 40 - control)))
            notes["evidence"].append((row, label, yes))
            if name in marked:
                notes["operation"].append((row, label, float(JPEG)))
    noted = tuple(
        Measurement(
            check=f"{CHECK}@{name}",
            method=None,
            rows=np.array([row for row, _, _ in lines], dtype=np.int64),
            values=np.array([value for _, _, value in lines]),
            reasons=(None,) * len(lines),
            about=np.array([label for _, label, _ in lines], dtype=np.int64),
        )
        for name, lines in notes.items()
    )
    return replace(profile, measurements=(*profile.measurements, *noted))


def test_the_operation_that_turned_most_is_named_and_the_control_stands_beside_it(make_profile: Any) -> None:
    """Number, way and control of the class that the row is about, and of no other."""
    profile = _profile(make_profile, {"dog": 31, "cat": 2}, control=1, marked=("dog", "cat"))
    (finding,) = judge(profile, [_rule("dog")])
    assert finding.status == "failed"
    assert (
        "Of 40 answers 31 turn, 31 of them where it is saved as JPEG of low quality; 1 under an exchange as strong "
        "that brings nothing of the class." in finding.message
    )


def test_a_class_without_any_mark_is_said_to_have_none(make_profile: Any) -> None:
    """Nothing was there to be followed, which is not the same as a model that was tried and held."""
    (finding,) = judge(_profile(make_profile, {}, control=0, marked=("dog",)), [_rule("fox")])
    assert finding.status == "passed"
    assert "No everyday operation left its mark on these pictures" in finding.message


def test_what_is_said_belongs_to_what_is_done() -> None:
    """Names, sentences and strengths stand in the order in which operations are tried."""
    assert [one.name for one in EVERYDAY] == [one.name for one in OPERATIONS]
    assert [said(position) for position in range(len(tried()))] == [operation.say for operation, _ in tried()]
    assert len({one.name for one in EVERYDAY}) == len(EVERYDAY)
