"""Taking the most relevant pixels out of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from explain_gate.metrics.fill import impute

Fill = Literal["mean", "impute"]
"""What a pixel becomes: the training pictures' mean (Hooker 2019), or a noisy mean of its neighbours (Rong 2022)."""


def removed(
    pixels: Tensor, maps: Tensor | None, share: float, *, fill: Fill, mean: Tensor, seeds: Sequence[int]
) -> Tensor:
    """Pictures without the pixels on which their maps are highest.

    Where a map has one value on many pixels, which of them go is drawn; so a map that is the same everywhere, or none,
    takes pixels at random.

    Args:
        pixels: of the pictures.
        maps: one a picture, higher is more relevant; None for random pixels.
        share: of the pixels that go, in [0, 1].
        fill: what they become.
        mean: the training pictures' mean by channel, for `fill` mean.
        seeds: of each picture's draws.

    Shapes: pixels (N, C, H, W); maps (N, H, W); mean (C,); seeds, N of them. Returns (N, C, H, W).
    """
    if share == 0:
        return pixels
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    hole = torch.stack(
        [
            _hole(None if maps is None else maps[row], tuple(pixels.shape[-2:]), share, generator)
            for row, generator in enumerate(generators)
        ]
    )
    if fill == "mean":
        return torch.where(hole[:, None], mean.to(pixels)[None, :, None, None], pixels)
    noise = torch.stack([torch.randn(pixels.shape[1:], generator=generator) for generator in generators])
    return impute(pixels, hole, noise.to(pixels))


def _hole(image_map: Tensor | None, size: tuple[int, ...], share: float, generator: torch.Generator) -> Tensor:
    """The pixels that go, (H, W), bool."""
    height, width = size
    count = height * width
    drawn = torch.randperm(count, generator=generator)
    if image_map is not None:
        drawn = drawn[image_map.flatten()[drawn].argsort(descending=True, stable=True)]
    hole = torch.zeros(count, dtype=torch.bool)
    hole[drawn[: round(share * count)]] = True
    return hole.view(height, width)
