"""An object as texture alone, its patches shuffled, and as shape alone, flattened to its silhouette (Geirhos 2019)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from explain_gate.metrics.fill import inpaint

_ACROSS = 4
"""Patches along the side of a square as large as the object: enough that no part of its outline stays whole."""


def silhouette(picture: Tensor, region: Tensor) -> Tensor:
    """The picture with its object in the object's mean colour. Shapes: picture (C, H, W); region (H, W), bool."""
    colour = picture[:, region].mean(dim=1)
    return torch.where(region, colour[:, None, None], picture)


def shuffled(picture: Tensor, region: Tensor, generator: torch.Generator) -> Tensor | None:
    """The picture with the patches of its object dealt out anew, each turned, over the filled background.

    Shapes: picture (C, H, W); region (H, W), bool. Returns (C, H, W), or None where the object has fewer than four
    patches, which cannot be told from the object itself.
    """
    side = round(math.sqrt(int(region.sum())) / _ACROSS)
    if side < 2:
        return None
    corners = [
        (top, left)
        for top in range(0, region.shape[0] - side + 1, side)
        for left in range(0, region.shape[1] - side + 1, side)
        if float(region[top : top + side, left : left + side].float().mean()) >= 0.5
    ]
    if len(corners) < 4:
        return None
    order = torch.randperm(len(corners), generator=generator).tolist()
    turns = torch.randint(4, (len(corners),), generator=generator).tolist()
    result = inpaint(picture[None], region[None])[0]
    for (top, left), source, turn in zip(corners, order, turns, strict=True):
        across, down = corners[source][1], corners[source][0]
        patch = torch.rot90(picture[:, down : down + side, across : across + side], turn, (1, 2))
        own = torch.rot90(region[down : down + side, across : across + side], turn, (0, 1))
        place = (slice(None), slice(top, top + side), slice(left, left + side))
        result[place] = torch.where(own, patch, result[place])
    return result
