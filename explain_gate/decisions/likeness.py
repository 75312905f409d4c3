"""When a decision about one map holds for another: nearly all of its relevance lies where it lay."""

from __future__ import annotations

import base64
import binascii

import numpy as np
from numpy.typing import NDArray

from explain_gate.profile.audit import map_digest
from explain_gate.records import Decision

SAME = 0.1
"""Share of a map's relevance that may lie elsewhere for the map to be the one that was judged."""
_CELLS = 16
_LEVELS = 127


def sketch_of(kept: NDArray[np.float16]) -> str:
    """A map (H, W) in at most 16 x 16 cells of 255 levels each, as text: `16x16:` and the cells' means in base64.

    The file of a decision holds it, so that maps can be compared when the version that was judged is long gone.

    Raises:
        ValueError: the map is not finite.
    """
    values = np.asarray(kept, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("a map that is not finite cannot be judged")
    for axis in (0, 1):
        parts = np.array_split(values, min(_CELLS, values.shape[axis]), axis=axis)
        values = np.stack([part.mean(axis=axis) for part in parts], axis=axis)
    levels = np.round(values / (np.abs(values).max() or 1.0) * _LEVELS).astype(np.int8)
    return f"{levels.shape[0]}x{levels.shape[1]}:{base64.b64encode(levels.tobytes()).decode('ascii')}"


def cells_of(sketch: str) -> NDArray[np.float64]:
    """The cells (R, C) of a sketch, in [-1, 1].

    Raises:
        ValueError: it is no sketch.
    """
    size, _, text = sketch.partition(":")
    try:
        rows, columns = map(int, size.split("x"))
        content = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise ValueError("must be ROWSxCOLUMNS:BASE64") from error
    if not (1 <= rows <= _CELLS and 1 <= columns <= _CELLS and len(content) == rows * columns):
        raise ValueError(f"must hold {rows} x {columns} cells, at most {_CELLS} x {_CELLS}, holds {len(content)}")
    return np.frombuffer(content, dtype=np.int8).reshape(rows, columns) / _LEVELS


def distance(one: str, other: str) -> float:
    """Share of the relevance of two sketched maps that lies in different cells, in [0, 1].

    Half the sum of absolute differences of the cells, each map's cells over the sum of their magnitudes (total
    variation); 1 for sketches of different sizes, and where one map is zero everywhere and the other is not.
    """
    first, second = cells_of(one), cells_of(other)
    if first.shape != second.shape:
        return 1.0
    sizes = [float(np.abs(cells).sum()) for cells in (first, second)]
    if not all(sizes):
        return 0.0 if sizes[0] == sizes[1] else 1.0
    return float(np.abs(first / sizes[0] - second / sizes[1]).sum() / 2)


def same_map(decision: Decision, kept: NDArray[np.float16]) -> bool:
    """Whether a map (H, W) is the one that was judged, to the bit or to `SAME`; a map that is not finite is none."""
    if decision.map_digest == map_digest(kept):
        return True
    return bool(np.isfinite(kept).all()) and distance(decision.sketch, sketch_of(kept)) <= SAME
