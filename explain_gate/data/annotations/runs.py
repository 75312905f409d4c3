"""A mask of a part of a picture as COCO run lengths of the whole picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def whole_picture(inside: NDArray[np.bool_], left: int, top: int, size: tuple[int, int]) -> dict[str, Any]:
    """Run lengths of a mask (H, W) whose corner lies at (left, top) in a picture of `size` (height, width).

    Raises:
        ValueError: it reaches beyond the picture.
    """
    bottom, right = top + inside.shape[0], left + inside.shape[1]
    if left < 0 or top < 0 or bottom > size[0] or right > size[1]:
        raise ValueError(f"a mask from {left}, {top} to {right}, {bottom} lies outside of {size[1]} x {size[0]}")
    whole = np.zeros(size, dtype=bool)
    whole[top:bottom, left:right] = inside
    flat = whole.T.flatten()
    edges = np.flatnonzero(np.diff(flat.astype(np.int8))) + 1
    counts = np.diff([0, *edges.tolist(), flat.size]).tolist()
    return {"size": list(size), "counts": [0, *counts] if flat[0] else counts}
