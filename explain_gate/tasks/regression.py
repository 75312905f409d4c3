"""Regression: one value an image, (N, 1) or (N,). Its classes are the two sides of the set's mean: low and high."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from explain_gate.errors import NotMeasurable
from explain_gate.records import Answer, Truth
from explain_gate.tasks import SetFacts
from explain_gate.tasks.logits import at_least_float32, of, wrong_output
from explain_gate.tasks.outputs import scores_in
from explain_gate.tasks.task import Task


class Regression(Task):
    """Columns (N, 2): minus the value and the value.

    So the score of an image whose annotated value lies below the set's mean is explained downward, and of one above
    upward. A picture turns to a side when its value moves there by more than the tolerance: what moves less, the team
    calls the same. There is no probability: shifts are told in standard deviations of the set's annotated values.

    Args:
        facts: class 0 is low, 1 high; mean and deviation of the annotated values.
        tolerance: how far a value may be from the annotated one and still be right, above 0.
    """

    name = "regression"

    def __init__(self, facts: SetFacts | None = None, *, tolerance: float = 0.0) -> None:
        if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not tolerance >= 0:
            raise ValueError(f"tolerance must be a number above 0, in the unit of the values, got {tolerance}")
        self.facts = facts or SetFacts()
        self.tolerance = float(tolerance)

    def columns(self, output: Any, targets: Tensor | None, *, by_target: bool) -> Tensor:  # noqa: ARG002 - protocol
        """The value for the high side, and its negative for the low one."""
        value = output if by_target else scores_in(output)
        if isinstance(value, Tensor) and value.ndim == 2 and value.shape[1] == 1:
            value = value[:, 0]
        if not isinstance(value, Tensor) or value.ndim != 1:
            wanted = "(N, 1) or (N,), one value per image, for model.task: regression,"
            raise wrong_output(value, wanted, by_target=by_target)
        return torch.stack([-value, value], dim=1)

    def explained(self, columns: Tensor, targets: Tensor) -> Tensor:
        """The value toward the annotated side."""
        return of(columns, targets)

    def log_probabilities(self, columns: Tensor, targets: Tensor) -> Tensor:  # noqa: ARG002 - protocol
        """A value has no probability: the value in standard deviations of the set's."""
        return at_least_float32(columns)[:, 1] / self.facts.deviation

    def cautions(self, columns: Tensor, truths: Sequence[Truth]) -> tuple[str, ...]:
        """That all values lie far from all annotated ones, as with another unit."""
        known = torch.isfinite(columns).all(dim=1)
        values = columns[known][:, 1].double()
        annotated = torch.tensor([truths[row].value or 0.0 for row in known.nonzero().flatten().tolist()]).double()
        if len(values) < 2:
            return ()
        span, low, high = annotated.max() - annotated.min(), annotated.min(), annotated.max()
        if values.max() >= low - span and values.min() <= high + span:
            return ()
        told = (
            f"the model's values lie between {values.min():.4g} and {values.max():.4g}, the annotated ones between "
            f"{low:.4g} and {high:.4g}: they look like two units. Name a function as model.target that turns one into "
            "the other"
        )
        return (told,)

    def answers(self, columns: Tensor) -> list[Answer]:
        """The value."""
        values = columns[:, 1].double().tolist()
        sides = [int(value >= self.facts.mean) for value in values]
        return [
            Answer(predicted=side, said=(side,), probability=None, value=value)
            for side, value in zip(sides, values, strict=True)
        ]

    def right(self, columns: Tensor, truths: Sequence[Truth]) -> Tensor:
        """Whether the value is at most the tolerance off the annotated one."""
        if any(truth.value is None for truth in truths):
            raise NotMeasurable("no value is annotated on the image")
        annotated = torch.tensor([truth.value for truth in truths], dtype=torch.float64)
        return ((columns[:, 1].cpu().double() - annotated).abs() <= self.tolerance).double()

    def false_alarms(self, columns: Tensor, truths: Sequence[Truth]) -> list[tuple[int, ...]]:  # noqa: ARG002 - protocol
        """A value is no alarm."""
        raise NotMeasurable("a value is no alarm")

    def may_turn(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Always: a value can move."""
        return torch.ones(len(columns), dtype=torch.bool, device=columns.device) | (labels.to(columns.device) < 0)

    def turned(self, before: Tensor, after: Tensor, labels: Tensor) -> Tensor:
        """Where the value moves toward the side by more than the tolerance."""
        return of(after, labels) - of(before.to(after), labels) > self.tolerance

    def same(self, columns: Tensor, others: Tensor) -> Tensor:
        """Whether both values are at most the tolerance apart."""
        return (columns[:, 1] - others[:, 1].to(columns)).abs() <= self.tolerance

    def strength(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Standard deviations from the set's mean, toward the side."""
        side = torch.where(labels.to(columns.device) == 1, 1.0, -1.0)
        return side * (columns[:, 1] - self.facts.mean) / self.facts.deviation

    def support(self, columns: Tensor, labels: Tensor) -> Tensor:
        """As `strength`."""
        return self.strength(columns.cpu().double(), labels.cpu())

    def margin(self, columns: Tensor, labels: Tensor) -> Tensor:
        """As `strength`."""
        return self.strength(columns, labels)

    def likeliest(self, columns: Tensor, count: int) -> Tensor:
        """The side on which the value lies, then the other."""
        first = (columns[:, 1] >= self.facts.mean).long()
        return torch.stack([first, 1 - first], dim=1)[:, :count]
