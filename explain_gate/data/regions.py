"""What a person drew, before it becomes pixels: polygons, run lengths, boxes, mask files; and how each is filled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain_gate.data.git_lfs import pointer_fault
from explain_gate.errors import DataError

Mask = NDArray[np.bool_]
_MOST_BITS = 40  # of one run length; more is no picture


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """One drawn shape in the pixels of the image file.

    Exactly one of `polygons` (each x0, y0, x1, y1, ...), `rle` (COCO run lengths), `box` (x0, y0, x1, y1) and `file`
    (a mask image: pixels of one of `values` are inside, by default everything that is not 0) is set. `annotator` and
    `part` tell shapes of several people and of several kinds (such as "head") apart; `ignore` marks pixels that count
    neither as inside nor outside.

    Raises:
        ValueError: corners that are no numbers, or a box without area.
    """

    polygons: tuple[tuple[float, ...], ...] | None = None
    rle: dict[str, Any] | None = None
    box: tuple[float, float, float, float] | None = None
    file: Path | None = None
    annotator: str | None = None
    part: str | None = None
    ignore: bool = False
    values: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        corners = [*(self.box or ()), *(value for polygon in self.polygons or () for value in polygon)]
        if not all(map(math.isfinite, corners)):
            raise ValueError("corners must be finite numbers")
        if self.box is not None and not (self.box[0] < self.box[2] and self.box[1] < self.box[3]):
            raise ValueError(f"a box must have an area, got the corners {', '.join(f'{x:g}' for x in self.box)}")

    def extent(self) -> tuple[float, float, float, float] | None:
        """Left, top, right and bottom of what corners say; None for masks, which have the size of their image."""
        if self.box is not None:
            return self.box
        if not self.polygons:
            return None
        xs = [value for polygon in self.polygons for value in polygon[::2]]
        ys = [value for polygon in self.polygons for value in polygon[1::2]]
        return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """What one annotation says of one image: its class and shapes. `size` is (height, width) where stated."""

    file_name: str
    class_name: str
    shapes: tuple[Shape, ...]
    size: tuple[int, int] | None = None


def fill(shape: Shape, height: int, width: int) -> Mask:
    """The shape as a mask (height, width).

    Raises:
        DataError: the shape does not belong to an image of this size, or its mask file cannot be read.
    """
    if shape.file is not None:
        return _mask_file(shape.file, shape.values, height, width)
    if shape.box is not None:
        x0, y0, x1, y1 = shape.box
        mask = np.zeros((height, width), dtype=bool)
        mask[_cut(y0, height) : _cut(y1, height), _cut(x0, width) : _cut(x1, width)] = True
        return mask
    if shape.polygons is not None:
        from pycocotools import mask as run_lengths

        clipped = [np.clip(polygon, -1e6, 1e6).tolist() for polygon in shape.polygons]
        return _decode_rle(run_lengths.merge(run_lengths.frPyObjects(clipped, height, width)), height, width)
    return _decode_rle(shape.rle or {}, height, width)


def _cut(value: float, limit: int) -> int:
    return round(min(max(value, 0), limit))


def _decode_rle(rle: dict[str, Any], height: int, width: int) -> Mask:
    """COCO's run lengths as a mask.

    Not by pycocotools: it trusts compressed counts, and runs that add up to another size would read beyond the mask;
    and numpy warns of how it builds its array, which ends a session that takes warnings for errors.
    """
    if rle.get("size") not in ([height, width], (height, width)):
        raise DataError(f"run-length mask must be of size [{height}, {width}] like its image, got {rle.get('size')}")
    counts = rle["counts"]
    if isinstance(counts, bytes):
        counts = counts.decode("ascii")
    runs = counts if isinstance(counts, list) else _runs(counts)
    if sum(runs) != height * width or min(runs, default=0) < 0:
        raise DataError(f"run lengths must add up to {height * width} pixels, got {sum(runs)}")
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return np.asarray(flat.reshape(width, height).T)


def _runs(text: str) -> list[int]:
    """COCO's compressed counts as numbers: base 48 to 111 characters of five bits, differences from the third on."""
    runs: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > _MOST_BITS:
            raise DataError(f"run lengths must be COCO's compressed text, got the character {character!r}")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    return runs


def _mask_file(path: Path, inside: tuple[int, ...] | None, height: int, width: int) -> Mask:
    values = _values_in(path)
    if values.shape != (height, width):
        raise DataError(
            f"{path}: mask must be {width} x {height} like its image, got {values.shape[1]} x {values.shape[0]}"
        )
    return values != 0 if inside is None else np.isin(values, inside)


def _values_in(path: Path) -> NDArray[Any]:
    from PIL import Image

    try:
        with Image.open(path) as image:
            # An indexed mask holds class numbers, not colours: converting it to gray could turn a class into 0.
            return np.asarray(image if image.mode in ("P", "L", "1", "I;16", "I") else image.convert("L"))
    except Exception as error:  # a parser of damaged files may raise anything
        raise DataError(pointer_fault(path) or f"{path}: not a readable mask image ({error})") from error
