"""What operations on pictures are made of: luminance, places of pixels, reading elsewhere, blur, blocks."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

Apply = Callable[[Tensor, float, torch.Generator], Tensor]
"""(picture, strength, generator) -> the picture after it; shapes (C, H, W), values in [0, 1], before clamping."""


def luminance(picture: Tensor) -> Tensor:
    """Luminance (1, H, W) of three channels, their mean of any other number."""
    if picture.shape[0] != 3:
        return picture.mean(dim=0, keepdim=True)
    return torch.einsum("c,chw->hw", torch.tensor([0.299, 0.587, 0.114]), picture)[None]


def grid(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns of every pixel, (H, W) float each."""
    rows, columns = torch.meshgrid(*(torch.arange(length).float() for length in picture.shape[1:]), indexing="ij")
    return rows, columns


def centred(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Pixel centres from -1 to 1, down and across, (H, W) each."""
    down, across = ((2 * torch.arange(length) + 1) / length - 1 for length in picture.shape[1:])
    y, x = torch.meshgrid(down, across, indexing="ij")
    return y, x


def radius(picture: Tensor) -> Tensor:
    """Distance from the middle, 1 in the corners, (H, W)."""
    y, x = centred(picture)
    return ((x**2 + y**2) / 2).sqrt()


def sampled(picture: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """The picture read at other places; beyond its edges it is mirrored."""
    grid = torch.stack([x, y], dim=-1)[None].to(picture.dtype)
    return F.grid_sample(picture[None], grid, mode="bilinear", padding_mode="reflection", align_corners=False)[0]


def zoomed(picture: Tensor, zoom: float) -> Tensor:
    """The picture as from nearer, or from farther where zoom is below 1; what is missing is mirrored."""
    y, x = centred(picture)
    return sampled(picture, y / zoom, x / zoom)


def smooth(picture: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of each channel, edges repeated."""
    reach = min(max(1, math.ceil(3 * sigma)), min(picture.shape[1:]) - 1)
    steps = torch.arange(-reach, reach + 1).float()
    kernel = torch.exp(-(steps**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(picture.shape[0], 1, -1)
    padded = F.pad(picture[None], (reach,) * 4, mode="replicate")
    lying = F.conv2d(padded, kernel[:, :, None, :], groups=picture.shape[0])
    return F.conv2d(lying, kernel[:, :, :, None], groups=picture.shape[0])[0]


def block(picture: Tensor, side: int) -> Tensor:
    """Means of squares, drawn as squares."""
    small = F.avg_pool2d(picture[None], side, ceil_mode=True, count_include_pad=False)
    large = small.repeat_interleave(side, dim=2).repeat_interleave(side, dim=3)
    return large[0, :, : picture.shape[1], : picture.shape[2]]
