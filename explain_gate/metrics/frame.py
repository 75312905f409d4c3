"""Where statistics of a picture are taken: outside its object, where enough of the frame lies there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

_PIXELS = 8000
_SMALLEST_LEVEL = 8
"""Pixels along a side from which a picture has details."""
_LEAST_VISIBLE = 0.05
"""Share of the frame that must lie outside the object for its statistics to be taken there alone."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """Where statistics of a picture are taken; the same for every operation on it, so found out once.

    `all` are the positions outside the object, `places` some of them, `inner` some that have four neighbours; `octaves`
    those of ever coarser levels. `thirds` (P,) says which ninth of the frame each of `all` lies in, `slopes` (3, P) how
    far down, right and out, centred, over their sum of squares.
    """

    outside: Tensor
    all: Tensor
    places: Tensor
    inner: Tensor
    octaves: tuple[Tensor, ...]
    thirds: Tensor
    slopes: Tensor


@lru_cache(maxsize=8)
def framed(content: bytes, height: int, width: int) -> Frame:
    """Of a region (height, width), bool, given as its bytes."""
    region = torch.frombuffer(bytearray(content), dtype=torch.bool).view(height, width)
    outside = ~region if float((~region).double().mean()) >= _LEAST_VISIBLE else torch.ones_like(region)
    everywhere = outside.flatten().nonzero()[:, 0]
    rows, columns = everywhere // width, everywhere % width
    down, across = torch.linspace(-1, 1, height)[rows], torch.linspace(-1, 1, width)[columns]
    slopes = torch.stack([down, across, (down**2 + across**2) / 2])
    slopes -= slopes.mean(dim=1, keepdim=True)
    return Frame(
        outside=outside,
        all=everywhere,
        places=thinned(outside),
        inner=thinned(outside & _inner(height, width)),
        octaves=_halved(outside),
        thirds=_third(height)[rows] * 3 + _third(width)[columns],
        slopes=slopes / (slopes**2).sum(dim=1, keepdim=True).clamp_min(1e-6),
    )


def _halved(outside: Tensor) -> tuple[Tensor, ...]:
    """Positions of pixels outside, at each of five levels; none where a level is too small to have details."""
    levels, kept = [], outside
    for _ in range(5):
        enough = min(kept.shape) >= _SMALLEST_LEVEL and bool(kept.any())
        levels.append(thinned(kept) if enough else torch.zeros(0, dtype=torch.int64))
        if enough:
            kept = half(kept.float()) > 0.5
    return tuple(levels)


def _third(length: int) -> Tensor:
    """Which third each position along a side lies in, (length,)."""
    edges = torch.tensor([length // 3, length * 2 // 3])
    return torch.bucketize(torch.arange(length), edges, right=True)


@lru_cache(maxsize=8)
def _inner(height: int, width: int) -> Tensor:
    inner = torch.zeros(height, width, dtype=torch.bool)
    inner[1:-1, 1:-1] = True
    return inner


def thinned(outside: Tensor) -> Tensor:
    """Positions of at most `_PIXELS` of the pixels outside, evenly spread: enough for any distribution."""
    places = outside.flatten().nonzero()[:, 0]
    step = -(-len(places) // _PIXELS)
    # An odd step visits every phase of the grids that codecs and resizers leave.
    return places[:: step + 1 - step % 2]


def half(level: Tensor) -> Tensor:
    """Means of squares of two pixels; a last odd row or column is left out. Shapes: (H, W), (H // 2, W // 2)."""
    height, width = (length // 2 * 2 for length in level.shape)
    even = level[:height, :width]
    return (even[::2, ::2] + even[::2, 1::2] + even[1::2, ::2] + even[1::2, 1::2]) / 4
