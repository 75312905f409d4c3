"""Image files of every kind -> upright values, 8 bits or in [0, 1]: photographs, scans, bands, arrays and DICOM."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from explain_gate.data.git_lfs import pointer_fault
from explain_gate.data.preprocessing import Preprocessing
from explain_gate.errors import DataError

MOST_PIXELS = 178_956_970
_ORIENTATION = 0x0112
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"\x00\x00\x00\x00IEND\xaeB`\x82"}
_TIFF = (".tif", ".tiff")
_BYTE, _TWO_BYTES = 255.0, 65535.0
_COLOURS = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """Values (C, H, W), upright: uint8, or float32 in [0, 1]. `orientation` is EXIF's, 1 to 8, of the stored file.

    `stored` is the largest value in the file, as a share of what its depth allows, `clipped` the
    share of values that lie outside of the range they were stretched from.
    """

    values: torch.Tensor
    orientation: int
    stored: float
    clipped: float = 0.0


def decode(path: Path, preprocessing: Preprocessing) -> Picture:
    """The picture with the channels that the model takes.

    EXIF orientation is applied; gray, palette, CMYK, 16-bit and alpha images become what the model takes (alpha is
    dropped), of animations the first frame is read.

    Raises:
        DataError: the file is no whole image, is too large, or has other bands than the model takes.
    """
    try:
        if _is_array(path, preprocessing):
            return _from_array(*_read_array(path, preprocessing), preprocessing)
        with Image.open(path) as opened:
            _refuse_huge(opened.width, opened.height)
            orientation = _orientation(opened)
            opened.load()
            upright = ImageOps.exif_transpose(opened)
            return _from_image(upright, orientation, preprocessing)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except Exception as error:  # a parser of damaged files may raise anything
        raise _not_whole(path, error) from error


def header(path: Path, preprocessing: Preprocessing) -> tuple[tuple[int, int], int]:
    """Height and width as stored, and the EXIF orientation; pixels are read only where the header cannot be trusted.

    Raises:
        DataError: as `decode`.
    """
    if _is_array(path, preprocessing):
        values = decode(path, preprocessing).values
        return (values.shape[-2], values.shape[-1]), 1
    try:
        with Image.open(path) as opened:
            _refuse_huge(opened.width, opened.height)
            orientation = _orientation(opened)
            height, width = opened.height, opened.width
            whole = _ends(path, opened.format)
    except Exception as error:  # a parser of damaged files may raise anything
        raise _not_whole(path, error) from error
    if not whole:
        decode(path, preprocessing)
    return (height, width), orientation


def _from_image(image: Image.Image, orientation: int, preprocessing: Preprocessing) -> Picture:
    """A Pillow picture; 8-bit values stay what they are, so that nothing is rounded twice."""
    deep = image.mode.startswith("I;16") or image.mode in ("I", "F")
    if preprocessing.channels not in (1, _COLOURS):
        return _from_array(_bands(image, preprocessing.channels), _depth(image), preprocessing)
    if preprocessing.range is not None or (deep and preprocessing.channels == 1):
        gray = image if deep or image.mode == "L" else image.convert("L" if preprocessing.channels == 1 else "RGB")
        values = np.asarray(gray)
        return _from_array(values if values.ndim == 3 else values[..., None], _depth(image), preprocessing, orientation)
    stored = float(np.asarray(image).max(initial=0)) / _depth(image) if deep else 1.0
    shown = _to_eight_bits(image).convert("L" if preprocessing.channels == 1 else "RGB")
    array = np.array(shown)
    values_ = torch.from_numpy(array if array.ndim == 3 else array[..., None]).permute(2, 0, 1)
    return Picture(values=values_, orientation=orientation, stored=stored)


def _bands(image: Image.Image, channels: int) -> NDArray[Any]:
    values = np.asarray(image)
    if values.ndim != 3 or values.shape[-1] != channels:
        have = 1 if values.ndim == 2 else values.shape[-1]
        raise DataError(f"has {have} bands, and data.preprocessing.channels says {channels}")
    return values


def _depth(image: Image.Image) -> float:
    """The largest value that the file could hold."""
    if image.mode.startswith("I;16"):
        return _TWO_BYTES
    if image.mode in ("I", "F"):
        return _TWO_BYTES if np.asarray(image).max(initial=0) > _BYTE else _BYTE
    return _BYTE


def _from_array(
    values: NDArray[Any], depth: float | None, preprocessing: Preprocessing, orientation: int = 1
) -> Picture:
    """Values (H, W, C) of any type, stretched from their range, or from their depth, to [0, 1]."""
    low, high = preprocessing.range or (0.0, depth or 1.0)
    if low < 0 and values.dtype.kind == "u" and depth in (_BYTE, _TWO_BYTES):
        mean, std = -low / (high - low), 1 / (high - low)
        raise DataError(
            f"preprocessing.range [{low:g}, {high:g}] are the stored values that become 0 and 1, and the file holds 0 "
            f"to {depth:g}. For a model that takes values from {low:g} to {high:g} write mean: [{mean:g}] and "
            f"std: [{std:g}] instead"
        )
    if preprocessing.range is None and depth is None:
        raise DataError(
            f"holds {values.dtype} from {np.nanmin(values):g} to {np.nanmax(values):g}; write preprocessing.range: "
            "[low, high], the values that become 0 and 1"
        )
    stretched = (np.nan_to_num(values.astype(np.float64)) - low) / (high - low)
    clipped = float(((stretched < 0) | (stretched > 1)).mean())
    plain = np.clip(stretched, 0.0, 1.0)
    tensor = torch.from_numpy(plain.astype(np.float32)).permute(2, 0, 1).contiguous()
    wanted = preprocessing.channels
    if len(tensor) == 1 and wanted == _COLOURS:
        tensor = tensor.expand(_COLOURS, -1, -1).contiguous()
    if len(tensor) != wanted:
        raise DataError(f"has {len(tensor)} bands, and data.preprocessing.channels says {wanted}")
    return Picture(
        values=tensor, orientation=orientation, stored=float(np.nanmax(values)) / (depth or high), clipped=clipped
    )


def _is_array(path: Path, preprocessing: Preprocessing) -> bool:
    """Whether Pillow is not who reads it."""
    suffix = path.suffix.lower()
    bands = suffix in _TIFF and preprocessing.channels not in (1, _COLOURS)
    return suffix in (".npy", ".dcm", ".dicom") or bands or _is_dicom(path)


def _is_dicom(path: Path) -> bool:
    """DICOM files often have no ending; they say DICM behind 128 bytes."""
    try:
        with path.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _read_array(path: Path, preprocessing: Preprocessing) -> tuple[NDArray[Any], float | None]:
    """Values (H, W, C), and the largest that the file could hold; None where its type says nothing."""
    if fault := pointer_fault(path):
        raise DataError(fault)
    suffix = path.suffix.lower()
    if suffix == ".npy":
        values = np.load(path, allow_pickle=False)
    elif suffix in _TIFF:
        values = _tiff(path)
    else:
        from explain_gate.data.dicom import read

        return read(path, preprocessing)
    values = _channels_last(values, preprocessing.channels)
    _refuse_huge(values.shape[1], values.shape[0])
    if values.dtype.kind not in "uif":
        raise DataError(f"must hold numbers, got {values.dtype}")
    depth = {"uint8": _BYTE, "uint16": _TWO_BYTES}.get(values.dtype.name)
    return values, depth


def _tiff(path: Path) -> NDArray[Any]:
    try:
        import tifffile
    except ImportError as error:
        raise DataError("a TIFF of several bands needs tifffile: pip install 'explain-gate[bands]'") from error
    return np.asarray(tifffile.imread(path))


def _channels_last(values: NDArray[Any], channels: int) -> NDArray[Any]:
    """(H, W), (H, W, C) or (C, H, W) -> (H, W, C)."""
    if values.ndim == 2:
        return values[..., None]
    if values.ndim != 3:
        raise DataError(f"must be of the shape (H, W), (H, W, C) or (C, H, W), got {values.shape}")
    first, last = values.shape[0] == channels, values.shape[-1] == channels
    if first and last:
        raise DataError(f"has the shape {values.shape}, whose channels may be the first or the last; save it (H, W, C)")
    if not first and not last:
        raise DataError(f"has the shape {values.shape}, and data.preprocessing.channels says {channels}")
    return np.moveaxis(values, 0, -1) if first else values


def _not_whole(path: Path, error: Exception) -> DataError:
    return DataError(pointer_fault(path) or f"{path}: not a whole image file ({error})")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where it says anything else or nothing."""
    orientation = int(image.getexif().get(_ORIENTATION, 1) or 1)
    return orientation if 1 <= orientation <= 8 else 1


def _ends(path: Path, kind: str | None) -> bool:
    """Whether a file ends as its format ends; False where that cannot be told."""
    mark = _ENDS.get(kind or "")
    if mark is None:
        return False
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - len(mark)))
        return stream.read() == mark


def _refuse_huge(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise ValueError(f"{width} x {height} pixels, at most {MOST_PIXELS} are decoded; shrink it")


def _to_eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        # Pillow clips 16-bit values at 255 when it converts; the full range must be kept.
        values = np.asarray(image, dtype=np.float64)
        sixteen = image.mode.startswith("I;16") or values.max(initial=0.0) > _BYTE
        top = _TWO_BYTES if sixteen else _BYTE
        return Image.fromarray(np.clip(np.nan_to_num(values) / top * _BYTE + 0.5, 0, 255).astype(np.uint8))
    return image
