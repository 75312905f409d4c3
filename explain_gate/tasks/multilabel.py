"""Multilabel: several labels may be true at once. Logits (N, K), a sigmoid each; a sample is an image and a label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

import torch
from torch import Tensor

from explain_gate.errors import ModelError
from explain_gate.records import Answer, Truth
from explain_gate.tasks import SetFacts
from explain_gate.tasks.logits import both_ways, caution_of_sigmoid, of, require_logits, rows_of
from explain_gate.tasks.task import Task, of_classes

Thresholds = float | Sequence[float] | Mapping[str, float]


class Multilabel(Task):
    """Columns are the logits; of images without any label there may be a class of its own.

    That class, `facts.nothing`, has a column behind those of the labels: how far the strongest label stays below its
    threshold. The model says it where no label is above.

    Args:
        facts: of the regression set.
        threshold: probability above which a label is said: one for all, a list in the order of data.classes, or one a
            label by name, 0.5 for those not named; each in (0, 1).
    """

    name = "multilabel"

    def __init__(self, facts: SetFacts | None = None, *, threshold: Thresholds = 0.5) -> None:
        self.facts = facts or SetFacts()
        labels = {name: index for name, index in self.facts.classes.items() if index != self.facts.nothing}
        self.labels = dict(sorted(labels.items(), key=lambda pair: pair[1]))
        self.cuts = {index: log(p / (1 - p)) for index, p in _by_label(threshold, self.labels).items()}

    def columns(self, output: Any, targets: Tensor | None, *, by_target: bool) -> Tensor:  # noqa: ARG002 - protocol
        """The logits, and the column of images without a label."""
        logits = rows_of(output, by_target=by_target)
        nothing = self.facts.nothing
        if nothing is None or logits.shape[1] < nothing:  # too few logits: see check
            return logits
        # Logits of labels that the set does not know are not looked at.
        own = logits[:, :nothing]
        return torch.cat([own, -_above(self.cuts, own).amax(dim=1, keepdim=True)], dim=1)

    def explained(self, columns: Tensor, targets: Tensor) -> Tensor:
        """The logit of the label."""
        return of(columns, targets)

    def log_probabilities(self, columns: Tensor, targets: Tensor) -> Tensor:  # noqa: ARG002 - protocol
        """Of every label and its absence."""
        return both_ways(columns if self.facts.nothing is None else columns[:, : self.facts.nothing])

    def check(self, columns: Tensor, *, by_target: bool) -> None:  # noqa: ARG002 - protocol
        """One logit a label."""
        require_logits(columns, self.labels, least=1)
        if self.facts.nothing is not None and columns.shape[1] <= self.facts.nothing:
            raise ModelError(f"the model has {columns.shape[1]} logits, but data.classes needs {self.facts.nothing}")

    def cautions(self, columns: Tensor, truths: Sequence[Truth]) -> tuple[str, ...]:  # noqa: ARG002 - protocol
        """That a sigmoid was taken already."""
        known = columns[torch.isfinite(columns).all(dim=1)]
        return caution_of_sigmoid(known[:, sorted(self.labels.values())])

    def answers(self, columns: Tensor) -> list[Answer]:
        """All labels above their thresholds, the likeliest first."""
        answers = []
        for row, said in zip(columns, _said(self.cuts, columns), strict=True):
            first = max(said, key=lambda index: float(row[index]), default=self.facts.nothing)
            sure = None if first is None else float(row[first].double().sigmoid())
            answers.append(Answer(predicted=first, said=said, probability=sure))
        return answers

    def right(self, columns: Tensor, truths: Sequence[Truth]) -> Tensor:
        """Whether the sample's label is above its threshold; of an image without any, whether none is."""
        labels = of_classes(truths)
        return (~self.may_turn(columns, labels)).cpu().double()

    def false_alarms(self, columns: Tensor, truths: Sequence[Truth]) -> list[tuple[int, ...]]:
        """Labels above their threshold that the image does not show."""
        return [
            tuple(index for index in said if index not in truth.accepted)
            for said, truth in zip(_said(self.cuts, columns), truths, strict=True)
        ]

    def may_turn(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Where the label is not above its threshold."""
        return ~(self.margin(columns, labels) > 0)

    def same(self, columns: Tensor, others: Tensor) -> Tensor:
        """Whether the same labels are above their thresholds."""
        pairs = zip(_said(self.cuts, columns), _said(self.cuts, others), strict=True)
        return torch.tensor([mine == theirs for mine, theirs in pairs], device=columns.device)

    def strength(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Sigmoid of the label's logit."""
        return of(columns, labels).sigmoid()

    def support(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Log odds: the label's logit."""
        return of(columns.cpu().double(), labels)

    def margin(self, columns: Tensor, labels: Tensor) -> Tensor:
        """How far the logit is above the label's threshold."""
        cuts = torch.tensor([self.cuts.get(label, 0.0) for label in labels.tolist()], dtype=torch.float64)
        return of(columns, labels) - cuts.to(columns)

    def likeliest(self, columns: Tensor, count: int) -> Tensor:
        """The labels with the highest logits."""
        known = torch.tensor(sorted(self.labels.values()) or list(range(columns.shape[1])), device=columns.device)
        return known[columns[:, known].topk(min(count, len(known)), dim=1).indices]


def _above(cuts: Mapping[int, float], logits: Tensor) -> Tensor:
    """How far each label's logit lies above its threshold, (N, labels)."""
    return logits[:, list(cuts)] - torch.tensor(list(cuts.values())).to(logits)


def _said(cuts: Mapping[int, float], columns: Tensor) -> list[tuple[int, ...]]:
    """The labels above their thresholds, for each image."""
    rows = (_above(cuts, columns) > 0).tolist()
    return [tuple(index for index, yes in zip(cuts, row, strict=True) if yes) for row in rows]


def _by_label(threshold: Thresholds, labels: Mapping[str, int]) -> dict[int, float]:
    """The threshold of each label's index."""
    if isinstance(threshold, Mapping):
        if unknown := [name for name in threshold if name not in labels]:
            raise ValueError(f"threshold names {', '.join(unknown)}, but the labels are {', '.join(labels)}")
        by_label = {index: threshold.get(name, 0.5) for name, index in labels.items()}
    elif isinstance(threshold, int | float):
        by_label = dict.fromkeys(labels.values(), threshold)
    else:
        if len(threshold) != len(labels):
            raise ValueError(f"threshold must be one number or {len(labels)}, one a label, got {len(threshold)}")
        by_label = dict(zip(labels.values(), threshold, strict=True))
    for value in by_label.values():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
            raise ValueError(f"threshold must be a probability, in (0, 1), got {value}")
    return by_label
