"""The search for the strongest patch: a small mark on objects is told, what objects are all over is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from explain_gate.measuring.asking.patch_search import places_of, planted_on, strongest
from explain_gate.metrics.batch import Scene
from explain_gate.records import Truth
from explain_gate.tasks.classification import Classification

SIDE = 48


def scene(row: int, *, mark: bool = False, whole: bool = False, outside: bool = False) -> Scene:
    """Noise with an object of 30 pixels: marked by a red square of 5 on it, or beside it, or red all over."""
    generator = torch.Generator().manual_seed(row)
    pixels = torch.rand(3, SIDE, SIDE, generator=generator) * 0.2
    top, left = (int(place) for place in torch.randint(12, 17, (2,), generator=generator))
    region = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    region[top : top + 30, left : left + 30] = True
    if whole:
        pixels[0, region] = 1
    if mark:
        pixels[0, top + 11 : top + 16, left + 4 : left + 9] = 1
    if outside:
        pixels[0, 2:8, 36:42] = 1
    truth = Truth(label=0, accepted=(0,))
    return Scene(row=row, truth=truth, pixels=pixels, region=region, columns=torch.tensor([0.0, -6.0]))


def asked(enough: int) -> object:
    """A model that says class 1 where so many pixels are red."""

    def ask(pictures: Sequence[Tensor], _: Sequence[Truth]) -> Tensor:
        red = torch.stack([(one[0] > 0.8).sum().double() for one in pictures])
        return torch.stack([torch.zeros_like(red), 8 * (red / enough) - 6], dim=1)

    return ask


def search(donors: list[Scene], where: str, enough: int) -> object:
    """The strongest patch of class 1, tried on twelve pictures without red."""
    receivers = [scene(100 + row) for row in range(12)]
    return strongest(donors, receivers, where, 1, task=Classification(), ask=asked(enough))  # type: ignore[arg-type]


def test_a_mark_on_objects_is_cut_out_and_turns_everybody():
    """Of the window around it hardly more than the mark travels."""
    best = search([scene(row, mark=True) for row in range(4)], "inside", 20)
    assert best.share == 1
    assert best.cue.part.sum() <= 0.7 * best.cue.window.side**2
    other = scene(200)
    assert (planted_on(other, best.donor, best.cue, "inside")[0] > 0.8).sum() >= 20


def test_a_mark_that_one_of_the_donors_has_is_enough():
    """Each donor's own patch would turn a quarter; the strongest turns all."""
    best = search([scene(0, mark=True), *(scene(row) for row in range(1, 4))], "inside", 20)
    assert (best.donor.row, best.share) == (0, 1)


def test_objects_that_are_red_all_over_have_no_patch():
    """A fourteenth of such an object makes nothing else one of its kind."""
    assert search([scene(row, whole=True) for row in range(4)], "inside", 200).share == 0


def test_a_mark_beside_objects_is_told_by_its_place():
    """The plainest form that does it, and the place stands out."""
    best = search([scene(row, outside=True) for row in range(4)], "outside", 30)
    assert (best.share, best.cue.form, best.cue.part, best.anywhere) == (1, "fixed", None, False)
    assert best.cue.window.top <= 2
    assert best.cue.window.left + best.cue.window.side >= 42


def test_an_object_that_fills_the_frame_leaves_no_place():
    """Neither is there a search without anybody to turn."""
    filled = replace(scene(0), region=torch.ones(SIDE, SIDE, dtype=torch.bool))
    assert places_of(filled, "outside") == ()
    assert len(places_of(filled, "inside")) > 4
    assert search([filled], "outside", 30) is None
    assert strongest([filled], [], "inside", 1, task=Classification(), ask=asked(1)) is None  # type: ignore[arg-type]
