"""Classification: one of several classes. Logits (N, K); the highest is the prediction, softmax the probability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from explain_gate.errors import ModelError, NotMeasurable
from explain_gate.records import Answer, Truth
from explain_gate.tasks import SetFacts
from explain_gate.tasks.logits import at_least_float32, of, permuted, require_logits, rows_of
from explain_gate.tasks.task import Task

_SUM = 1e-3

SOFTMAX = (
    "The model's outputs are probabilities (a softmax), not logits: where one is near 1 its gradient is near 0, so "
    "maps of gradient methods and of CAM fade or turn to noise on exactly the images that the model is sure of, they "
    "also explain what speaks against the other classes, and margins are compressed. Let forward return what goes into "
    "the softmax, or name a function as model.target that takes the logarithm: return output.clamp_min(1e-30).log()"
)


class Classification(Task):
    """A target function may give one score per image: it is explained, and nothing else."""

    name = "classification"

    def __init__(self, facts: SetFacts | None = None) -> None:
        self.facts = facts or SetFacts()

    def columns(self, output: Any, targets: Tensor | None, *, by_target: bool) -> Tensor:  # noqa: ARG002 - protocol
        """Logits as they come; of a target function also one score per image."""
        return rows_of(output, by_target=by_target)

    def explained(self, columns: Tensor, targets: Tensor) -> Tensor:
        """The logit of the class."""
        return of(columns, targets)

    def log_probabilities(self, columns: Tensor, targets: Tensor) -> Tensor:  # noqa: ARG002 - protocol
        """Of every class; of one score per image there are none."""
        _require_classes(columns, "there are no probabilities")
        return at_least_float32(columns).log_softmax(dim=1).sum(dim=1)

    def check(self, columns: Tensor, *, by_target: bool) -> None:
        """One logit a class, or one score per image that a target function made."""
        if columns.shape[1] == 1 and not by_target:
            raise ModelError(
                "the model has one logit, and a score per class is needed, (N, classes). For a model of two classes "
                "write model.task: binary; or name a function as model.target that makes two scores of it"
            )
        require_logits(columns, self.facts.classes, least=2)

    def cautions(self, columns: Tensor, truths: Sequence[Truth]) -> tuple[str, ...]:
        """That a softmax was taken already, and that the classes seem to be in another order."""
        known = torch.isfinite(columns).all(dim=1)
        rows, sums = columns[known], columns[known].sum(dim=1)
        shares = bool(((rows >= 0) & (rows <= 1)).all()) and bool(((sums - 1).abs() < _SUM).all())
        told = (SOFTMAX,) if len(rows) and rows.shape[1] > 1 and shares else ()
        if rows.shape[1] < 2:
            return told
        single = [row for row in known.nonzero().flatten().tolist() if len(truths[row].accepted) == 1]
        said = columns[single].argmax(dim=1).tolist()
        return told + permuted([truths[row].label for row in single], said, self.facts.classes)

    def answers(self, columns: Tensor) -> list[Answer]:
        """The highest logit with its softmax; nothing of one score per image."""
        if columns.shape[1] < 2:
            return [Answer(predicted=None, said=(), probability=None) for _ in columns]
        first, sure = columns.argmax(dim=1).tolist(), columns.softmax(dim=1).amax(dim=1).tolist()
        return [Answer(predicted=one, said=(one,), probability=p) for one, p in zip(first, sure, strict=True)]

    def right(self, columns: Tensor, truths: Sequence[Truth]) -> Tensor:
        """Whether the highest logit is that of an annotated class."""
        said = _highest(columns, "there is no prediction").tolist()
        return torch.tensor(
            [float(label in truth.accepted) for label, truth in zip(said, truths, strict=True)], dtype=torch.float64
        )

    def false_alarms(self, columns: Tensor, truths: Sequence[Truth]) -> list[tuple[int, ...]]:
        """A wrong prediction."""
        said = _highest(columns, "there is no prediction").tolist()
        return [() if label in truth.accepted else (label,) for label, truth in zip(said, truths, strict=True)]

    def may_turn(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Where another class has the highest logit."""
        highest = _highest(columns, "there are no classes to turn to")
        return highest != labels.to(highest.device)

    def same(self, columns: Tensor, others: Tensor) -> Tensor:
        """Whether the same logit is highest; of one score per image nothing else is said."""
        return columns.argmax(dim=1) == others.argmax(dim=1)

    def strength(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Softmax."""
        _require_classes(columns, "there is no probability")
        return of(columns.softmax(dim=1), labels)

    def support(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Log odds: the logit of the class minus the logarithm of the summed exponentials of the others."""
        _require_classes(columns, "there are no odds")
        exact = columns.cpu().double()
        return of(exact, labels) - _without(exact, labels).logsumexp(dim=1)

    def margin(self, columns: Tensor, labels: Tensor) -> Tensor:
        """Logit of the class minus the largest other."""
        _require_classes(columns, "there is no margin")
        return of(columns, labels) - _without(columns, labels).amax(dim=1)

    def likeliest(self, columns: Tensor, count: int) -> Tensor:
        """The highest logits."""
        _require_classes(columns, "there are no classes to tell apart")
        return columns.topk(min(count, columns.shape[1]), dim=1).indices


def _highest(columns: Tensor, so: str) -> Tensor:
    _require_classes(columns, so)
    return columns.argmax(dim=1)


def _require_classes(scores: Tensor, so: str) -> None:
    if scores.shape[1] < 2:
        raise NotMeasurable(f"the model gives one score per image, so {so}")


def _without(scores: Tensor, labels: Tensor) -> Tensor:
    """Scores with the column of each image's class at minus infinity."""
    return scores.scatter(1, labels.to(scores.device)[:, None], -torch.inf)
