"""What is drawn on a picture as whole numbers, so that it travels with the picture as part of its target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from explain_gate.records import Truth

_WORD = 8
"""Bytes of an int64."""


def regions_of(truths: Sequence[Truth]) -> Tensor:
    """Targets (N, T) of pictures of one size: class, height, width, and the region's pixels as bits.

    Height and width are 0 where no picture has a region; a picture without one, beside others that have, has an empty
    region.
    """
    size = next((tuple(truth.region.shape) for truth in truths if truth.region is not None), (0, 0))
    empty = torch.zeros(size, dtype=torch.bool)
    rows = []
    for truth in truths:
        bits = np.packbits((empty if truth.region is None else truth.region.cpu()).numpy().reshape(-1))
        words = np.pad(bits, (0, -len(bits) % _WORD)).view(np.int64)
        rows.append(torch.cat([torch.tensor([truth.label, *size]), torch.from_numpy(words.copy())]))
    return torch.stack(rows)


def region_in(target: Tensor) -> Tensor:
    """The region (H, W), bool, on the CPU, of one target (T,) as `regions_of` made it."""
    height, width = int(target[1]), int(target[2])
    bits = np.unpackbits(target[3:].cpu().numpy().view(np.uint8), count=height * width)
    return torch.from_numpy(bits.reshape(height, width).astype(bool))


def boxes_of(truths: Sequence[Truth]) -> Tensor:
    """Targets (N, 7): class, left, top, right and bottom of the region, and height and width of the picture.

    In pixels, which count from edge to edge; zeros where nothing is drawn.
    """
    return torch.tensor(
        [
            [truth.label, *_box(truth.region), *(truth.region.shape if truth.region is not None else (0, 0))]
            for truth in truths
        ],
        dtype=torch.int64,
    )


def _box(region: Tensor | None) -> tuple[int, int, int, int]:
    if region is None or not bool(region.any()):
        return 0, 0, 0, 0
    rows, columns = region.any(dim=1).nonzero()[:, 0], region.any(dim=0).nonzero()[:, 0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
