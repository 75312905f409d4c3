"""What detectors put out -> boxes with scores for every class: torchvision's lists, DETR's queries, or an adapter's.

Boxes are left, top, right and bottom in pixels of the picture that the model is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from explain_gate.errors import ModelError
from explain_gate.tasks.outputs import described

_SOFTMAX = ("Detr", "Yolos", "TableTransformer")
_SIGMOID = ("ConditionalDetr", "DeformableDetr", "DabDetr", "Deta", "RTDetr", "RTDetrV2", "DFine")
_HUGGING_FACE = "ObjectDetectionOutput"
"""Object detection outputs of transformers by their names: with a last column for no object, or a sigmoid a class."""

WANTED = (
    "a list with one mapping per image, of boxes (M, 4) in pixels, labels (M,) and scores (M,), as torchvision's "
    "detectors do, or boxes (N, Q, 4) with class_scores (N, Q, classes)"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Boxes:
    """What is found on one picture.

    Shapes: corners (M, 4); scores (M, K), the probability of each class, 0 where nothing is said of it; objectness
    (M,), None where the model gives none or it is in the scores already. `fixed`: box number i is the same query on
    every picture, so that it can be followed.
    """

    corners: Tensor
    scores: Tensor
    objectness: Tensor | None = None
    fixed: bool = False

    @property
    def sure(self) -> Tensor:
        """Scores (M, K), times objectness where there is one."""
        return self.scores if self.objectness is None else self.scores * self.objectness[:, None]

    @property
    def likeness(self) -> Tensor:
        """What D-RISE multiplies the overlap with, for an object of each class, (M, K).

        The cosine of the class scores with those of the object, which are 1 for its class and 0 for the others: its
        score over the norm of all; times objectness. Where a detector gives one label with its score and no
        objectness, the cosine of that is always 1 and says nothing of how sure it is: the score takes its place.
        """
        if self.objectness is None:
            return self.scores
        norm = torch.linalg.vector_norm(self.scores, dim=1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
        cosine: Tensor = self.scores / norm
        return cosine * self.objectness[:, None]


def boxes_in(output: Any, count: int, classes: int, size: tuple[int, int]) -> list[Boxes]:
    """The boxes of each of `count` pictures of one size (H, W), with at least `classes` columns of scores.

    Raises:
        ModelError: the output is of no known kind; the message says what to write.
    """
    if isinstance(output, list | tuple) and len(output) == count and all(isinstance(one, Mapping) for one in output):
        return [_listed(one, classes) for one in output]
    if isinstance(output, list | tuple) and output and isinstance(output[-1], list) and len(output[-1]) == count:
        # torchvision's scripted detectors return losses and detections.
        return boxes_in(output[-1], count, classes, size)
    boxes, scores = _field(output, "boxes"), _field(output, "class_scores")
    if _is_batch(boxes, count) and _is_batch(scores, count):
        objectness = _field(output, "objectness")
        return [
            Boxes(
                corners=boxes[one],
                scores=_wide(scores[one], classes),
                objectness=None if objectness is None else objectness[one],
                fixed=True,
            )
            for one in range(count)
        ]
    logits, normalised = _field(output, "logits"), _field(output, "pred_boxes")
    if _is_batch(logits, count) and _is_batch(normalised, count):
        chances = _probabilities(output, logits)
        corners = _corners(normalised, size)
        return [
            Boxes(corners=own, scores=_wide(each, classes), fixed=True)
            for own, each in zip(corners, chances, strict=True)
        ]
    raise ModelError(
        f"a detector must return {WANTED}, got {described(output)}. For other outputs write model.target: "
        "package.module:function, a function that makes that of the output"
    )


def _listed(one: Mapping[str, Any], classes: int) -> Boxes:
    """One picture's mapping. `class_scores` (M, K) takes the place of a label and its score."""
    missing = [name for name in ("boxes", "labels", "scores") if not isinstance(one.get(name), Tensor)]
    if isinstance(one.get("class_scores"), Tensor) and "boxes" not in missing:
        return Boxes(corners=one["boxes"], scores=_wide(one["class_scores"], classes), objectness=one.get("objectness"))
    if missing:
        raise ModelError(f"a detector must return {WANTED}; {', '.join(missing)} missing, got {described(one)}")
    labels, scores = one["labels"].long(), one["scores"]
    known = torch.arange(max([classes, *(labels + 1).tolist()]), device=labels.device)
    own = torch.where(labels[:, None] == known, scores[:, None], 0.0)
    return Boxes(corners=one["boxes"], scores=own, objectness=one.get("objectness"))


def _probabilities(output: Any, logits: Tensor) -> Tensor:
    """Of each class, (N, Q, K), by what kind of DETR it is."""
    kind = type(output).__name__.removesuffix(_HUGGING_FACE)
    if kind in _SOFTMAX:
        return logits.softmax(dim=-1)[..., :-1]
    if kind in _SIGMOID:
        return logits.sigmoid()
    raise ModelError(
        f"{described(output)} has logits and pred_boxes, but nothing says whether the last column stands for no object "
        "(softmax, as DETR) or each column for itself (sigmoid, as Deformable DETR). Write model.target: "
        f"package.module:function, a function that returns {WANTED}"
    )


def _corners(normalised: Tensor, size: tuple[int, int]) -> Tensor:
    """Centre, width and height as shares of the picture -> corners in pixels, (..., 4)."""
    x, y, width, height = normalised.unbind(dim=-1)
    shares = torch.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], dim=-1)
    return shares * shares.new_tensor([size[1], size[0], size[1], size[0]])


def _wide(scores: Tensor, classes: int) -> Tensor:
    """With columns of 0 for classes that the model does not have."""
    lacking = classes - scores.shape[-1]
    return scores if lacking <= 0 else torch.cat([scores, scores.new_zeros(*scores.shape[:-1], lacking)], dim=-1)


def _field(output: Any, name: str) -> Any:
    return output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)


def _is_batch(value: Any, count: int) -> bool:
    return isinstance(value, Tensor) and value.ndim == 3 and len(value) == count


def overlaps(corners: Tensor, box: Tensor) -> Tensor:
    """Intersection over union of boxes (M, 4) with one box (4,), (M,); 0 for boxes without area."""
    corners, box = corners.detach().float(), box.to(corners.device).float()
    sides = torch.minimum(corners[:, 2:], box[2:]) - torch.maximum(corners[:, :2], box[:2])
    both = sides.clamp(min=0).prod(dim=1)
    areas = (corners[:, 2:] - corners[:, :2]).clamp(min=0).prod(dim=1)
    return both / (areas + (box[2:] - box[:2]).prod() - both).clamp(min=torch.finfo(torch.float32).tiny)


def best_of(values: Tensor) -> Tensor:
    """The largest value of each column of (M, K), (K,); 0 where there is none."""
    # The sum of nothing keeps the graph, so that a picture without boxes has a gradient of 0 and not none.
    return values.amax(dim=0) if len(values) else values.sum(dim=0)
