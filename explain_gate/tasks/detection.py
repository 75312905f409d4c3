"""Detection: boxes with classes and scores. One sample is one annotated object; what counts is what is found there.

A box covers the object from an intersection over union of 0.5 on. Columns are five numbers a class, in five blocks of
K: the score that is explained, the score of the best box that covers the object, its similarity to the object (Petsiuk
2021), the score of the best box anywhere, and the query that fits the object best, -1 where boxes are no queries.

What is explained is the best covering box's score. Where boxes are the same queries on every picture (DETR, before
suppression), the query that fits best on the unperturbed picture is followed instead: its score moves smoothly where
the best of all would jump from one to another, or to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from explain_gate.errors import ModelError, NotMeasurable
from explain_gate.records import Answer, Truth
from explain_gate.tasks import SetFacts
from explain_gate.tasks.boxes import Boxes, best_of, boxes_in, overlaps
from explain_gate.tasks.drawn import boxes_of
from explain_gate.tasks.logits import of
from explain_gate.tasks.task import Task

_BLOCKS = 5
_COVERS = 0.5
_SURE = 1e-6
"""Scores of exactly 0 and 1 have no odds; this far from them they have."""


class Detection(Task):
    """Labels are those of the boxes, as `data.classes` gives them.

    Args:
        facts: of the regression set.
        threshold: a box counts as found where its score is above this, in [0, 1).
    """

    name = "detection"

    def __init__(self, facts: SetFacts | None = None, *, threshold: float = 0.5) -> None:
        if not 0 <= threshold < 1:
            raise ValueError(f"threshold must be at least 0 and below 1, got {threshold}")
        self.facts = facts or SetFacts()
        self.threshold = threshold
        self._least = 1 + max(self.facts.classes.values(), default=0)

    def targets(self, truths: Sequence[Truth]) -> Tensor:
        """Class, box, size of the picture, and the query that is followed: none so far. (N, 8)."""
        boxes = boxes_of(truths)
        return torch.cat([boxes, torch.full((len(boxes), 1), -1)], dim=1)

    def followed(self, targets: Tensor, columns: Tensor) -> Tensor:
        """The same targets, with the query that fits best by the columns of the unperturbed pictures."""
        queries = of(_block(columns, 4), targets[:, 0]).to(targets)
        return torch.cat([targets[:, :-1], queries[:, None]], dim=1)

    def columns(self, output: Any, targets: Tensor | None, *, by_target: bool) -> Tensor:  # noqa: ARG002 - protocol
        """Five numbers a class about what is found at each picture's object, (N, 5 K)."""
        if targets is None or targets.ndim != 2:
            raise NotMeasurable("a detector is asked about an object, and none was named for these pictures")
        # As many columns for every batch: labels that nobody annotates are left out.
        count = max(self._least, 1 + int(targets[:, 0].max()) if not self.facts.classes else 0)
        size = (int(targets[:, 5].max()), int(targets[:, 6].max()))
        pictures = boxes_in(output, len(targets), count, size)
        return torch.stack([_numbers(one, target, count) for one, target in zip(pictures, targets, strict=True)])

    def explained(self, columns: Tensor, targets: Tensor) -> Tensor:
        """Score of the followed query, or of the best box of the class that covers the object."""
        return of(_block(columns, 0), targets[:, 0])

    def check(self, columns: Tensor, *, by_target: bool) -> None:  # noqa: ARG002 - protocol
        """Scores lie in [0, 1]."""
        scores = columns[:, : -(columns.shape[1] // _BLOCKS)]
        known = scores[torch.isfinite(scores).all(dim=1)]
        if len(known) and bool(((known < 0) | (known > 1)).any()):
            raise ModelError(
                f"scores of a detector must lie in [0, 1], got {float(known.min()):.3g} to {float(known.max()):.3g}; "
                "write model.target: package.module:function, a function that makes probabilities of them"
            )

    def cautions(self, columns: Tensor, truths: Sequence[Truth]) -> tuple[str, ...]:
        """That no object is found as what it is, though others are."""
        drawn = [row for row, truth in enumerate(truths) if truth.label != self.facts.nothing]
        best = _block(columns, 1)[drawn].nan_to_num()
        labels = torch.tensor([truths[row].label for row in drawn], dtype=torch.int64)
        if not drawn or bool((of(best, labels) > self.threshold).any()):
            return ()
        told = (
            f"no annotated object is covered by a box of its class with a score above {self.threshold:g}: the best of "
            f"its class has {float(of(best, labels).max()):.2g}, the best of any {float(best.max()):.2g}. Look at the "
            "numbers that data.classes gives to the classes (torchvision's detectors keep 0 for the background)"
        )
        return (told,)

    def answers(self, columns: Tensor) -> list[Answer]:
        """The classes found where the object is, and the surest with its score."""
        answers = []
        for row in _block(columns, 1).nan_to_num():
            first = int(row.argmax())
            said = tuple((row > self.threshold).nonzero()[:, 0].tolist())
            answers.append(Answer(predicted=first if said else None, said=said, probability=float(row[first])))
        return answers

    def right(self, columns: Tensor, truths: Sequence[Truth]) -> Tensor:
        """Whether a box of the class above the threshold covers the object; without one, whether none is found."""
        best, alarms = _block(columns, 1).cpu().tolist(), self.false_alarms(columns, truths)
        return torch.tensor(
            [
                not alarm if truth.label == self.facts.nothing else row[truth.label] > self.threshold
                for row, truth, alarm in zip(best, truths, alarms, strict=True)
            ],
            dtype=torch.float64,
        )

    def false_alarms(self, columns: Tensor, truths: Sequence[Truth]) -> list[tuple[int, ...]]:
        """Classes of the set that are found anywhere on a picture that does not show them."""
        known = set(self.facts.classes.values()) - {self.facts.nothing}
        return [
            tuple(
                label for label, one in enumerate(row) if one > self.threshold and label in known - set(truth.accepted)
            )
            for row, truth in zip(_block(columns, 3).cpu().tolist(), truths, strict=True)
        ]

    def may_turn(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Where no box of the class covers the object."""
        return of(_block(columns, 1), labels) <= self.threshold

    def same(self, columns: Tensor, others: Tensor) -> Tensor:
        """Whether the same classes are found where the object is."""
        return ((_block(columns, 1) > self.threshold) == (_block(others, 1) > self.threshold)).all(dim=1)

    def strength(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Score of the best box of the class that covers the object."""
        return of(_block(columns, 1), labels)

    def similarity(self, columns: Tensor, labels: Tensor) -> Tensor:
        """How like the object the most similar box is, in [0, 1] (D-RISE, Petsiuk 2021, equations 3 to 6)."""
        return of(_block(columns, 2), labels)

    def support(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Log odds of the best box of the class that covers the object; scores are kept 1e-6 from 0 and 1."""
        return of(_block(columns, 1).cpu().double(), labels).clamp(_SURE, 1 - _SURE).logit()

    def margin(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Score of the class above the best other class, or above nothing."""
        best = _block(columns, 1)
        others = best.scatter(1, labels.to(best.device)[:, None], 0.0)
        return of(best, labels) - others.amax(dim=1)

    def likeliest(self, columns: Tensor, count: int) -> Tensor:
        """The classes of the highest scores."""
        best = _block(columns, 1)
        if len(self.facts.classes) == 1:
            raise NotMeasurable("the set has one class, so there is none to tell it from")
        return best.topk(min(count, best.shape[1]), dim=1).indices


def _numbers(boxes: Boxes, target: Tensor, count: int) -> Tensor:
    """The five blocks of one picture, (5 K,), of its boxes and its target (8,)."""
    scores = boxes.sure[:, :count]
    shared = overlaps(boxes.corners, target[1:5])
    covers = shared >= _COVERS
    best = best_of(scores[covers])
    similar = best_of(shared[:, None].to(scores) * boxes.likeness[:, :count].detach())
    queries = torch.full_like(best, -1).detach()
    explained = best
    if boxes.fixed and len(scores):
        # Of those that cover the object the surest; where none does, the one that comes nearest.
        fit = torch.where(covers[:, None], 1 + scores.detach(), shared[:, None].to(scores))
        queries = fit.argmax(dim=0).to(best)
        if int(target[-1]) >= 0:
            explained = scores[int(target[-1])]
    return torch.cat([explained, best.detach(), similar, best_of(scores).detach(), queries])


def _block(columns: Tensor, number: int) -> Tensor:
    """One of the five numbers a class, (N, K)."""
    count = columns.shape[1] // _BLOCKS
    return columns[:, number * count : (number + 1) * count]
