"""What a task is: all that the rest of the product asks of a model's scores.

Shapes: scores (N, K), one column a class, in any floating precision; labels (N,), int64, one class an image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor


class Task(Protocol):
    """The meaning of scores. Where they have none for a question, it raises NotMeasurable."""

    @property
    def name(self) -> str:
        """As in `TASKS`."""

    def scores(self, output: Tensor) -> Tensor:
        """What the model gives, (N, ...), as scores (N, K), with a graph where it has one.

        The column of the annotated class is what is explained.
        """

    def check(self, scores: Tensor, classes: Mapping[str, int], *, by_target: bool) -> None:
        """Refuse scores that cannot be those of these classes; `by_target`: a user's function made them.

        Raises:
            ModelError: they cannot, with what to write.
        """

    def cautions(self, scores: Tensor) -> tuple[str, ...]:
        """Sentences on what looks wrong with scores that can be measured."""

    def predicted(self, scores: Tensor) -> Tensor:
        """The class that the model says first, (N,), int64."""

    def said(self, scores: Tensor) -> list[tuple[int, ...]]:
        """All classes that the model says are there, of each image."""

    def says(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Whether the model says that this class is there, (N,), bool; scores "turn to" a class that they now say."""

    def right(self, scores: Tensor, accepted: Sequence[Sequence[int]]) -> Tensor:
        """1 where the model is right about an image on which the classes `accepted` are annotated, (N,), float64."""

    def confidence(self, scores: Tensor) -> Tensor:
        """Probability of what is predicted, (N,), in the scores' precision."""

    def probability(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Probability of one class, (N,), in the scores' precision."""

    def log_odds(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Logarithm of the class's odds against all others, (N,), float64: it has no ceiling."""

    def margin(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Score of one class above the strongest other, (N,): above 0 where it is predicted."""

    def likeliest(self, scores: Tensor, count: int) -> Tensor:
        """The most probable classes, (N, C), int64, in falling order; C is `count`, or all there are."""
