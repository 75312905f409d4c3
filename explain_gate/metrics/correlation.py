"""Rank correlation between maps, ties included, batched on the device."""

from __future__ import annotations

import torch
from torch import Tensor


def spearman(first: Tensor, second: Tensor) -> Tensor:
    """Spearman's rank correlation of each pair of maps, ties at their mean rank (Spearman 1904).

    A constant map ranks nothing, so its correlation with any map is 0.

    Shapes: first, second (N, H, W) or (N, M). Returns (N,), float64, in [-1, 1].
    """
    return pearson(ranks(first.flatten(1)), ranks(second.flatten(1)))


def pearson(first: Tensor, second: Tensor) -> Tensor:
    """Pearson's correlation of each pair of rows; 0 where one of them is constant.

    Shapes: (N, M). Returns (N,), float64.
    """
    a = first.double() - first.double().mean(dim=1, keepdim=True)
    b = second.double() - second.double().mean(dim=1, keepdim=True)
    scale = (a.square().sum(dim=1) * b.square().sum(dim=1)).sqrt()
    return torch.where(scale > 0, (a * b).sum(dim=1) / scale.clamp_min(1e-300), 0.0).clamp(-1.0, 1.0)


def ranks(values: Tensor) -> Tensor:
    """Rank of every value within its row, from 0; equal values share their mean rank.

    Shapes: (N, M). Returns (N, M), float64.
    """
    ordered, order = values.sort(dim=1)
    starts = torch.ones_like(ordered, dtype=torch.bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    group = starts.long().cumsum(dim=1) - 1
    place = torch.arange(values.shape[1], device=values.device).expand_as(group)
    sums = torch.zeros_like(values, dtype=torch.float64).scatter_add_(1, group, place.double())
    counts = torch.zeros_like(sums).scatter_add_(1, group, torch.ones_like(sums))
    shared = (sums / counts.clamp_min(1)).gather(1, group)
    return torch.empty_like(shared).scatter_(1, order, shared)
