"""Rank correlation between maps, ties included, batched on the device."""

from __future__ import annotations

import numpy as np
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
    order = _ascending(values)
    ordered = values.gather(1, order)
    last = values.shape[1] - 1
    place = torch.arange(values.shape[1], dtype=torch.int32, device=values.device).expand_as(values)
    changes = ordered[:, 1:] != ordered[:, :-1]
    # Of every run of equal values the first place and the last; their middle is the mean rank.
    first = torch.zeros_like(place).contiguous()
    first[:, 1:] = torch.where(changes, place[:, 1:], 0)
    final = torch.full_like(first, last)
    final[:, :-1] = torch.where(changes, place[:, :-1], last)
    final = final.flip(1).cummin(dim=1).values.flip(1)
    shared = (first.cummax(dim=1).values + final).double() / 2
    return torch.empty_like(shared).scatter_(1, order, shared)


def _ascending(values: Tensor) -> Tensor:
    """Order of each row, (N, M) int64; on a CPU numpy sorts several times as fast as torch."""
    if values.device.type != "cpu" or values.dtype not in (torch.float32, torch.float64):
        return values.argsort(dim=1)
    return torch.from_numpy(np.argsort(values.detach().numpy(), axis=1))
