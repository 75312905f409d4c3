"""Image files -> tensors the model sees, and what is drawn on them moved alike."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from explain_gate.data.decoding import decode, header
from explain_gate.data.preprocessing import Preprocessing
from explain_gate.data.regions import Shape, fill
from explain_gate.data.resizing import lost_share, moved_alike, size_after, stretch_of
from explain_gate.errors import DataError

_ROUNDING = 1.5
"""Pixels that corners may lie beyond the picture: tools round, and count from 0 or from 1."""
ON_ITS_SIDE = 5
"""EXIF orientations from here on exchange width and height."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def digest_of(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loaded:
    """An image (C, H, W) in [0, 1], not yet normalised, and what was drawn on it, each (H, W) bool.

    `region` unites all shapes; `annotators` holds one region a person where several are named; `parts` one a part;
    `ignored` is None where nothing is to be ignored, and in no other mask.
    `looks` are numbers for warnings: `brightest`, the largest value in [0, 1]; `stored`, the largest one in the file;
    `clipped`, the share of values outside of their range; `turned`, 1 where the annotation states the size of a file
    stored on its side; `lost`, the share of the region that the crop takes away; `stretch`, how much the aspect ratio
    changed.
    """

    pixels: torch.Tensor
    region: torch.Tensor
    annotators: tuple[torch.Tensor, ...]
    parts: dict[str, torch.Tensor]
    ignored: torch.Tensor | None
    looks: Mapping[str, float]


def load(
    path: Path, shapes: Sequence[Shape], size: tuple[int, int] | None, preprocessing: Preprocessing
) -> tuple[torch.Tensor, torch.Tensor]:
    """The image (C, H, W) in [0, 1], not yet normalised, and its region (H, W), bool. Raises as `load_annotated`."""
    loaded = load_annotated(path, shapes, size, preprocessing)
    return loaded.pixels, loaded.region


def load_annotated(
    path: Path, shapes: Sequence[Shape], size: tuple[int, int] | None, preprocessing: Preprocessing
) -> Loaded:
    """The image and its regions, transformed alike.

    EXIF orientation is applied; gray, palette, CMYK, 16-bit and alpha images become RGB (alpha is dropped). An
    annotation in the stored orientation (its size says so) is turned with the image.

    Raises:
        DataError: the file is not a whole image, is too large, or does not fit its annotation.
    """
    picture = decode(path, preprocessing)
    upright = (picture.values.shape[-2], picture.values.shape[-1])
    masks = _masks(path, shapes, size, upright, picture.orientation)
    pixels, moved = moved_alike(picture.values, np.stack(list(masks.values())), preprocessing)
    looks = {
        "brightest": float(pixels.max()) if preprocessing.transform is None else 1.0,
        "stored": picture.stored,
        "clipped": picture.clipped,
        "turned": float(_drawn_as_stored(size, upright, picture.orientation)),
        "lost": lost_share(masks["region", ""], preprocessing),
        "stretch": stretch_of(preprocessing, *upright),
    }
    regions = dict(zip(masks, moved, strict=True))
    ignored = regions.pop(("ignored", ""), None)
    if ignored is not None:
        regions = {key: mask & ~ignored for key, mask in regions.items()}
    people = [mask for (kind, _), mask in regions.items() if kind == "annotator"]
    return Loaded(
        pixels=pixels,
        region=regions["region", ""],
        annotators=tuple(people) if len(people) > 1 else (),
        parts={name: mask for (kind, name), mask in regions.items() if kind == "part"},
        ignored=ignored,
        looks=looks,
    )


def size_of(
    path: Path, shapes: Sequence[Shape], size: tuple[int, int] | None, preprocessing: Preprocessing
) -> tuple[int, int]:
    """Height and width after preprocessing, from the file's header; its annotation is drawn, its pixels are not read.

    A file that does not end as its format ends is decoded, to see whether all of it is there.

    Raises:
        DataError: the file is no image, cannot be whole, is too large, or does not fit its annotation.
    """
    (height, width), orientation = header(path, preprocessing)
    upright = (width, height) if orientation >= 5 else (height, width)
    _masks(path, shapes, size, upright, orientation)
    return size_after(preprocessing, *upright)


def share_of(region: torch.Tensor, ignored: torch.Tensor | None) -> float:
    """The region's share of the frame without what is to be ignored, in [0, 1]; masks (H, W), bool."""
    frame = region.numel() - (0 if ignored is None else int(ignored.sum()))
    return int(region.sum()) / frame if frame else 0.0


def _masks(
    path: Path, shapes: Sequence[Shape], size: tuple[int, int] | None, upright: tuple[int, int], orientation: int
) -> dict[tuple[str, str], np.ndarray[Any, Any]]:
    """What is drawn on an image of the size `upright`, by kind and name; turned with it where it is drawn as stored."""
    height, width = upright
    stored = (width, height) if orientation >= ON_ITS_SIDE else upright
    if size is not None and size not in (upright, stored):
        raise DataError(f"{path}: annotated as {size[1]} x {size[0]}, but the file is {width} x {height}")
    shapes = [shape.at(height, width) for shape in shapes]
    turned = _drawn_as_stored(size, upright, orientation)
    for shape in shapes:
        if fault := _misplaced(shape, stored if turned else upright, upright if turned else stored, orientation):
            raise DataError(f"{path}: {fault}")
    try:
        masks = _united(shapes, *(stored if turned else upright))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    return {key: _turn(mask, orientation) for key, mask in masks.items()} if turned else masks


def _drawn_as_stored(size: tuple[int, int] | None, upright: tuple[int, int], orientation: int) -> bool:
    """Whether an annotation states the size of the file as it is stored, lying on its side."""
    return orientation >= ON_ITS_SIDE and size is not None and size == upright[::-1] != upright


def _misplaced(shape: Shape, frame: tuple[int, int], other: tuple[int, int], orientation: int) -> str | None:
    """Why a shape cannot belong to a picture of the size `frame`; `other` is its size the other way up."""
    extent = shape.extent()
    if extent is None or _fits(extent, *frame):
        return None
    (height, width), told = frame, ", ".join(f"{value:g}" for value in extent)
    if other != frame and _fits(extent, *other):
        return (
            f"a shape from {told} (left, top, right, bottom) lies outside of {width} x {height}, but fits "
            f"{other[1]} x {other[0]}: the file is turned by its EXIF orientation {orientation}, and the shape was "
            f"drawn the other way up than its stated size says; write width {other[1]} and height {other[0]}"
        )
    left, top, right, bottom = extent
    inside = max(0.0, min(right, width) - max(left, 0.0)) * max(0.0, min(bottom, height) - max(top, 0.0))
    if inside <= (right - left) * (bottom - top) / 2:
        return (
            f"a shape from {told} (left, top, right, bottom) lies outside of the picture, which is {width} x {height}; "
            "it was drawn on another picture or on another size of it"
        )
    return None


def _fits(extent: tuple[float, float, float, float], height: int, width: int) -> bool:
    """Whether corners lie on a picture, but for rounding."""
    left, top, right, bottom = extent
    return left >= -_ROUNDING and top >= -_ROUNDING and right <= width + _ROUNDING and bottom <= height + _ROUNDING


def _united(shapes: Sequence[Shape], height: int, width: int) -> dict[tuple[str, str], np.ndarray[Any, Any]]:
    """Masks by kind and name: the region, what is ignored, each annotator's and each part's."""
    masks = {("region", ""): np.zeros((height, width), dtype=bool)}
    for shape in shapes:
        mask = fill(shape, height, width)
        keys = [("region", ""), ("annotator", shape.annotator), ("part", shape.part)]
        for kind, name in [("ignored", "")] if shape.ignore else keys:
            if name is not None:
                masks[kind, name] = masks[kind, name] | mask if (kind, name) in masks else mask
    return masks


def _turn(region: np.ndarray[Any, Any], orientation: int) -> np.ndarray[Any, Any]:
    """What exif_transpose does to the image, done to its region."""
    if orientation not in _TURNS:
        return region
    return np.asarray(Image.fromarray(region.astype(np.uint8)).transpose(_TURNS[orientation])) > 0
