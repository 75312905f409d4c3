"""Performance: is the model right at all, and what does explaining it cost?"""

from __future__ import annotations

import torch
from torch import Tensor

from explain_gate.metrics.batch import Batch


def accuracy(batch: Batch) -> Tensor:
    """1 where the model is right by its task, such as that it predicts a class annotated on the image, else 0.

    Returns (N,), higher is better.
    """
    return batch.task.right(batch.logits, batch.truths)


def balanced_accuracy(batch: Batch) -> Tensor:
    """`accuracy` with every image weighing (all images) / (classes x images of its class) (Brodersen 2010).

    The mean over all images is the mean over classes of their accuracies; the mean over one class alone is not, so
    this metric is not meant for `per_class`, where `accuracy` says the same.

    Returns:
        (N,), 0 or the image's weight, higher is better.
    """
    return batch.task.right(batch.logits, batch.truths) * batch.weights


def false_alarms(batch: Batch) -> Tensor:
    """1 where the model says a class that the image does not show, else 0; what counts as said is the task's.

    Returns (N,), lower is better.
    """
    alarms = batch.task.false_alarms(batch.logits, batch.truths)
    return torch.tensor([float(bool(alarm)) for alarm in alarms], dtype=torch.float64)


def latency_ratio(batch: Batch) -> Tensor:
    """Time of one map over the time of one forward pass, measured side by side.

    Returns:
        (N,), positive, lower is better, the same for all images that are measured together; not reproducible to the
        digit, as clocks are not.
    """
    explain, forward = batch.seconds()
    return torch.full((len(batch.labels),), explain / max(forward, 1e-9), dtype=torch.float64)
