"""What tasks whose columns are logits have in common: taking them from an output, checking and picking them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn.functional import logsigmoid

from explain_gate.errors import ModelError
from explain_gate.tasks.outputs import described, scores_in

_FEW = 8
"""Images below which a permutation of classes could be chance."""
_NEARLY_RIGHT = 0.9
_OF_CHANCE = 1.5
"""How many times chance an accuracy may be and still be near it."""


def rows_of(output: Any, *, by_target: bool) -> Tensor:
    """The logits (N, K) of an output as it comes; (N,) becomes (N, 1) where the user's target function says so.

    Raises:
        ModelError: there are none.
    """
    scores = output if by_target else scores_in(output)
    if isinstance(scores, Tensor) and by_target and scores.ndim == 1:
        scores = scores[:, None]
    if not isinstance(scores, Tensor) or scores.ndim != 2:
        raise wrong_output(scores, "(N, classes)", by_target=by_target)
    return scores


def wrong_output(output: Any, wanted: str, *, by_target: bool) -> ModelError:
    """That an output is not of the wanted shape, and what to write."""
    who = "the target function" if by_target else "the module"
    return ModelError(
        f"{who} must return scores of shape {wanted}, got {described(output)}. "
        "For detectors, segmenters and models with several outputs write model.target: "
        "package.module:function, a function that turns the output into one score per image, shape (N,)"
    )


def of(values: Tensor, labels: Tensor) -> Tensor:
    """The column of each image's class, (N,). Shapes: values (N, K), labels (N,).

    Raises:
        ModelError: a class has no column.
    """
    labels = labels.to(values.device)
    if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < values.shape[1]:
        raise ModelError(
            f"targets must be in 0..{values.shape[1] - 1}, the module's outputs, "
            f"got {int(labels.min())}..{int(labels.max())}"
        )
    return values.gather(1, labels[:, None])[:, 0]


def both_ways(logits: Tensor) -> Tensor:
    """Summed log probabilities of every label and of its absence, (N,). Shape: logits (N, K), a sigmoid each."""
    exact = at_least_float32(logits)
    return (logsigmoid(exact) + logsigmoid(-exact)).sum(dim=1)


def at_least_float32(values: Tensor) -> Tensor:
    """Values of half precision in float32, others as they are; with their graph."""
    return values.float() if values.dtype in {torch.float16, torch.bfloat16} else values


def require_logits(columns: Tensor, classes: Mapping[str, int], *, least: int) -> None:
    """At least one logit for every class, where there are `least` at all.

    Raises:
        ModelError: there are fewer, with the classes that would have none.
    """
    highest = max(classes.values(), default=0)
    if least <= columns.shape[1] <= highest:
        lacking = ", ".join(name for name, index in classes.items() if index >= columns.shape[1])
        raise ModelError(
            f"the model has {columns.shape[1]} logits, but data.classes needs {highest + 1}: {lacking} would have none"
        )


SIGMOID = (
    "The model's outputs are probabilities (a sigmoid), not logits: where one is near 0 or 1 its gradient is near 0, "
    "so maps of gradient methods and of CAM fade on exactly the images that the model is sure of, and every output "
    "counts as above a threshold of 0.5. Let forward return what goes into the sigmoid, or name a function as "
    "model.target that takes it back: return torch.logit(output, 1e-12)"
)


def caution_of_sigmoid(logits: Tensor) -> tuple[str, ...]:
    """That a sigmoid was taken already; logits (N,) or (N, K), all of them finite."""
    return (SIGMOID,) if logits.numel() > 1 and bool(((logits >= 0) & (logits <= 1)).all()) else ()


def permuted(labels: Sequence[int], said: Sequence[int], classes: Mapping[str, int]) -> tuple[str, ...]:
    """That nearly every answer would be right if the classes were in another order, and which.

    Args:
        labels: the annotated class of each image.
        said: the class that the model says.
        classes: index by name.
    """
    names = {index: name for name, index in classes.items()}
    order = sorted(names)
    if len(labels) < _FEW or len(order) < 2:
        return ()
    place = {index: position for position, index in enumerate(order)}
    counts = np.zeros((len(order), len(order)), dtype=np.int64)
    for label, answer in zip(labels, said, strict=True):
        if label in place and answer in place:
            counts[place[label], place[answer]] += 1
    accuracy, largest = counts.trace() / len(labels), counts.sum(axis=1).max() / len(labels)
    rows, columns = linear_sum_assignment(-counts)
    best = counts[rows, columns].sum() / len(labels)
    if accuracy > min(_OF_CHANCE * max(largest, 1 / len(order)), 0.6) or best < _NEARLY_RIGHT or best <= largest:
        return ()
    moved = [(order[row], order[column]) for row, column in zip(rows, columns, strict=True) if row != column]
    told = ", ".join(f"{names[label]} is predicted as {names[answer]}" for label, answer in moved)
    by_index = dict(zip((order[column] for column in columns), (names[order[row]] for row in rows), strict=True))
    fitting = ", ".join(by_index[index] for index in order)
    told = (
        f"your classes look permuted: {accuracy:.0%} of the predictions are right, and {best:.0%} would be if "
        f"data.classes were [{fitting}] ({told})"
    )
    return (told,)
