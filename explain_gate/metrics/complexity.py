"""Complexity: is the explanation short enough to be read? Invariant to the scale of the map."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def gini(maps: Tensor) -> Tensor:
    """Gini coefficient of the map's magnitudes (Chalasani 2020, definition 1).

    Shapes: maps (N, H, W), not all zero. Returns (N,), in [0, 1), higher is better: 0 where every pixel has the same
    relevance, 1 - 1/M where one of M pixels has it all.
    """
    values = maps.flatten(1).double().abs().sort(dim=1).values
    count = values.shape[1]
    rank = torch.arange(1, count + 1, dtype=torch.float64, device=values.device)
    weighted = (values * (2 * rank - count - 1)).sum(dim=1)
    return (weighted / (count * values.sum(dim=1))).clamp(0, 1)


def entropy(maps: Tensor) -> Tensor:
    """Shannon entropy of the map's magnitudes as shares, over the logarithm of their number (Bhatt 2020).

    The division makes maps of different sizes comparable; peers leave it out.

    Shapes: maps (N, H, W), not all zero. Returns (N,), in [0, 1], lower is better: 0 for a single pixel, 1 for a
    uniform map.
    """
    values = maps.flatten(1).double().abs()
    shares = values / values.sum(dim=1, keepdim=True)
    return (-torch.xlogy(shares, shares).sum(dim=1) / math.log(values.shape[1])).clamp(0, 1)
