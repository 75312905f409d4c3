"""Performance: is the model right at all?"""

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


def right(logits: Tensor, batch: Batch) -> Tensor:
    """(N,), 1 where the largest of the logits (N, K) is a class annotated on the image."""
    if logits.shape[1] == 1:
        raise NotMeasurable("the model's target function gives one score per image, so there is no prediction")
    predicted = logits.argmax(dim=1).tolist()
    return torch.tensor(
        [float(label in accepted) for label, accepted in zip(predicted, batch.accepted, strict=True)],
        dtype=torch.float64,
    )
