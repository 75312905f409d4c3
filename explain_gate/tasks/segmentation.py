"""Segmentation: a class for every pixel. Logits (N, K, h, w); what counts is the region that a person drew.

Columns are five numbers a class, in five blocks of K: its mean logit over the region, its mean probability there, the
share of the region that is predicted as it, the intersection over union of all that is predicted as it with the
region, and the share of the picture that is predicted as it. The first is explained and has a graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from explain_gate.errors import ModelError, NotMeasurable
from explain_gate.records import Answer, Truth
from explain_gate.tasks import SetFacts
from explain_gate.tasks.drawn import region_in, regions_of
from explain_gate.tasks.logits import of
from explain_gate.tasks.outputs import described, scores_in
from explain_gate.tasks.task import Task

_BLOCKS = 5
_ALARM = 0.01
"""Share of a picture from which a class that is predicted there counts as said of it."""


class Segmentation(Task):
    """A model of one logit a pixel knows one class: its probability is a sigmoid, and pixels above 0 are predicted.

    Args:
        facts: of the regression set.
        threshold: intersection over union from which a predicted mask is right, in (0, 1].
    """

    name = "segmentation"

    def __init__(self, facts: SetFacts | None = None, *, threshold: float = 0.5) -> None:
        if not 0 < threshold <= 1:
            raise ValueError(f"threshold must be above 0 and at most 1, got {threshold}")
        self.facts = facts or SetFacts()
        self.threshold = threshold

    def targets(self, truths: Sequence[Truth]) -> Tensor:
        """Class and region."""
        return regions_of(truths)

    def columns(self, output: Any, targets: Tensor | None, *, by_target: bool) -> Tensor:
        """Five numbers a class, (N, 5 K), of logits (N, K, h, w) of any size.

        The region is resized to the logits by area, so that a cell counts by the share of it that is drawn. Masks are
        compared at the picture's size.
        """
        logits = output if by_target else scores_in(output)
        if not isinstance(logits, Tensor) or logits.ndim != 4:
            who = "the target function" if by_target else "the segmenter"
            raise ModelError(
                f"{who} must return logits of shape (N, classes, height, width), alone, as `out` or as `logits`, "
                f"got {described(output)}. For other outputs write model.target: package.module:function, a function "
                "that makes such logits of the output"
            )
        if targets is None or targets.ndim != 2:
            raise NotMeasurable("a segmenter is asked about a region, and none was named for these pictures")
        logits = logits.float() if logits.dtype in {torch.float16, torch.bfloat16} else logits
        regions = [region_in(target) for target in targets]
        return torch.stack([_numbers(one, region) for one, region in zip(logits, regions, strict=True)])

    def explained(self, columns: Tensor, targets: Tensor) -> Tensor:
        """Mean logit of the class over its region."""
        return of(_block(columns, 0), targets[:, 0])

    def check(self, columns: Tensor, *, by_target: bool) -> None:  # noqa: ARG002 - protocol
        """A channel a class."""
        count, highest = columns.shape[1] // _BLOCKS, max(self.facts.classes.values(), default=0)
        if count <= highest:
            lacking = ", ".join(name for name, index in self.facts.classes.items() if index >= count)
            raise ModelError(
                f"the segmenter has {count} channels, but data.classes needs {highest + 1}: {lacking} would have none"
            )

    def cautions(self, columns: Tensor, truths: Sequence[Truth]) -> tuple[str, ...]:  # noqa: ARG002 - protocol
        """None."""
        return ()

    def answers(self, columns: Tensor) -> list[Answer]:
        """The class of most of the region, with its mean probability there."""
        shares, chances = _block(columns, 2), _block(columns, 1)
        answers = []
        for share, chance in zip(shares, chances, strict=True):
            first = int(share.argmax()) if bool(share.any()) else None
            answers.append(
                Answer(
                    predicted=first,
                    said=() if first is None else (first,),
                    probability=None if first is None else float(chance[first]),
                )
            )
        return answers

    def right(self, columns: Tensor, truths: Sequence[Truth]) -> Tensor:
        """Whether what is predicted as the class covers the region, by intersection over union.

        On a picture without an object: whether none of the classes is predicted.
        """
        overlaps, alarms = _block(columns, 3).cpu().tolist(), self.false_alarms(columns, truths)
        return torch.tensor(
            [
                not alarm if truth.label == self.facts.nothing else row[truth.label] >= self.threshold
                for row, truth, alarm in zip(overlaps, truths, alarms, strict=True)
            ],
            dtype=torch.float64,
        )

    def false_alarms(self, columns: Tensor, truths: Sequence[Truth]) -> list[tuple[int, ...]]:
        """Classes of the set that take at least a hundredth of a picture that does not show them."""
        known = set(self.facts.classes.values()) - {self.facts.nothing}
        return [
            tuple(label for label, area in enumerate(row) if area >= _ALARM and label in known - set(truth.accepted))
            for row, truth in zip(_block(columns, 4).cpu().tolist(), truths, strict=True)
        ]

    def may_turn(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Where the region is not predicted as the class."""
        shares = _block(columns, 2)
        return (shares.argmax(dim=1) != labels.to(shares.device)) | ~shares.any(dim=1)

    def same(self, columns: Tensor, others: Tensor) -> Tensor:
        """Whether most of the region is the same class, or of none in both."""
        shares, theirs = _block(columns, 2), _block(others, 2).to(columns.device)
        return (shares.argmax(dim=1) == theirs.argmax(dim=1)) & (shares.any(dim=1) == theirs.any(dim=1))

    def strength(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Mean probability over the region."""
        return of(_block(columns, 1), labels)

    def support(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Mean logit of the class minus the logarithm of the summed exponentials of the others'."""
        exact = _block(columns, 0).cpu().double()
        own = of(exact, labels)
        return own if exact.shape[1] == 1 else own - _without(exact, labels).logsumexp(dim=1)

    def margin(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Mean logit of the class minus the largest other."""
        means = _block(columns, 0)
        own = of(means, labels)
        return own if means.shape[1] == 1 else own - _without(means, labels).amax(dim=1)

    def likeliest(self, columns: Tensor, count: int) -> Tensor:
        """The highest mean logits."""
        means = _block(columns, 0)
        if means.shape[1] < 2:
            raise NotMeasurable("the segmenter has one class, so there is none to tell it from")
        return means.topk(min(count, means.shape[1]), dim=1).indices


def _numbers(logits: Tensor, region: Tensor) -> Tensor:
    """The five blocks of one picture, (5 K,), of its logits (K, h, w) and its region (H, W).

    About a region of no pixel there are no means; what is predicted on the picture is still known.
    """
    exact, region = logits.detach(), region.to(logits.device)
    size = (region.shape[0], region.shape[1]) if region.numel() else (logits.shape[1], logits.shape[2])
    masks = _masks(exact, size)
    areas = masks.flatten(1).double().mean(dim=1).to(exact)
    if not bool(region.any()):
        nothing = (logits.flatten(1).mean(dim=1)) * 0
        return torch.cat([nothing, *[nothing.detach()] * 3, areas])
    cells = interpolate(region[None, None].to(logits), size=logits.shape[-2:], mode="area")[0, 0]
    means = (logits * cells).sum(dim=(1, 2)) / cells.sum()
    probabilities = exact.softmax(dim=0) if len(exact) > 1 else exact.sigmoid()
    certain = (probabilities * cells).sum(dim=(1, 2)) / cells.sum()
    both = (masks & region).sum(dim=(1, 2))
    shares, overlaps = both / region.sum(), both / (masks | region).sum(dim=(1, 2))
    return torch.cat([means, certain, shares.to(means), overlaps.to(means), areas])


def _masks(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """What is predicted as each class, (K, H, W), bool: logits are brought to the picture's size first."""
    large = interpolate(logits[None], size=size, mode="bilinear", align_corners=False)[0]
    if len(large) == 1:
        return large > 0
    return large.argmax(dim=0) == torch.arange(len(large), device=large.device)[:, None, None]


def _block(columns: Tensor, number: int) -> Tensor:
    """One of the five numbers a class, (N, K)."""
    count = columns.shape[1] // _BLOCKS
    return columns[:, number * count : (number + 1) * count]


def _without(scores: Tensor, labels: Tensor) -> Tensor:
    """Scores with the column of each image's class at minus infinity."""
    return scores.scatter(1, labels.to(scores.device)[:, None], -torch.inf)
