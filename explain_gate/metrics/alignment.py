"""Alignment: does the map lie on the annotated region? Every metric is invariant to the scale of the map."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it


def iou(relevance: Tensor, region: Tensor, *, binarize: str = "half", fraction: float = 0.5) -> Tensor:
    """Intersection over union of the binarized map and the region (Rajpurkar 2017, Saporta 2022).

    Args:
        relevance: (N, H, W), not negative, not flat.
        region: (N, H, W), bool, not empty.
        binarize: "half" cuts at `fraction` of the map's maximum; "otsu" at the threshold that separates the map's
            values best (Otsu 1979); "area" keeps as many pixels as the region has.
        fraction: of the maximum, in (0, 1]; used by "half" only.

    Returns:
        (N,), in [0, 1], higher is better. Chance depends on the region's area.
    """
    flat = relevance.flatten(1)
    if binarize == "half":
        if not 0 < fraction <= 1:
            raise ValueError(f"fraction must lie in (0, 1], got {fraction}")
        cut = flat.amax(dim=1, keepdim=True) * fraction
        inside = flat >= cut
    elif binarize == "otsu":
        inside = flat > _otsu(flat)
    elif binarize == "area":
        inside = _largest(flat, region.flatten(1).sum(dim=1))
    else:
        raise ValueError(f"binarize must be half, otsu or area, got {binarize}")
    target = region.flatten(1)
    union = (inside | target).sum(dim=1).double()
    return (inside & target).sum(dim=1).double() / union


def pointing_game(relevance: Tensor, region: Tensor, *, tolerance: int = 0) -> Tensor:
    """Share of the maximum's pixels that lie inside the region (Zhang 2018).

    Maps often have several equal maxima; counting one of them as a hit would reward flat maps, so the share counts.

    Args:
        relevance: (N, H, W), not negative.
        region: (N, H, W), bool.
        tolerance: pixels by which the region is widened in every direction; 0 changes nothing (the paper used 15 at
            full image size).

    Returns:
        (N,), in [0, 1], higher is better.
    """
    if tolerance < 0:
        raise ValueError(f"tolerance must not be negative, got {tolerance}")
    target = region
    if tolerance:
        wide = F.max_pool2d(region[:, None].float(), 2 * tolerance + 1, stride=1, padding=tolerance)
        target = wide[:, 0] > 0
    flat = relevance.flatten(1)
    peak = flat == flat.amax(dim=1, keepdim=True)
    return (peak & target.flatten(1)).sum(dim=1).double() / peak.sum(dim=1).double()


def relevance_mass(relevance: Tensor, region: Tensor) -> Tensor:
    """Share of the positive relevance that lies inside the region (Arras 2021).

    Shapes: relevance (N, H, W), not negative, not all zero; region (N, H, W), bool. Returns (N,), in [0, 1], higher
    is better; the region's share of the frame is chance.
    """
    flat = relevance.flatten(1).double()
    return (flat * region.flatten(1)).sum(dim=1) / flat.sum(dim=1)


def lift(relevance: Tensor, region: Tensor) -> Tensor:
    """Relevance mass over the region's share of the frame.

    Shapes as `relevance_mass`. Returns (N,), not negative, higher is better; 1 is chance.
    """
    return relevance_mass(relevance, region) / region.flatten(1).double().mean(dim=1)


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
