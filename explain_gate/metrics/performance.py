"""Performance: is the model right at all, and what does explaining it cost?"""

from __future__ import annotations

import torch
from torch import Tensor

from explain_gate.errors import NotMeasurable
from explain_gate.metrics.batch import Batch


def accuracy(batch: Batch) -> Tensor:
    """1 where the prediction is a class annotated on the image, else 0.

    Returns (N,), higher is better.
    """
    return right(batch.logits, batch)


def balanced_accuracy(batch: Batch) -> Tensor:
    """`accuracy` with every image weighing (all images) / (classes x images of its class) (Brodersen 2010).

    The mean over all images is the mean over classes of their accuracies; the mean over one class alone is not, so
    this metric is not meant for `per_class`, where `accuracy` says the same.

    Returns:
        (N,), 0 or the image's weight, higher is better.
    """
    return right(batch.logits, batch) * batch.weights


def latency_ratio(batch: Batch) -> Tensor:
    """Time of one map over the time of one forward pass, measured side by side.

    Returns:
        (N,), positive, lower is better, the same for all images that are measured together; not reproducible to the
        digit, as clocks are not.
    """
    explain, forward = batch.seconds()
    return torch.full((len(batch.labels),), explain / max(forward, 1e-9), dtype=torch.float64)


def right(logits: Tensor, batch: Batch) -> Tensor:
    """(N,), 1 where the largest of the logits (N, K) is a class annotated on the image."""
    if logits.shape[1] == 1:
        raise NotMeasurable("the model's target function gives one score per image, so there is no prediction")
    predicted = logits.argmax(dim=1).tolist()
    return torch.tensor(
        [float(label in accepted) for label, accepted in zip(predicted, batch.accepted, strict=True)],
        dtype=torch.float64,
    )
