"""Discrimination: does the map belong to its class, or to the picture?"""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor

from explain_gate.metrics.batch import Batch
from explain_gate.metrics.correlation import spearman


def class_correlation(batch: Batch, *, classes: int = 3) -> Tensor:
    """Mean Spearman between the maps of the most probable classes of an image.

    A map that looks alike whatever is asked is an edge detector. Maps are compared over the whole frame and signed
    where the method is; a class whose map is flat has correlation 0 with the others.

    Args:
        batch: is asked for one map per class.
        classes: how many of the most probable classes, at least 2; fewer where the model has fewer.

    Returns:
        (N,), in [-1, 1], lower is better.
    """
    if classes < 2:
        raise ValueError(f"classes must be at least 2, got {classes}")
    wanted = batch.task.likeliest(batch.logits, classes)
    maps = [batch.explain(batch.pixels, wanted[:, place]) for place in range(wanted.shape[1])]
    return torch.stack([spearman(a, b) for a, b in combinations(maps, 2)]).mean(dim=0)
