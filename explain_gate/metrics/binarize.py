"""From a map to the pixels that it points at: by a fraction of its maximum, by Otsu, or the largest values."""

from __future__ import annotations

import torch
from torch import Tensor


def binarized(flat: Tensor, target: Tensor, binarize: str, fraction: float) -> Tensor:
    """The map as a region, (N, M) bool."""
    if binarize == "half":
        if not 0 < fraction <= 1:
            raise ValueError(f"fraction must lie in (0, 1], got {fraction}")
        return flat >= flat.amax(dim=1, keepdim=True) * fraction
    if binarize == "otsu":
        return flat > _otsu(flat)
    if binarize == "area":
        return _largest(flat, target.sum(dim=1))
    raise ValueError(f"binarize must be half, otsu or area, got {binarize}")


def _otsu(flat: Tensor, bins: int = 256) -> Tensor:
    """Threshold per row that maximises the variance between the two sides, (N, 1)."""
    top = flat.amax(dim=1, keepdim=True)
    place = (flat / top * (bins - 1)).round().long().clamp(0, bins - 1)
    counts = torch.zeros(flat.shape[0], bins, dtype=torch.float64, device=flat.device)
    counts.scatter_add_(1, place, torch.ones_like(flat, dtype=torch.float64))
    levels = torch.arange(bins, dtype=torch.float64, device=flat.device)
    below, mass = counts.cumsum(1), (counts * levels).cumsum(1)
    total, total_mass = below[:, -1:], mass[:, -1:]
    above = total - below
    means = mass / below.clamp_min(1) - (total_mass - mass) / above.clamp_min(1)
    between = torch.where((below > 0) & (above > 0), below * above * means.square(), -1.0)
    best = between.argmax(dim=1, keepdim=True)
    return ((best.double() + 0.5) / (bins - 1) * top.double()).to(flat.dtype)


def _largest(flat: Tensor, counts: Tensor) -> Tensor:
    """The `counts` largest values of each row, (N, M) bool; ties are broken by position."""
    order = flat.argsort(dim=1, descending=True, stable=True)
    chosen = torch.arange(flat.shape[1], device=flat.device).expand_as(flat) < counts[:, None]
    return torch.zeros_like(chosen).scatter_(1, order, chosen)
