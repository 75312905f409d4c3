"""Image files -> tensors the model sees, regions moved with them. Converts what cameras and scanners produce."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from explain_gate.config import PreprocessingSection
from explain_gate.data.git_lfs import pointer_fault
from explain_gate.data.regions import Shape, fill
from explain_gate.errors import ConfigError, DataError

MOST_PIXELS = 178_956_970
_ROUNDING = 1.5
"""Pixels that corners may lie beyond the picture: tools round, and count from 0 or from 1."""
_ORIENTATION = 0x0112
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"\x00\x00\x00\x00IEND\xaeB`\x82"}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """Resize, centre crop and normalisation, as numbers. `resize` and `crop` are sides or (height, width)."""

    resize: int | tuple[int, int] | None
    crop: int | tuple[int, int] | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bilinear"

    def describe(self) -> dict[str, Any]:
        """JSON for the manifest and the dataset's digest."""
        return {
            "resize": self.resize,
            "crop": self.crop,
            "mean": list(self.mean),
            "std": list(self.std),
            "interpolation": self.interpolation,
        }


def preprocessing_of(section: PreprocessingSection) -> Preprocessing:
    """Numbers from thresholds.yaml, or from a torchvision weights entry (nothing is downloaded).

    Raises:
        ConfigError: there is no such weights entry.
    """
    if section.weights is None:
        return Preprocessing(
            resize=section.resize,
            crop=section.crop,
            mean=tuple(section.mean or (0.0, 0.0, 0.0)),
            std=tuple(section.std or (1.0, 1.0, 1.0)),
        )
    from explain_gate.vision import torchvision

    try:
        preset = torchvision.models.get_weight(section.weights).transforms()
    except (ValueError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"data.preprocessing.weights must be a torchvision weights entry such as ResNet50_Weights.IMAGENET1K_V2, "
            f"got {section.weights}"
        ) from error
    return Preprocessing(
        resize=preset.resize_size[0],
        crop=preset.crop_size[0],
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        interpolation=preset.interpolation.value,
    )


def digest_of(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loaded:
    """An image (3, H, W) in [0, 1], not yet normalised, and what was drawn on it, each (H, W) bool.

    `region` unites all shapes; `annotators` holds one region a person where several are named; `parts` one a part;
    `ignored` is None where nothing is to be ignored, and in no other mask.
    """

    pixels: torch.Tensor
    region: torch.Tensor
    annotators: tuple[torch.Tensor, ...]
    parts: dict[str, torch.Tensor]
    ignored: torch.Tensor | None


def load(
    path: Path, shapes: Sequence[Shape], size: tuple[int, int] | None, preprocessing: Preprocessing
) -> tuple[torch.Tensor, torch.Tensor]:
    """The image (3, H, W) in [0, 1], not yet normalised, and its region (H, W), bool. Raises as `load_annotated`."""
    found = load_annotated(path, shapes, size, preprocessing)
    return found.pixels, found.region


def load_annotated(
    path: Path, shapes: Sequence[Shape], size: tuple[int, int] | None, preprocessing: Preprocessing
) -> Loaded:
    """The image and its regions, transformed alike.

    EXIF orientation is applied; gray, palette, CMYK, 16-bit and alpha images become RGB (alpha is dropped). An
    annotation in the stored orientation (its size says so) is turned with the image.

    Raises:
        DataError: the file is not a whole image, is too large, or does not fit its annotation.
    """
    image, orientation = _decode(path)
    masks = _masks(path, shapes, size, (image.height, image.width), orientation)
    pixels, moved = _transform(image, np.stack(list(masks.values())), preprocessing)
    found = dict(zip(masks, moved, strict=True))
    ignored = found.pop(("ignored", ""), None)
    if ignored is not None:
        found = {key: mask & ~ignored for key, mask in found.items()}
    people = [mask for (kind, _), mask in found.items() if kind == "annotator"]
    return Loaded(
        pixels=pixels,
        region=found["region", ""],
        annotators=tuple(people) if len(people) > 1 else (),
        parts={name: mask for (kind, name), mask in found.items() if kind == "part"},
        ignored=ignored,
    )


def size_of(
    path: Path, shapes: Sequence[Shape], size: tuple[int, int] | None, preprocessing: Preprocessing
) -> tuple[int, int]:
    """Height and width after preprocessing, from the file's header; its annotation is drawn, its pixels are not read.

    A file that does not end as its format ends is decoded, to see whether all of it is there.

    Raises:
        DataError: the file is no image, cannot be whole, is too large, or does not fit its annotation.
    """
    try:
        with Image.open(path) as opened:
            _refuse_huge(opened)
            orientation = _orientation(opened)
            height, width = opened.height, opened.width
            whole = _ends(path, opened.format)
    except Exception as error:  # a parser of damaged files may raise anything
        raise _not_whole(path, error) from error
    if not whole:
        _decode(path)
    upright = (width, height) if orientation >= 5 else (height, width)
    _masks(path, shapes, size, upright, orientation)
    return _after(preprocessing, *upright)


def share_of(region: torch.Tensor, ignored: torch.Tensor | None) -> float:
    """The region's share of the frame without what is to be ignored, in [0, 1]; masks (H, W), bool."""
    frame = region.numel() - (0 if ignored is None else int(ignored.sum()))
    return int(region.sum()) / frame if frame else 0.0


def normalize(pixels: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    """(..., 3, H, W) in [0, 1] -> normalised."""
    mean = torch.tensor(preprocessing.mean, dtype=pixels.dtype, device=pixels.device).view(-1, 1, 1)
    std = torch.tensor(preprocessing.std, dtype=pixels.dtype, device=pixels.device).view(-1, 1, 1)
    return (pixels - mean) / std


def denormalize(pixels: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    """The inverse of `normalize`."""
    mean = torch.tensor(preprocessing.mean, dtype=pixels.dtype, device=pixels.device).view(-1, 1, 1)
    std = torch.tensor(preprocessing.std, dtype=pixels.dtype, device=pixels.device).view(-1, 1, 1)
    return pixels * std + mean


def _masks(
    path: Path, shapes: Sequence[Shape], size: tuple[int, int] | None, upright: tuple[int, int], orientation: int
) -> dict[tuple[str, str], np.ndarray[Any, Any]]:
    """What is drawn on an image of the size `upright`, by kind and name; turned with it where it is drawn as stored."""
    height, width = upright
    stored = (width, height) if orientation >= 5 else upright
    if size is not None and size not in (upright, stored):
        raise DataError(f"{path}: annotated as {size[1]} x {size[0]}, but the file is {width} x {height}")
    turned = size is not None and size == stored and size != upright
    for shape in shapes:
        if fault := _misplaced(shape, stored if turned else upright, upright if turned else stored, orientation):
            raise DataError(f"{path}: {fault}")
    try:
        masks = _united(shapes, *(stored if turned else upright))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    return {key: _turn(mask, orientation) for key, mask in masks.items()} if turned else masks


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


def _decode(path: Path) -> tuple[Image.Image, int]:
    """The upright RGB image and the EXIF orientation (1 to 8) it was stored in."""
    try:
        with Image.open(path) as opened:
            _refuse_huge(opened)
            orientation = _orientation(opened)
            opened.load()
            upright = ImageOps.exif_transpose(opened)
            return _to_rgb(upright), orientation
    except Exception as error:  # a parser of damaged files may raise anything
        raise _not_whole(path, error) from error


def _not_whole(path: Path, error: Exception) -> DataError:
    return DataError(pointer_fault(path) or f"{path}: not a whole image file ({error})")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where it says anything else or nothing."""
    found = int(image.getexif().get(_ORIENTATION, 1) or 1)
    return found if 1 <= found <= 8 else 1


def _ends(path: Path, kind: str | None) -> bool:
    """Whether a file ends as its format ends; False where that cannot be told."""
    mark = _ENDS.get(kind or "")
    if mark is None:
        return False
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - len(mark)))
        return stream.read() == mark


def _after(preprocessing: Preprocessing, height: int, width: int) -> tuple[int, int]:
    """The size of an image after resizing and cropping, as `_transform` makes it."""
    if isinstance(preprocessing.resize, int):
        longer = int(preprocessing.resize * max(height, width) / min(height, width))
        height, width = (preprocessing.resize, longer) if height <= width else (longer, preprocessing.resize)
    elif preprocessing.resize is not None:
        height, width = preprocessing.resize
    crop = preprocessing.crop
    return (height, width) if crop is None else (crop, crop) if isinstance(crop, int) else crop


def _refuse_huge(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise ValueError(f"{image.width} x {image.height} pixels, at most {MOST_PIXELS} are decoded; shrink it")


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        # Pillow clips 16-bit values at 255 when it converts; the full range must be kept.
        values = np.asarray(image, dtype=np.float64)
        sixteen = image.mode.startswith("I;16") or values.max(initial=0.0) > 255
        top = 65535.0 if sixteen else 255.0
        image = Image.fromarray(np.clip(np.nan_to_num(values) / top * 255.0 + 0.5, 0, 255).astype(np.uint8))
    return image.convert("RGB")


def _turn(region: np.ndarray[Any, Any], orientation: int) -> np.ndarray[Any, Any]:
    """What exif_transpose does to the image, done to its region."""
    if orientation not in _TURNS:
        return region
    return np.asarray(Image.fromarray(region.astype(np.uint8)).transpose(_TURNS[orientation])) > 0


def _transform(
    image: Image.Image, regions: np.ndarray[Any, Any], preprocessing: Preprocessing
) -> tuple[torch.Tensor, torch.Tensor]:
    if preprocessing.resize is None and preprocessing.crop is None:
        return _plain(torch.from_numpy(np.array(image)).permute(2, 0, 1)), torch.from_numpy(regions.copy())
    from explain_gate.vision import transforms, tv_tensors

    # Functions, not transform modules: this runs in a thread, and while another one traces a model with torch.fx every
    # call of a module in the whole process is taken for a part of that model.
    pixels = tv_tensors.Image(torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous())
    mask = tv_tensors.Mask(torch.from_numpy(regions))
    if preprocessing.resize is not None:
        size = [preprocessing.resize] if isinstance(preprocessing.resize, int) else list(preprocessing.resize)
        mode = transforms.InterpolationMode(preprocessing.interpolation)
        pixels, mask = (
            transforms.functional.resize(one, size, interpolation=mode, antialias=True) for one in (pixels, mask)
        )
    if preprocessing.crop is not None:
        crop = [preprocessing.crop] * 2 if isinstance(preprocessing.crop, int) else list(preprocessing.crop)
        pixels, mask = (transforms.functional.center_crop(one, crop) for one in (pixels, mask))
    return _plain(pixels.as_subclass(torch.Tensor)), mask.as_subclass(torch.Tensor).to(torch.bool)


def _plain(pixels: torch.Tensor) -> torch.Tensor:
    return pixels.to(torch.float32) / 255.0
