"""The colour of the light, as colour constancy estimates it: what lamps, white balances and tints leave on a picture.

A picture's mean colour follows what it shows far more than its light. Edges, lights and the channels' own ends move
with the light whatever is shown.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

_DARK = 0.01
"""Added before logarithms, so that black is no infinity."""
_TOP = 0.994
"""From here on a channel is clipped."""


def illuminant_of(picture: Tensor, outside: Tensor) -> list[float]:
    """What the light's colour may be, red and blue against green, by several estimates that err differently.

    Grey edge at two scales, white patch (Land and McCann 1971) by three quantiles, shades of grey (Finlayson and Trezzi
    2004); then how far up each channel reaches and how much of it is clipped, since a gain below one takes away a
    channel's end.

    Args:
        picture: (3, H, W), in [0, 1].
        outside: (H, W), bool; where the picture counts, somewhere true.

    Returns:
        Twenty-two numbers; nothing for a picture without three channels.
    """
    if picture.shape[0] != 3:
        return []
    seen = picture[:, outside]
    ends = torch.from_numpy(np.quantile(seen.numpy(), (0.99, 0.999, 1.0), axis=1)).float()
    clipped = (seen >= _TOP).float().mean(dim=1)
    return [
        *grey_edge(picture, outside),
        *grey_edge(*_halved(picture, outside)),
        *(ratio for one in (*ends, _sixth(seen)) for ratio in _against_green(one)),
        *ends[1].tolist(),
        *(math.log(1e-3 + share) for share in clipped.tolist()),
    ]


def grey_edge(picture: Tensor, outside: Tensor) -> list[float]:
    """Of those estimates the best alone (van de Weijer 2007): how steep edges are, by two norms. Shapes as above."""
    if picture.shape[0] != 3:
        return []
    edges = _edges(picture, outside)
    estimates = edges.sum(dim=1) / max(1, edges.shape[1]), _sixth(edges)
    return [ratio for one in estimates for ratio in _against_green(one)]


def _edges(picture: Tensor, outside: Tensor) -> Tensor:
    """How much each channel changes from one pixel outside to the next, down and across, (3, E), where it does."""
    down = (picture[:, 1:] - picture[:, :-1]) * (outside[1:] & outside[:-1])
    across = (picture[:, :, 1:] - picture[:, :, :-1]) * (outside[:, 1:] & outside[:, :-1])
    edges = torch.cat([down.flatten(1), across.flatten(1)], dim=1).abs()
    return edges[:, edges.any(dim=0)]


def _halved(picture: Tensor, outside: Tensor) -> tuple[Tensor, Tensor]:
    """The same at half the size; outside where all four pixels were. As it is where it has no half."""
    if min(outside.shape) < 2:
        return picture, outside
    return F.avg_pool2d(picture[None], 2)[0], F.avg_pool2d(outside[None, None].float(), 2)[0, 0] == 1


def _sixth(values: Tensor) -> Tensor:
    """The norm between the grey world and the white patch that the papers choose, (3,)."""
    cubes = values * values * values
    return ((cubes * cubes).sum(dim=1) / max(1, values.shape[1])) ** (1 / 6)


def _against_green(values: Tensor) -> tuple[float, float]:
    red, green, blue = (math.log(_DARK + value) for value in values.tolist())
    return red - green, blue - green
