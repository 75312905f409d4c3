"""Classification: one of several classes. Logits (N, K); the highest is the prediction, softmax the probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from explain_gate.errors import ModelError, NotMeasurable

_SUM = 1e-3

SOFTMAX = (
    "The model's outputs are probabilities (a softmax), not logits: where one is near 1 its gradient is near 0, so "
    "maps of gradient methods and of CAM fade or turn to noise on exactly the images that the model is sure of, they "
    "also explain what speaks against the other classes, and margins are compressed. Let forward return what goes into "
    "the softmax, or name a function as model.target that takes the logarithm: return output.clamp_min(1e-30).log()"
)


class Classification:
    """Implements `task.Task`. A target function may give one score per image: it is explained, and nothing else."""

    name = "classification"

    def scores(self, output: Tensor) -> Tensor:
        """Logits as they come."""
        return output

    def check(self, scores: Tensor, classes: Mapping[str, int], *, by_target: bool) -> None:
        """One logit a class, or one score per image that a target function made."""
        if scores.shape[1] == 1 and not by_target:
            raise ModelError(
                "the model has one logit, and a score per class is needed, (N, classes). For a model of two classes "
                "name a function as model.target, package.module:function, that makes two scores of it: "
                "return torch.cat([torch.zeros_like(output), output], dim=1)"
            )
        highest = max(classes.values())
        if 1 < scores.shape[1] <= highest:
            raise ModelError(
                f"the model has {scores.shape[1]} logits, but data.classes needs {highest + 1}: "
                f"{', '.join(name for name, index in classes.items() if index >= scores.shape[1])} would have none"
            )

    def cautions(self, scores: Tensor) -> tuple[str, ...]:
        """That a softmax was taken already."""
        known = scores[torch.isfinite(scores).all(dim=1)]
        sums = known.sum(dim=1)
        shares = bool(((known >= 0) & (known <= 1)).all()) and bool(((sums - 1).abs() < _SUM).all())
        return (SOFTMAX,) if len(known) and known.shape[1] > 1 and shares else ()

    def predicted(self, scores: Tensor) -> Tensor:
        """The highest logit."""
        return scores.argmax(dim=1)

    def said(self, scores: Tensor) -> list[tuple[int, ...]]:
        """The highest logit alone."""
        _require_classes(scores, "there are no classes to turn to")
        return [(label,) for label in self.predicted(scores).tolist()]

    def says(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Whether the class has the highest logit."""
        _require_classes(scores, "there are no classes to turn to")
        return self.predicted(scores) == labels.to(scores.device)

    def right(self, scores: Tensor, accepted: Sequence[Sequence[int]]) -> Tensor:
        """Whether the highest logit is that of an annotated class."""
        _require_classes(scores, "there is no prediction")
        return torch.tensor(
            [float(label in classes) for label, classes in zip(self.predicted(scores).tolist(), accepted, strict=True)],
            dtype=torch.float64,
        )

    def confidence(self, scores: Tensor) -> Tensor:
        """Largest softmax."""
        return scores.softmax(dim=1).amax(dim=1)

    def probability(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Softmax."""
        _require_classes(scores, "there is no probability")
        return _of(scores.softmax(dim=1), labels)

    def log_odds(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Logit of the class minus the logarithm of the summed exponentials of the others; on the CPU."""
        _require_classes(scores, "there are no odds")
        exact = scores.cpu().double()
        return _of(exact, labels) - _without(exact, labels).logsumexp(dim=1)

    def margin(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Logit of the class minus the largest other."""
        _require_classes(scores, "there is no margin")
        return _of(scores, labels) - _without(scores, labels).amax(dim=1)

    def likeliest(self, scores: Tensor, count: int) -> Tensor:
        """The highest logits."""
        _require_classes(scores, "there are no classes to tell apart")
        return scores.topk(min(count, scores.shape[1]), dim=1).indices


def _require_classes(scores: Tensor, so: str) -> None:
    if scores.shape[1] < 2:
        raise NotMeasurable(f"the model gives one score per image, so {so}")


def _of(values: Tensor, labels: Tensor) -> Tensor:
    """The column of each image's class, (N,)."""
    return values.gather(1, labels.to(values.device)[:, None])[:, 0]


def _without(scores: Tensor, labels: Tensor) -> Tensor:
    """Scores with the column of each image's class at minus infinity."""
    return scores.scatter(1, labels.to(scores.device)[:, None], -torch.inf)
