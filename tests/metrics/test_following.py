"""Following a whole picture's look: turns are counted less those under the control, and only where one can turn."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from explain_gate.errors import NotApplicable, NotMeasurable
from explain_gate.metrics import reliance
from explain_gate.metrics.batch import Exchange

FOLLOWING = [reliance.style_follow, reliance.spectrum_follow, reliance.signature_follow, reliance.operation_follow]


def _showing(label: int) -> torch.Tensor:
    """A picture that the tests' model takes for a class."""
    return torch.full((3, 4, 4), float(label))


def _scores(pixels: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.one_hot(pixels.mean(dim=(1, 2, 3)).round().long(), 3).double()


def _batch(fake_batch: Any, *exchanges: list[Exchange], shown: tuple[int, ...] = (0, 0)) -> Any:
    pixels = torch.stack([_showing(label) for label in shown])
    return fake_batch(pixels=pixels, labels=torch.zeros(len(shown), dtype=torch.int64), scores=_scores, looks=exchanges)


@pytest.mark.parametrize("metric", FOLLOWING)
def test_damage_is_not_dependence(fake_batch: Any, metric: Any) -> None:
    """An image that turns under its control as well says no; one that turns only to the class's look says yes."""
    turned, damaged = (
        Exchange(label=1, changed=_showing(1), control=_showing(0)),
        Exchange(label=1, changed=_showing(1), control=_showing(1)),
    )
    batch = _batch(fake_batch, [turned], [damaged])
    assert metric(batch).tolist() == [1, 0]
    assert batch.notes["evidence"].tolist() == [[1], [0]]
    assert batch.notes["turned"].tolist() == [[1], [1]]
    assert batch.notes["control"].tolist() == [[0], [1]]
    assert batch.about["evidence"].tolist() == [[1], [1]]


def test_turning_to_another_class_than_was_given_is_no_following(fake_batch: Any) -> None:
    """The answer must become the class that the look came from."""
    elsewhere = Exchange(label=1, changed=_showing(2), control=_showing(0))
    assert reliance.style_follow(_batch(fake_batch, [elsewhere], [elsewhere])).tolist() == [0, 0]


def test_an_image_taken_for_the_class_already_cannot_turn_to_it(fake_batch: Any) -> None:
    """It gives no answer about that class, is not asked again, and answers about the others."""
    first, second = (
        [Exchange(label=label, changed=_showing(label), control=_showing(0)) for label in (1, 2)] for _ in range(2)
    )
    batch = _batch(fake_batch, first, second, shown=(1, 0))
    assert reliance.style_follow(batch).tolist() == [1, 1]
    answers = batch.notes["evidence"]
    assert math.isnan(answers[0, 0])
    assert answers[0, 1] == answers[1, 0] == answers[1, 1] == 1
    assert batch.asked == 6


def test_a_class_that_has_nothing_to_be_followed_turns_nobody(fake_batch: Any) -> None:
    """It costs no pass, and the answer is no."""
    batch = _batch(fake_batch, [Exchange(label=1)], [Exchange(label=2)])
    assert reliance.signature_follow(batch).tolist() == [0, 0]
    assert batch.notes["evidence"].tolist() == [[0], [0]]
    assert batch.asked == 0


def test_a_shared_control_is_asked_about_once(fake_batch: Any) -> None:
    """Three pictures for two classes given: the control of one image is the same for both."""
    control = _showing(0)
    both = [Exchange(label=label, changed=_showing(label), control=control) for label in (1, 2)]
    batch = _batch(fake_batch, both, shown=(0,))
    assert reliance.style_follow(batch).tolist() == [1]
    assert batch.asked == 3


def test_the_operation_is_noted_beside_its_answer(fake_batch: Any) -> None:
    """So that what turned the images can be named."""
    batch = _batch(fake_batch, [Exchange(label=2, changed=_showing(2), control=_showing(0), operation=7)], shown=(0,))
    reliance.operation_follow(batch)
    assert batch.notes["operation"].tolist() == [[7]]
    assert batch.about["operation"].tolist() == [[2]]


def test_what_cannot_be_asked(fake_batch: Any) -> None:
    """No picture to take a look from: it does not apply. One score an image: it cannot be measured. No class: wrong."""
    with pytest.raises(NotApplicable, match="can lend how it looks"):
        reliance.style_follow(_batch(fake_batch, [], []))
    one_score = fake_batch(pixels=torch.zeros(1, 3, 4, 4), scores=lambda pixels: pixels.flatten(1)[:, :1], looks=([],))
    with pytest.raises(NotMeasurable, match="one score per image"):
        reliance.style_follow(one_score)
    with pytest.raises(ValueError, match="classes must be at least 1, got 0"):
        reliance.style_follow(_batch(fake_batch, [], []), classes=0)


@pytest.mark.parametrize("place", ["outside", "inside"])
def test_a_patch_is_followed_where_one_of_the_images_own_class_is_not(fake_batch: Any, place: Any) -> None:
    """What it did is told to the report, but of images that were taken for the class before."""
    turned, damaged = (Exchange(label=1, changed=_showing(1), control=_showing(label)) for label in (0, 1))
    batch = _batch(fake_batch, [turned], [damaged], [turned], shown=(0, 0, 1))
    batch.region = torch.ones(3, 4, 4, dtype=torch.bool)
    assert reliance.transplant_follow(batch.region, batch, place=place).tolist() == [1, 0, 0]
    assert batch.notes["evidence"][:2].tolist() == [[1], [0]]
    assert batch.noted_cues == {0: {1: 1}, 1: {1: 1}, 2: {}}
