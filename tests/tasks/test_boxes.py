"""Detectors' outputs as they come: torchvision's lists, DETR's queries, an adapter's boxes."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from explain_gate.errors import ModelError
from explain_gate.tasks.boxes import boxes_in, overlaps


@dataclass
class DetrObjectDetectionOutput:
    """The fields of transformers' class of this name that say what is found."""

    logits: Tensor
    pred_boxes: Tensor
    loss: None = None


@dataclass
class RTDetrObjectDetectionOutput:
    """As above; its classes have a sigmoid each."""

    logits: Tensor
    pred_boxes: Tensor


@dataclass
class Unknown:
    """Fields as above, of a library that nobody knows."""

    logits: Tensor
    pred_boxes: Tensor


LOGITS = torch.tensor([[[2.0, 0.0, 1.0], [0.0, 1.0, 3.0]]])
CENTRES = torch.tensor([[[0.5, 0.5, 0.5, 1.0], [0.25, 0.25, 0.5, 0.5]]])
CORNERS = [[5.0, 0.0, 15.0, 10.0], [0.0, 0.0, 10.0, 5.0]]
"""Of a picture of height 10 and width 20."""


def test_queries_of_detr_lose_their_last_column():
    """Softmax over all, the last of which stands for no object; centres and sizes become corners in pixels."""
    (boxes,) = boxes_in(DetrObjectDetectionOutput(LOGITS, CENTRES), 1, 2, (10, 20))
    assert boxes.fixed
    assert torch.allclose(boxes.corners, torch.tensor(CORNERS))
    assert torch.allclose(boxes.scores, LOGITS[0].softmax(dim=-1)[:, :2])


def test_queries_with_a_sigmoid_keep_all_columns():
    """RT-DETR and Deformable DETR."""
    (boxes,) = boxes_in(RTDetrObjectDetectionOutput(LOGITS, CENTRES), 1, 4, (10, 20))
    assert torch.allclose(boxes.scores[:, :3], LOGITS[0].sigmoid())
    assert boxes.scores[:, 3].tolist() == [0, 0]


def test_queries_of_nobody_knows_whom_are_asked_about():
    """Softmax or sigmoid changes every number, so that it is not guessed."""
    with pytest.raises(ModelError, match=r"the last column stands for no object.*model\.target"):
        boxes_in(Unknown(LOGITS, CENTRES), 1, 2, (10, 20))


def test_lists_have_a_column_a_label():
    """Labels beyond those of the set are kept beside."""
    one = {"boxes": torch.ones(2, 4), "labels": torch.tensor([0, 5]), "scores": torch.tensor([0.3, 0.4])}
    empty = {"boxes": torch.ones(0, 4), "labels": torch.ones(0).long(), "scores": torch.ones(0)}
    first, second = boxes_in([one, empty], 2, 3, (4, 4))
    assert first.scores.shape == (2, 6)
    assert torch.allclose(first.scores.sum(dim=0), torch.tensor([0.3, 0, 0, 0, 0, 0.4]))
    assert second.scores.shape == (0, 3)
    assert not first.fixed


def test_scripted_detectors_return_losses_too():
    """A tuple of losses and detections."""
    one = {"boxes": torch.ones(1, 4), "labels": torch.tensor([1]), "scores": torch.tensor([0.3])}
    assert len(boxes_in(({}, [one, one]), 2, 2, (4, 4))) == 2


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (torch.zeros(1, 6, 8400), r"a tensor of shape \(1, 6, 8400\)"),
        ([{"boxes": torch.ones(1, 4)}], "labels, scores missing"),
        ({"boxes": torch.ones(1, 4)}, "keys boxes"),
    ],
)
def test_other_outputs_are_told_what_to_write(output, told):
    """Boxes without scores, and the raw tensor of a YOLO."""
    with pytest.raises(ModelError, match=told):
        boxes_in(output, 1, 2, (4, 4))


def test_overlap_is_intersection_over_union():
    """The same, a half, none, and a box without area."""
    box = torch.tensor([0, 0, 4, 4])
    corners = torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 2], [4, 4, 8, 8], [1, 1, 1, 1], [2, 0, 6, 4]])
    assert overlaps(corners, box).tolist() == pytest.approx([1, 0.5, 0, 0, 1 / 3])
    assert overlaps(corners[:1], torch.zeros(4)).tolist() == [0]


def test_the_adapter_of_the_documentation():
    """The raw output of a YOLO, (N, 4 + classes, anchors) first in a tuple, through the function as it is written."""
    page = (Path(__file__).parents[2] / "docs" / "detection.md").read_text(encoding="utf-8")
    code = page.partition("# shop/adapters.py\n")[2].partition("    # thresholds.yaml")[0]
    names: dict[str, Any] = {}
    exec(textwrap.dedent(code), names)  # noqa: S102 - what the page tells readers to copy
    raw = torch.zeros(1, 6, 3)
    raw[0, :4, 1] = torch.tensor([10.0, 5.0, 10.0, 10.0])
    raw[0, 4:, 1] = torch.tensor([0.2, 0.7])
    (boxes,) = boxes_in(names["yolo"]((raw, [raw])), 1, 2, (10, 20))
    assert boxes.corners[1].tolist() == [5, 0, 15, 10]
    assert torch.allclose(boxes.scores[1], torch.tensor([0.2, 0.7]))
    assert boxes.fixed
