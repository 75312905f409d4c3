"""Resize, crop and pad, or a team's own function: a picture and what is drawn on it, moved alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from explain_gate.data import transforming
from explain_gate.data.preprocessing import Preprocessing, denormalize


def moved_alike(
    values: torch.Tensor, regions: np.ndarray[Any, Any], preprocessing: Preprocessing
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels (C, H, W), 8 bits or in [0, 1], and regions (N, H, W) as the model's input is made, in [0, 1] and bool."""
    if preprocessing.transform is not None:
        bytes_ = values if values.dtype == torch.uint8 else (values * 255).round().to(torch.uint8)
        picture, moved = transforming.apply(preprocessing.transform, bytes_.permute(1, 2, 0).numpy(), regions)
        # As every picture of the set: normalising gives back what the transform made.
        return denormalize(picture, preprocessing), moved
    if preprocessing.resize is None and preprocessing.crop is None and preprocessing.pad is None:
        return _plain(values, preprocessing), torch.from_numpy(regions.copy())
    from explain_gate.vision import transforms, tv_tensors

    # Functions, not transform modules: this runs in a thread, and while another one traces a model with torch.fx every
    # call of a module in the whole process is taken for a part of that model.
    pixels = tv_tensors.Image(values.contiguous())
    mask = tv_tensors.Mask(torch.from_numpy(regions))
    size: list[int] | None = None
    if preprocessing.pad is not None:
        size = list(_resized(preprocessing, values.shape[-2], values.shape[-1]))
    elif preprocessing.resize is not None:
        size = [preprocessing.resize] if isinstance(preprocessing.resize, int) else list(preprocessing.resize)
    if size is not None:
        mode = transforms.InterpolationMode(preprocessing.interpolation)
        pixels, mask = (
            transforms.functional.resize(one, size, interpolation=mode, antialias=True) for one in (pixels, mask)
        )
    if preprocessing.crop is not None:
        crop = [preprocessing.crop] * 2 if isinstance(preprocessing.crop, int) else list(preprocessing.crop)
        pixels, mask = (transforms.functional.center_crop(one, crop) for one in (pixels, mask))
    plain = _plain(pixels.as_subclass(torch.Tensor), preprocessing)
    moved = mask.as_subclass(torch.Tensor).to(torch.bool)
    return _padded(plain, moved, preprocessing)


def _padded(
    pixels: torch.Tensor, masks: torch.Tensor, preprocessing: Preprocessing
) -> tuple[torch.Tensor, torch.Tensor]:
    """The picture in the middle of its size; what is left over is filled, and belongs to no region."""
    if preprocessing.pad is None:
        return pixels, masks
    (height, width), (inner_height, inner_width) = preprocessing.pad, pixels.shape[-2:]
    top, left = (height - inner_height) // 2, (width - inner_width) // 2
    colour = torch.tensor(preprocessing.pad_colour, dtype=torch.float32).view(-1, 1, 1) / 255.0
    # The colour is written as red, green, blue; the pixels may already be the other way round.
    colour = colour.flip(0) if preprocessing.order == "bgr" else colour
    filled = colour.expand(len(pixels), height, width).clone()
    filled[:, top : top + inner_height, left : left + inner_width] = pixels
    moved = torch.zeros((len(masks), height, width), dtype=torch.bool)
    moved[:, top : top + inner_height, left : left + inner_width] = masks
    return filled, moved


def _plain(pixels: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    """Values in [0, 1], float32, in the model's order of colours."""
    plain = pixels.to(torch.float32) / 255.0 if pixels.dtype == torch.uint8 else pixels.clamp(0, 1)
    return plain.flip(0) if preprocessing.order == "bgr" else plain


def size_after(preprocessing: Preprocessing, height: int, width: int) -> tuple[int, int]:
    """The size of an image after resizing and cropping, as `moved_alike` makes it."""
    if preprocessing.transform is not None:
        blank = np.zeros((height, width, preprocessing.channels), dtype=np.uint8)
        pixels, _ = transforming.apply(preprocessing.transform, blank, np.zeros((1, height, width), dtype=bool))
        return pixels.shape[-2], pixels.shape[-1]
    if preprocessing.pad is not None:
        return preprocessing.pad
    height, width = _resized(preprocessing, height, width)
    crop = preprocessing.crop
    return (height, width) if crop is None else (crop, crop) if isinstance(crop, int) else crop


def _resized(preprocessing: Preprocessing, height: int, width: int) -> tuple[int, int]:
    """Height and width after `resize` or `pad` scaled the picture, before anything is cut off or filled in."""
    if preprocessing.pad is not None:
        scale = min(preprocessing.pad[0] / height, preprocessing.pad[1] / width)
        return max(1, round(height * scale)), max(1, round(width * scale))
    if isinstance(preprocessing.resize, int):
        longer = int(preprocessing.resize * max(height, width) / min(height, width))
        return (preprocessing.resize, longer) if height <= width else (longer, preprocessing.resize)
    return (height, width) if preprocessing.resize is None else preprocessing.resize


def lost_share(region: np.ndarray[Any, Any], preprocessing: Preprocessing) -> float:
    """The share of a region (H, W) that the centre crop takes away."""
    if preprocessing.crop is None or not region.any():
        return 0.0
    height, width = region.shape
    resized = _resized(preprocessing, height, width)
    crop = preprocessing.crop if isinstance(preprocessing.crop, tuple) else (preprocessing.crop, preprocessing.crop)
    spans = []
    for side, after, kept in zip((height, width), resized, crop, strict=True):
        cut = max(0.0, (after - kept) / 2) * side / after
        spans.append(slice(round(cut), side - round(cut)))
    return 1 - float(region[spans[0], spans[1]].sum()) / float(region.sum())


def stretch_of(preprocessing: Preprocessing, height: int, width: int) -> float:
    """How much wider or higher the picture became in relation, 1 where it kept its shape."""
    if preprocessing.transform is not None or not isinstance(preprocessing.resize, tuple):
        return 1.0
    after = preprocessing.resize
    ratio = (after[1] / after[0]) / (width / height)
    return max(ratio, 1 / ratio)
