"""Detection: each answer derived by hand on a few boxes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from explain_gate.errors import ModelError, NotMeasurable
from explain_gate.records import Truth
from explain_gate.tasks import SetFacts
from explain_gate.tasks.detection import Detection

CLASSES = {"sign": 1, "pole": 2}
REGION = torch.zeros(12, 12, dtype=torch.bool)
REGION[2:6, 2:6] = True
BOX = [2.0, 2.0, 6.0, 6.0]
HALF = [2.0, 2.0, 6.0, 4.0]
"""Half of the box: an overlap of exactly 1/2."""
THIRD = [4.0, 2.0, 8.0, 6.0]
"""The box moved by half of its width: an overlap of 1/3."""
AWAY = [8.0, 8.0, 12.0, 12.0]


def truth(label: int = 1, accepted: tuple[int, ...] = (1,)) -> Truth:
    return Truth(label=label, accepted=accepted, region=REGION)


def listed(*boxes: tuple[list[float], int, float]) -> dict[str, Tensor]:
    """One picture as torchvision tells it, of (corners, label, score)."""
    return {
        "boxes": torch.tensor([box for box, _, _ in boxes]).reshape(-1, 4),
        "labels": torch.tensor([label for _, label, _ in boxes], dtype=torch.int64),
        "scores": torch.tensor([score for _, _, score in boxes]),
    }


def columns_of(*pictures: dict[str, Tensor], task: Detection | None = None) -> tuple[Detection, Tensor]:
    task = task or Detection(SetFacts(classes=CLASSES))
    targets = task.targets([truth()] * len(pictures))
    return task, task.columns(list(pictures), targets, by_target=False)


def explained(task: Detection, columns: Tensor) -> float:
    return task.explained(columns, task.targets([truth()])).item()


def test_explained_is_the_best_box_of_the_class_that_covers_the_object():
    """A better box elsewhere, one that overlaps too little, and one of another class do not count."""
    task, columns = columns_of(
        listed((HALF, 1, 0.7), (BOX, 1, 0.6), (THIRD, 1, 0.9), (AWAY, 1, 0.95), (BOX, 2, 0.99), (BOX, 7, 1.0))
    )
    assert explained(task, columns) == pytest.approx(0.7)
    assert task.strength(columns, torch.tensor([1])).item() == pytest.approx(0.7)
    assert task.strength(columns, torch.tensor([2])).item() == pytest.approx(0.99)
    assert task.margin(columns, torch.tensor([1])).item() == pytest.approx(0.7 - 0.99)
    assert task.support(columns, torch.tensor([1])).item() == pytest.approx(torch.tensor(0.7).logit().item(), abs=1e-5)
    assert task.likeliest(columns, 1).tolist() == [[2]]
    (answer,) = task.answers(columns)
    assert (answer.predicted, answer.said) == (2, (1, 2))
    assert answer.probability == pytest.approx(0.99)


def test_nothing_found_is_a_score_of_0():
    """And no prediction, odds at the floor, and an accuracy of 0."""
    task, columns = columns_of(listed())
    assert explained(task, columns) == 0
    assert task.answers(columns)[0].predicted is None
    assert task.right(columns, [truth()]).tolist() == [0]
    assert task.support(columns, torch.tensor([1])).item() == pytest.approx(torch.tensor(1e-6).double().logit().item())


def test_right_is_a_box_of_the_class_above_the_threshold():
    """At the threshold is not above it; another class that is on the picture too does not count for this object."""
    for score, right in ((0.5, 0.0), (0.51, 1.0)):
        task, columns = columns_of(listed((BOX, 1, score)))
        assert task.right(columns, [truth()]).tolist() == [right]
    task, columns = columns_of(listed((BOX, 2, 0.9)))
    assert task.right(columns, [truth(accepted=(1, 2))]).tolist() == [0]


def test_turned_is_a_box_of_the_donors_class_on_the_object():
    """Elsewhere does not count."""
    task, columns = columns_of(
        listed((BOX, 1, 0.9)), listed((BOX, 2, 0.6)), listed((AWAY, 2, 0.9)), listed((BOX, 1, 0.8))
    )
    before, label = columns[:1], torch.tensor([2])
    assert [bool(task.turned(before, after[None], label)) for after in columns] == [False, True, False, False]
    assert task.may_turn(columns, label.expand(4)).tolist() == [True, False, True, True]
    assert [bool(task.same(before, after[None])) for after in columns] == [True, False, False, True]


def test_a_false_alarm_is_a_box_of_a_class_that_the_picture_does_not_show():
    """Anywhere on it; classes that are not in the set are nobody's business."""
    task, columns = columns_of(listed((BOX, 1, 0.9), (AWAY, 2, 0.8), (AWAY, 5, 0.8), (AWAY, 1, 0.9)))
    assert task.false_alarms(columns, [truth()]) == [(2,)]
    assert task.false_alarms(columns, [truth(accepted=(1, 2))]) == [()]


def test_a_picture_without_an_object_is_right_where_nothing_is_found():
    """Boxes below the threshold are not found."""
    task = Detection(SetFacts(classes={**CLASSES, "nothing": 3}, nothing=3))
    empty = Truth(label=3, accepted=(3,), region=None)
    output = [listed((AWAY, 1, 0.4)), listed((AWAY, 1, 0.6))]
    columns = task.columns(output, task.targets([empty, empty]), by_target=False)
    assert task.right(columns, [empty, empty]).tolist() == [1, 0]
    assert not task.cautions(columns, [empty, empty])


def test_similarity_is_overlap_times_score():
    """D-RISE without objectness: the best product, over boxes that cover the object or not."""
    task, columns = columns_of(listed((HALF, 1, 0.6), (THIRD, 1, 0.96), (BOX, 2, 0.9)))
    assert task.similarity(columns, torch.tensor([1])).item() == pytest.approx(max(0.6 / 2, 0.96 / 3))
    assert task.similarity(columns, torch.tensor([2])).item() == pytest.approx(0.9)


def test_similarity_is_overlap_times_cosine_times_objectness():
    """D-RISE with class scores of (0, 3, 4)/5 and objectness 1/2: 1/2 x 3/5 x 1/2."""
    task = Detection(SetFacts(classes=CLASSES))
    picture = {
        "boxes": torch.tensor([HALF]),
        "class_scores": torch.tensor([[0.0, 0.3, 0.4]]),
        "objectness": torch.tensor([0.5]),
    }
    _, columns = columns_of(picture, task=task)
    assert task.similarity(columns, torch.tensor([1])).item() == pytest.approx(0.5 * 0.6 * 0.5)
    assert explained(task, columns) == pytest.approx(0.3 * 0.5)


def test_the_score_has_a_gradient_where_the_model_has_one():
    """That of the best box; a picture without boxes has a gradient of 0 and not none."""
    scores = torch.tensor([0.7, 0.6, 0.9], requires_grad=True)
    labels, corners = torch.tensor([1, 1, 2]), torch.tensor([HALF, BOX, BOX])
    task, columns = columns_of({"boxes": corners, "labels": labels, "scores": scores})
    task.explained(columns, task.targets([truth()])).sum().backward()
    assert scores.grad.tolist() == [1, 0, 0]
    scores.grad = None
    none = scores > 1
    task, columns = columns_of({"boxes": corners[none], "labels": labels[none], "scores": scores[none]})
    task.explained(columns, task.targets([truth()])).sum().backward()
    assert scores.grad is None or scores.grad.tolist() == [0, 0, 0]


def queries(scores: list[list[float]], corners: list[list[float]]) -> dict[str, Any]:
    """Queries (1, Q) of one picture, as an adapter returns them."""
    return {"boxes": torch.tensor([corners]), "class_scores": torch.tensor([scores])}


def test_the_query_that_fits_best_is_followed():
    """It was best on the unperturbed picture; on another its own score counts, wherever its box went."""
    task = Detection(SetFacts(classes=CLASSES))
    targets = task.targets([truth()])
    whole = queries([[0, 0.6, 0], [0, 0.8, 0], [0, 0.99, 0]], [BOX, HALF, AWAY])
    before = task.columns(whole, targets, by_target=False)
    assert task.explained(before, targets).item() == pytest.approx(0.8)
    followed = task.followed(targets, before)
    assert followed[0, -1].item() == 1
    changed = task.columns(
        queries([[0, 0.7, 0], [0, 0.2, 0], [0, 0.9, 0]], [BOX, AWAY, BOX]), followed, by_target=False
    )
    assert task.explained(changed, followed).item() == pytest.approx(0.2)
    assert task.strength(changed, torch.tensor([1])).item() == pytest.approx(0.9)


def test_where_no_query_covers_the_object_the_nearest_is_followed():
    """By overlap, whatever the score."""
    task = Detection(SetFacts(classes=CLASSES))
    targets = task.targets([truth()])
    columns = task.columns(queries([[0, 0.9, 0], [0, 0.1, 0]], [AWAY, THIRD]), targets, by_target=False)
    assert task.followed(targets, columns)[0, -1].item() == 1


def test_boxes_of_a_list_are_not_followed():
    """Their positions mean nothing on another picture."""
    task, columns = columns_of(listed((BOX, 1, 0.9)))
    assert task.followed(task.targets([truth()]), columns)[0, -1].item() == -1


def test_what_looks_wrong_is_said():
    """No object found as its class, and a score that is no probability."""
    task, columns = columns_of(listed((BOX, 2, 0.9)))
    (told,) = task.cautions(columns, [truth()])
    assert "the best of its class has 0, the best of any 0.9" in told
    task, columns = columns_of(listed((BOX, 1, 3.0)))
    with pytest.raises(ModelError, match=r"lie in \[0, 1\], got 0 to 3"):
        task.check(columns, by_target=False)
    with pytest.raises(NotMeasurable, match="none was named"):
        task.columns([listed()], None, by_target=False)
    with pytest.raises(ValueError, match="threshold"):
        Detection(threshold=1)
