"""Maps, regions and pictures on coarse grids: every cell is the mean of the area that it covers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def coarse(values: NDArray[np.floating] | NDArray[np.bool_], height: int, width: int) -> NDArray[np.float64]:
    """Area means of (..., H, W) on a grid (..., height, width); pixels on a border count by their parts."""
    exact = np.asarray(values, dtype=np.float64)
    made: NDArray[np.float64] = _weights(exact.shape[-2], height) @ exact @ _weights(exact.shape[-1], width).T
    return made


@lru_cache(maxsize=16)
def _weights(pixels: int, cells: int) -> NDArray[np.float64]:
    """(cells, pixels): the share of each cell that lies on each pixel."""
    edges = np.linspace(0, pixels, cells + 1)
    starts = np.arange(pixels)
    overlap = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
    weights: NDArray[np.float64] = np.clip(overlap, 0, None) * cells / pixels
    return weights
