"""Filling what was removed from its surroundings, so that neither the object nor a telling hole remains."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

_SMALLEST = 4
_SWEEPS = 8
_NOISE = 0.01
"""Of the image's standard deviation: enough to hide how smooth an imputed pixel is (Rong 2022)."""


def inpaint(pixels: Tensor, hole: Tensor) -> Tensor:
    """Fill holes smoothly from their borders: push-pull pyramid (Gortler 1996), then relaxation to a harmonic fill.

    Deterministic. Everything outside the hole stays as it is, to the bit.

    Shapes: pixels (N, C, H, W); hole (N, H, W), bool, True where the object was. Returns (N, C, H, W). An image that
    is all hole becomes its own mean.
    """
    known = (~hole)[:, None].to(pixels.dtype)
    filled = _push_pull(pixels * known, known)
    everywhere = hole.flatten(1).all(dim=1)[:, None, None, None]
    filled = torch.where(everywhere, pixels.mean(dim=(2, 3), keepdim=True).expand_as(pixels), filled)
    return torch.where(hole[:, None], filled, pixels)


def impute(pixels: Tensor, hole: Tensor, noise: Tensor) -> Tensor:
    """Noisy linear imputation (Rong 2022): every removed pixel near the mean of its neighbours, plus noise.

    The linear system is not solved to the last digit; `inpaint` comes close in a hundredth of the time.

    Shapes: pixels and noise (N, C, H, W), noise standard normal; hole (N, H, W), bool. Returns (N, C, H, W).
    """
    spread = pixels.flatten(1).std(dim=1).view(-1, 1, 1, 1)
    return torch.where(hole[:, None], inpaint(pixels, hole) + _NOISE * spread * noise, pixels)


def coarse_blur(pixels: Tensor, cells: int = 6) -> Tensor:
    """The image at a resolution of `cells` along each side, enlarged again. Shapes: (N, C, H, W) both."""
    height, width = pixels.shape[-2:]
    small = F.adaptive_avg_pool2d(pixels, (min(cells, height), min(cells, width)))
    return F.interpolate(small, size=(height, width), mode="bilinear", align_corners=False)


def _push_pull(values: Tensor, weight: Tensor) -> Tensor:
    """Average what is known on ever coarser grids, then let each grid fill the holes of the finer one."""
    height, width = values.shape[-2:]
    mean = values / weight.clamp_min(1e-6)
    if min(height, width) <= _SMALLEST or bool((weight > 0).all()):
        total = weight.sum(dim=(2, 3), keepdim=True).clamp_min(1e-6)
        return torch.where(weight > 0, mean, values.sum(dim=(2, 3), keepdim=True) / total)
    coarse_weight = F.avg_pool2d(weight, 2, ceil_mode=True, count_include_pad=False)
    coarse_values = F.avg_pool2d(values, 2, ceil_mode=True, count_include_pad=False)
    coarse = _push_pull(coarse_values, coarse_weight)
    up = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    filled = torch.where(weight > 0, mean, up)
    for _ in range(_SWEEPS):
        padded = F.pad(filled, (1, 1, 1, 1), mode="replicate")
        around = padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1] + padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:]
        filled = torch.where(weight > 0, mean, around / 4)
    return filled
