"""What a task is: all that the rest of the product asks of a model's output. Nothing else knows what an output means.

The words, in the order in which a run meets them:

    truth     what is annotated on one picture for one sample: the class that is explained, all classes that the image
              shows, the value or the region that an output may be compared with (`records.Truth`)
    target    the same as numbers, int64, so that it travels with a picture through methods that repeat, cut and reorder
              pictures without looking at it. Shape (N,), the class, where that is all; (N, T) with the class first
              where a task must know more, such as where the object is
    columns   (N, C), what is kept of an output. Where a column belongs to a class it has the class's index; a task adds
              columns of its own behind them for what it needs later (overlap with the annotated mask, say). Made once
              from the output, then cached and handed to every other question: they see columns, never the output
    score     (N,), what is explained: `explained` picks it from the columns

A picture that was changed (a patch planted, the background exchanged) is asked about with the truth of the picture that
it was made from, so that "right" and "turned" speak of the same object.

Adding a task is a module with a class that answers all below, its card in `tasks/__init__`, and tests that derive each
answer by hand. Metrics, controls, follows, drift and reports then need no change; metrics that make no sense are named
in the card with what to use instead, and cards whose numbers mean something else (a range, a unit) say so there.

Truths that come with columns, after the output is gone, may lack their region: what depends on it must be in a column.

Shapes: columns (N, C) in any floating precision, on any device; labels (N,), int64, one class an image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

from torch import Tensor

from explain_gate.records import Answer, Truth


class Task(Protocol):
    """The meaning of outputs. Where an output has no answer to a question, it raises NotMeasurable.

    Tasks derive from it: what most of them answer alike stands here, with its text.
    """

    name: ClassVar[str]
    """As in `TASKS`."""

    def targets(self, truths: Sequence[Truth]) -> Tensor:
        """What outputs are compared with, (N,) or (N, T), int64, class first: the class alone."""
        return of_classes(truths)

    def columns(self, output: Any, targets: Tensor | None, *, by_target: bool) -> Tensor:
        """What is kept of an output as the model, or with `by_target` the user's target function, gave it; (N, C).

        With a graph where the output has one, so that `explained` can be differentiated. `targets` is None where
        nobody said what the pictures are to be compared with; a task that needs it raises NotMeasurable.

        Raises:
            ModelError: the output is of another kind, with what to write.
        """

    def explained(self, columns: Tensor, targets: Tensor) -> Tensor:
        """The score that is explained, (N,), with the columns' graph."""

    def log_probabilities(self, columns: Tensor, targets: Tensor) -> Tensor:
        """Summed logarithms of the probabilities of all that may be said of a picture, (N,), with the columns' graph.

        What a training holds its gradients by: see `training.losses`. In at least float32. Where there are no such
        probabilities, the explained score.
        """
        return self.explained(columns, targets)

    def check(self, columns: Tensor, *, by_target: bool) -> None:
        """Refuse columns that cannot be those of the classes of the regression set; where they always can, nothing.

        Raises:
            ModelError: they cannot, with what to write.
        """
        del columns, by_target

    def cautions(self, columns: Tensor, truths: Sequence[Truth]) -> tuple[str, ...]:
        """Sentences on what looks wrong with outputs that can be measured."""

    def answers(self, columns: Tensor) -> list[Answer]:
        """What the model says of each image, as reports tell it and as versions are compared by it."""

    def right(self, columns: Tensor, truths: Sequence[Truth]) -> Tensor:
        """1 where the model is right about the sample, else 0, (N,), float64. Their mean is the accuracy."""

    def false_alarms(self, columns: Tensor, truths: Sequence[Truth]) -> list[tuple[int, ...]]:
        """The classes that the model says of each image that the image does not show."""

    def may_turn(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Whether a picture can still turn to a class, (N,), bool: one that is taken for it already cannot."""

    def turned(self, before: Tensor, after: Tensor, labels: Tensor) -> Tensor:
        """Whether pictures turned to a class when they were changed, (N,), bool; `before` are their own columns.

        Where they could, see `may_turn`, and cannot any more.
        """
        return self.may_turn(before, labels) & ~self.may_turn(after, labels).to(before.device)

    def same(self, columns: Tensor, others: Tensor) -> Tensor:
        """Whether two outputs say the same, (N,), bool."""

    def strength(self, columns: Tensor, labels: Tensor) -> Tensor:
        """How strongly the output says a class, in the card's `unit`: a probability in [0, 1] where there is one.

        Shape (N,), in the columns' precision.
        """

    def support(self, columns: Tensor, labels: Tensor) -> Tensor:
        """What speaks for a class without a ceiling, such as its log odds, in the card's `support`; (N,), float64.

        On the CPU. What is lost when something is hidden is a difference of these.
        """

    def margin(self, columns: Tensor, labels: Tensor) -> Tensor:
        """How far the output is from saying something else than a class, (N,): above 0 where it says the class."""

    def likeliest(self, columns: Tensor, count: int) -> Tensor:
        """The classes that the output says most strongly, (N, K), int64, falling; K is `count`, or all there are."""


def aimed(task: Task, targets: Tensor, columns: Tensor) -> Tensor:
    """Targets to explain pictures by, given the columns of the pictures as they are: what a task follows is in them."""
    follow: Callable[[Tensor, Tensor], Tensor] | None = getattr(task, "followed", None)
    return targets if follow is None else follow(targets, columns.to(targets.device))


def of_classes(truths: Sequence[Truth]) -> Tensor:
    """Targets (N,) of tasks that need to know no more than the class."""
    import torch

    return torch.tensor([truth.label for truth in truths], dtype=torch.int64)
