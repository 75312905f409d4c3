"""Binary: one logit, (N, 1) or (N,). Above 0 it speaks for the second class; the sigmoid is its probability."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Any

import torch
from torch import Tensor

from explain_gate.errors import ModelError
from explain_gate.records import Answer, Truth
from explain_gate.tasks import SetFacts
from explain_gate.tasks.logits import both_ways, caution_of_sigmoid, of, permuted, wrong_output
from explain_gate.tasks.outputs import scores_in
from explain_gate.tasks.task import Task


class Binary(Task):
    """Columns (N, 2): minus the logit and the logit, so that each class has its own score.

    Args:
        facts: the positive class has index 1.
        threshold: probability above which the model says the positive class, in (0, 1).
    """

    name = "binary"

    def __init__(self, facts: SetFacts | None = None, *, threshold: float = 0.5) -> None:
        if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 < threshold < 1:
            raise ValueError(f"threshold must be a probability, in (0, 1), got {threshold}")
        self.facts = facts or SetFacts()
        self.cut = log(threshold / (1 - threshold))

    def columns(self, output: Any, targets: Tensor | None, *, by_target: bool) -> Tensor:  # noqa: ARG002 - protocol
        """The logit for the positive class, and its negative for the other."""
        logit = output if by_target else scores_in(output)
        if isinstance(logit, Tensor) and logit.ndim == 2 and logit.shape[1] == 1:
            logit = logit[:, 0]
        if isinstance(logit, Tensor) and logit.ndim == 2 and logit.shape[1] == 2:
            raise ModelError(
                "the model has two logits, which is one of two classes: write model.task: classification. (For one "
                "logit of two, name a function as model.target that returns output[:, 1] - output[:, 0])"
            )
        if not isinstance(logit, Tensor) or logit.ndim != 1:
            raise wrong_output(
                logit, "(N, 1) or (N,), one logit per image, for model.task: binary,", by_target=by_target
            )
        return torch.stack([-logit, logit], dim=1)

    def explained(self, columns: Tensor, targets: Tensor) -> Tensor:
        """The logit for the positive class, minus the logit for the other."""
        return of(columns, targets)

    def log_probabilities(self, columns: Tensor, targets: Tensor) -> Tensor:  # noqa: ARG002 - protocol
        """Of both classes."""
        return both_ways(columns[:, 1:])

    def cautions(self, columns: Tensor, truths: Sequence[Truth]) -> tuple[str, ...]:
        """That a sigmoid was taken already, and that the two classes seem to be exchanged."""
        known = torch.isfinite(columns).all(dim=1)
        rows = known.nonzero().flatten().tolist()
        said = self._positive(columns[known]).long().tolist()
        return (
            *caution_of_sigmoid(columns[known][:, 1]),
            *permuted([truths[row].label for row in rows], said, self.facts.classes),
        )

    def answers(self, columns: Tensor) -> list[Answer]:
        """The class on whose side of the threshold the logit lies, with its sigmoid."""
        said = self._positive(columns).long()
        sure = self.strength(columns, said).tolist()
        return [Answer(predicted=one, said=(one,), probability=p) for one, p in zip(said.tolist(), sure, strict=True)]

    def right(self, columns: Tensor, truths: Sequence[Truth]) -> Tensor:
        """Whether the logit lies on the annotated side of the threshold."""
        said = self._positive(columns).long().tolist()
        return torch.tensor(
            [float(label in truth.accepted) for label, truth in zip(said, truths, strict=True)], dtype=torch.float64
        )

    def false_alarms(self, columns: Tensor, truths: Sequence[Truth]) -> list[tuple[int, ...]]:
        """The positive class on a picture that does not show it."""
        said = self._positive(columns).tolist()
        return [(1,) if yes and 1 not in truth.accepted else () for yes, truth in zip(said, truths, strict=True)]

    def may_turn(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Where the logit lies on the other side."""
        return self._positive(columns).long() != labels.to(columns.device)

    def same(self, columns: Tensor, others: Tensor) -> Tensor:
        """Whether both logits lie on one side."""
        return self._positive(columns) == self._positive(others).to(columns.device)

    def strength(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Sigmoid of the class's column."""
        return of(columns, labels).sigmoid()

    def support(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Log odds: the class's column."""
        return of(columns.cpu().double(), labels)

    def margin(self, columns: Tensor, labels: Tensor) -> Tensor:
        """How far the logit is beyond the threshold, toward the class."""
        side = torch.where(labels.to(columns.device) == 1, 1.0, -1.0)
        return side * (columns[:, 1] - self.cut)

    def likeliest(self, columns: Tensor, count: int) -> Tensor:
        """The class that is said, then the other."""
        first = self._positive(columns).long()
        return torch.stack([first, 1 - first], dim=1)[:, :count]

    def _positive(self, columns: Tensor) -> Tensor:
        return columns[:, 1] > self.cut
