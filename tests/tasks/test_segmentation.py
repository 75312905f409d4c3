"""Segmentation: each answer derived by hand on pictures of a few pixels."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from explain_gate.errors import ModelError, NotMeasurable
from explain_gate.records import Truth
from explain_gate.tasks import SetFacts
from explain_gate.tasks.segmentation import Segmentation

CLASSES = {"road": 0, "car": 1, "sky": 2}
LEFT = torch.tensor([[1, 1, 0, 0]] * 4, dtype=torch.bool)


def truth(label: int = 1, region: Tensor | None = LEFT, accepted: tuple[int, ...] = (1,)) -> Truth:
    return Truth(label=label, accepted=accepted, region=region)


def logits_of(classes: Tensor, height: float = 4.0) -> Tensor:
    """Logits (1, 3, h, w) that are `height` for the class (h, w) of each pixel, else 0."""
    return height * torch.nn.functional.one_hot(classes, 3).permute(2, 0, 1)[None].float()


def columns_of(output: object, *truths: Truth, threshold: float = 0.5) -> tuple[Segmentation, Tensor]:
    task = Segmentation(SetFacts(classes=CLASSES), threshold=threshold)
    return task, task.columns(output, task.targets(truths), by_target=False)


def test_explained_is_the_mean_logit_of_the_class_over_its_region():
    """Car has 0, 1, ..., 15 in reading order; the left half of it has mean 6.5."""
    output = torch.zeros(1, 3, 4, 4)
    output[0, 1] = torch.arange(16.0).view(4, 4)
    task, columns = columns_of(output, truth())
    assert task.explained(columns, task.targets([truth()])).item() == pytest.approx(6.5)
    assert task.support(columns, torch.tensor([1])).item() == pytest.approx(6.5 - torch.tensor(2.0).log().item())
    assert task.margin(columns, torch.tensor([1])).item() == pytest.approx(6.5)
    assert task.likeliest(columns, 1).tolist() == [[1]]


def test_explained_has_the_gradient_of_a_mean_over_the_region():
    """1 over the number of pixels inside the region of the class's channel, 0 elsewhere."""
    output = torch.randn(1, 3, 4, 4, requires_grad=True)
    task, columns = columns_of(output, truth())
    task.explained(columns, task.targets([truth()])).sum().backward()
    expected = torch.zeros(1, 3, 4, 4)
    expected[0, 1][LEFT] = 1 / 8
    assert torch.allclose(output.grad, expected)


def test_logits_at_a_quarter_of_the_size_see_the_region_by_area():
    """A region over one and a half of two cells weighs them 1 and 1/2."""
    region = torch.zeros(4, 8, dtype=torch.bool)
    region[:, :6] = True
    output = torch.zeros(1, 3, 1, 2)
    output[0, 1] = torch.tensor([[3.0, 9.0]])
    task, columns = columns_of(output, truth(region=region))
    assert task.explained(columns, task.targets([truth(region=region)])).item() == pytest.approx((3 + 9 / 2) / 1.5)


def test_probability_is_the_mean_softmax_over_the_region():
    """Four pixels of eight have the class with softmax p, four another with softmax q."""
    classes = torch.tensor([[1, 0, 2, 2]] * 4)
    task, columns = columns_of(logits_of(classes), truth())
    high = torch.tensor([4.0, 0, 0]).softmax(dim=0)
    assert task.strength(columns, torch.tensor([1])).item() == pytest.approx(float(high[0] + high[1]) / 2, abs=1e-6)


def test_right_is_intersection_over_union():
    """Predicted on three columns of which two are the region: 8 of 12 pixels."""
    classes = torch.tensor([[1, 1, 1, 0]] * 4)
    for threshold, right in ((0.66, 1.0), (0.67, 0.0)):
        task, columns = columns_of(logits_of(classes), truth(), threshold=threshold)
        assert task.right(columns, [truth()]).tolist() == [right]


def test_turned_is_most_of_the_region_in_the_other_class():
    """Five of eight pixels of the region are predicted as sky afterwards, three as the car."""
    after = torch.tensor([[1, 2, 0, 0], [1, 2, 0, 0], [1, 2, 0, 0], [2, 2, 0, 0]])
    task, was = columns_of(logits_of(torch.tensor([[1, 1, 0, 0]] * 4)), truth())
    _, now = columns_of(logits_of(after), truth())
    assert task.turned(was, now, torch.tensor([2])).tolist() == [True]
    assert task.turned(was, now, torch.tensor([0])).tolist() == [False]
    assert task.turned(now, now, torch.tensor([2])).tolist() == [False]
    assert task.may_turn(now, torch.tensor([2])).tolist() == [False]
    assert task.same(was, now).tolist() == [False]
    (answer,) = task.answers(now)
    assert (answer.predicted, answer.said) == (2, (2,))


def test_a_class_on_a_picture_that_does_not_show_it_is_a_false_alarm():
    """Road is predicted on half of the picture, and nobody drew it."""
    classes = torch.tensor([[1, 1, 0, 0]] * 4)
    truths = [truth(), truth(accepted=(0, 1))]
    task, columns = columns_of(logits_of(classes).repeat(2, 1, 1, 1), *truths)
    assert task.false_alarms(columns, truths) == [(0,), ()]


def test_a_picture_without_an_object_is_right_where_nothing_is_predicted():
    """Channel 3 is background and belongs to no class of the set."""
    task = Segmentation(SetFacts(classes={**CLASSES, "nothing": 3}, nothing=3))
    empty = Truth(label=3, accepted=(3,), region=None)
    output = torch.zeros(2, 4, 4, 4)
    output[0, 3] = output[1, 1] = 5
    columns = task.columns(output, task.targets([truth(), truth()]), by_target=False)
    assert task.right(columns, [empty, empty]).tolist() == [1, 0]
    alone = task.columns(output, task.targets([empty, empty]), by_target=False)
    assert task.right(alone, [empty, empty]).tolist() == [1, 0]


def test_one_logit_a_pixel_is_a_class_against_the_rest():
    """Sigmoid, and predicted above 0."""
    task = Segmentation(SetFacts(classes={"car": 0}))
    own = truth(label=0, accepted=(0,))
    output = torch.tensor([[2.0, 2, -2, -2]] * 4)[None, None]
    columns = task.columns(output, task.targets([own]), by_target=False)
    assert task.right(columns, [own]).tolist() == [1]
    assert task.strength(columns, torch.tensor([0])).item() == pytest.approx(torch.tensor(2.0).sigmoid().item())
    assert task.support(columns, torch.tensor([0])).item() == pytest.approx(2)
    with pytest.raises(NotMeasurable, match="one class"):
        task.likeliest(columns, 2)


@dataclass
class SemanticSegmenterOutput:
    """The fields of transformers' class of this name."""

    logits: Tensor
    loss: None = None


def test_outputs_are_taken_as_they_come():
    """A tensor, torchvision's mapping with out and aux, and Hugging Face's object."""
    output = torch.randn(1, 3, 4, 4)
    _, plain = columns_of(output, truth())
    for one in ({"out": output, "aux": output * 2}, SemanticSegmenterOutput(logits=output)):
        _, columns = columns_of(one, truth())
        assert torch.equal(columns, plain)


def test_what_is_no_segmentation_is_refused():
    """With what came, and what to write."""
    with pytest.raises(ModelError, match=r"shape \(N, classes, height, width\).*a tensor of shape \(2, 3\)"):
        columns_of(torch.zeros(2, 3), truth(), truth())
    task, columns = columns_of(torch.zeros(1, 2, 4, 4), truth())
    with pytest.raises(ModelError, match=r"2 channels, but data\.classes needs 3: sky would have none"):
        task.check(columns, by_target=False)
    with pytest.raises(NotMeasurable, match="none was named"):
        task.columns(torch.zeros(1, 3, 4, 4), None, by_target=False)
    with pytest.raises(ValueError, match="threshold"):
        Segmentation(threshold=0)
