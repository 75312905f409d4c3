"""What a person drew, before it becomes pixels: polygons, run lengths, boxes, mask files; and how each is filled."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explain_gate.data.git_lfs import pointer_fault
from explain_gate.errors import DataError

Mask = NDArray[np.bool_]
_OPAQUE = 128
_MOST_BITS = 40  # of one run length; more is no picture


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """One drawn shape in the pixels of the image file.

    Exactly one of `polygons` (each x0, y0, x1, y1, ...), `rle` (COCO run lengths), `box` (x0, y0, x1, y1) and `file`
    (a mask image: pixels of one of `values` are inside, by default everything that is not 0) is set. `annotator` and
    `part` tell shapes of several people and of several kinds (such as "head") apart; `ignore` marks pixels that count
    neither as inside nor outside. `colours` are those of the file that are inside, red, green and blue; `relative` says
    that corners are shares of the upright picture's width and height.

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
    colours: tuple[tuple[int, int, int], ...] | None = None
    relative: bool = False

    def __post_init__(self) -> None:
        corners = [*(self.box or ()), *(value for polygon in self.polygons or () for value in polygon)]
        if not all(map(math.isfinite, corners)):
            raise ValueError("corners must be finite numbers")
        if self.box is not None and not (self.box[0] < self.box[2] and self.box[1] < self.box[3]):
            raise ValueError(f"a box must have an area, got the corners {', '.join(f'{x:g}' for x in self.box)}")

    def at(self, height: int, width: int) -> Shape:
        """The shape with its corners in pixels of a picture of this size."""
        if not self.relative:
            return self
        sides = (width, height)
        scaled = tuple(
            tuple(value * sides[place % 2] for place, value in enumerate(corners))
            for corners in (self.polygons or ((self.box,) if self.box else ()))
        )
        box = None if self.box is None else (scaled[0][0], scaled[0][1], scaled[0][2], scaled[0][3])
        polygons = scaled if self.polygons is not None else None
        return replace(self, polygons=polygons, box=box, relative=False)

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
    """What one annotation says of one image: its class and shapes. `size` is (height, width) where stated.

    `value` is the number that is annotated. `empty`: the image is known to show no object.
    """

    file_name: str
    class_name: str
    shapes: tuple[Shape, ...]
    size: tuple[int, int] | None = None
    value: float | None = None
    empty: bool = False


def fill(shape: Shape, height: int, width: int) -> Mask:
    """The shape as a mask (height, width).

    Raises:
        DataError: the shape does not belong to an image of this size, or its mask file cannot be read.
    """
    if shape.file is not None:
        return _mask_file(shape, shape.file, height, width)
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


def _mask_file(shape: Shape, path: Path, height: int, width: int) -> Mask:
    image = read_mask(path)
    if (image.height, image.width) != (height, width):
        raise DataError(f"{path}: mask must be {width} x {height} like its image, got {image.width} x {image.height}")
    if shape.colours is not None:
        return np.isin(packed(image), [red << 16 | green << 8 | blue for red, green, blue in shape.colours])
    values = _values_in(image)
    return np.asarray(values != 0 if shape.values is None else np.isin(values, shape.values))


def read_mask(path: Path) -> Image.Image:
    """A mask file as it is stored.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except Exception as error:  # a parser of damaged files may raise anything
        raise DataError(pointer_fault(path) or f"{path}: not a readable mask image ({error})") from error


def packed(image: Image.Image) -> NDArray[np.int64]:
    """Each pixel's colour as one number, 65536 red + 256 green + blue."""
    colours = np.asarray(image.convert("RGB")).astype(np.int64)
    return np.asarray(colours @ np.array([65536, 256, 1]))


def _values_in(image: Image.Image) -> NDArray[Any]:
    """Numbers of which 0 is outside: class numbers, instance ids, gray, or how opaque a cut-out is."""
    # An indexed mask holds class numbers, not colours: converting it to gray could turn a class into 0.
    if image.mode in ("P", "L", "1", "I;16", "I"):
        return np.asarray(image)
    if "A" in image.getbands():
        alpha = np.asarray(image.getchannel("A"))
        if alpha.min(initial=255) < alpha.max(initial=0):
            return np.asarray(alpha >= _OPAQUE)
    # Not gray, which rounds dark colours to 0.
    return np.asarray(np.asarray(image.convert("RGB")).max(axis=-1))
