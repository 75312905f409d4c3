"""A team's own transform, `package.module:callable`: which form it has, what it does to a picture, and whether it may.

Three forms are taken. torchvision v2 and functions of two arguments get (Image, Mask), as tv_tensors, and give both
back; albumentations gets image= and mask= and gives a mapping; a function of one argument gets a Pillow picture, and is
taken only where it moves nothing. A function without arguments builds one of these.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from explain_gate.errors import DataError, ModelError
from explain_gate.own_code import load_function

_TRIES = 12
"""Repetitions of one picture: a part that acts half of the time is missed once in 4,000."""
_BAND = 3
"""Pixels on both sides of an edge that interpolation may blur."""
_AGREE = 0.97
_LIBRARIES = {
    "torchvision.transforms.v2": "pair",
    "torchvision.transforms": "picture",
    "albumentations": "mapping",
}
_SIZES = ((240, 320), (320, 200))
_TOP = 255.0

Array = NDArray[np.uint8]


def apply(reference: str, picture: Array, masks: NDArray[np.bool_]) -> tuple[torch.Tensor, torch.Tensor]:
    """A picture (H, W, C) and masks (N, H, W) -> what the model gets (C, H', W') and the masks (N, H', W'), bool.

    Raises:
        DataError: the transform raises, or gives back what is neither.
    """
    transform, form = _load(reference)
    try:
        pixels, moved = _FORMS[form](transform, picture, masks)
        made = _pixels(pixels)
        drawn = torch.stack([_mask(one) for one in moved])
    except DataError:
        raise
    except Exception as error:  # the user's code may raise anything
        raise DataError(
            f"data.preprocessing.transform {reference} raised {type(error).__name__}: {error}. It was called as "
            f"{_CALLED[form]}"
        ) from error
    if drawn.shape[-2:] != made.shape[-2:]:
        raise DataError(
            f"data.preprocessing.transform {reference} makes a picture of {made.shape[-1]} x {made.shape[-2]} and a "
            f"mask of {drawn.shape[-1]} x {drawn.shape[-2]}; it has to move both. {_HOW}"
        )
    return made, drawn


def probe(reference: str, channels: int) -> tuple[list[float], list[float]]:
    """What black and white become, a number a channel; refuses a transform that cannot be measured with.

    Raises:
        DataError: it is random, moves a picture and not its mask, cannot tell black from white, or raises.
    """
    _refuse_random(reference, channels)
    black, white = (_level(reference, value, channels) for value in (0, 255))
    if any(abs(high - low) < 1e-6 for low, high in zip(black, white, strict=True)):
        raise DataError(
            f"data.preprocessing.transform {reference} makes the same of a black and of a white picture, {black[0]:g}; "
            "a transform that stretches each picture on its own cannot be measured with"
        )
    for size in _SIZES:
        _refuse_moved(reference, size, channels, black, white)
    return black, white


def _refuse_random(reference: str, channels: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*_SIZES[0], channels), dtype=np.uint8)
    mask = np.zeros((1, *_SIZES[0]), dtype=bool)
    first, _ = apply(reference, noise, mask)
    for _ in range(_TRIES):
        again, _ = apply(reference, noise, mask)
        if again.shape != first.shape or not torch.equal(again, first):
            by = "another size" if again.shape != first.shape else f"up to {float((again - first).abs().max()):.3g}"
            raise DataError(
                f"data.preprocessing.transform {reference} is random: the same picture differs by {by} from call to "
                "call; name the transform that your evaluation uses"
            )


def _level(reference: str, value: int, channels: int) -> list[float]:
    picture = np.full((*_SIZES[0], channels), value, dtype=np.uint8)
    pixels, _ = apply(reference, picture, np.zeros((1, *_SIZES[0]), dtype=bool))
    # The median: a transform may add a border of another colour.
    return [float(one.flatten().median()) for one in pixels]


def _refuse_moved(reference: str, size: tuple[int, int], channels: int, black: list[float], white: list[float]) -> None:
    """A picture that is its own mask has to be so afterwards."""
    drawn = _figure(*size)
    picture = np.repeat(drawn[..., None].astype(np.uint8) * 255, channels, axis=-1)
    pixels, masks = apply(reference, picture, drawn[None])
    low, high = (torch.tensor(level).view(-1, 1, 1) for level in (black, white))
    bright = (((pixels - low) / (high - low)).mean(dim=0) > 0.5).numpy()
    mask = masks[0].numpy()
    band = max(1, min(_BAND, min(mask.shape) // 32))
    inside = ndimage.binary_erosion(mask, iterations=band, border_value=1)
    outside = ~ndimage.binary_dilation(mask, iterations=band)
    # Where a transform pads with a bright colour no picture is, and the mask cannot tell; only what it moved counts.
    padded = _padding(reference, size, channels, black, white)
    right = bright[inside].mean() if inside.any() else 0.0
    wrong = bright[outside & ~padded].mean() if (outside & ~padded).any() else 0.0
    if right < _AGREE or wrong > 1 - _AGREE:
        raise DataError(
            f"data.preprocessing.transform {reference} moves the picture and not the mask: of a picture that is its "
            f"own mask {right:.0%} of the mask's pixels are still bright, and {wrong:.0%} of the others. {_HOW}"
        )


def _padding(
    reference: str, size: tuple[int, int], channels: int, black: list[float], white: list[float]
) -> NDArray[np.bool_]:
    """Where an all black picture comes out bright: the transform's own border."""
    nothing = np.zeros((*size, channels), dtype=np.uint8)
    pixels, _ = apply(reference, nothing, np.zeros((1, *size), dtype=bool))
    low, high = (torch.tensor(level).view(-1, 1, 1) for level in (black, white))
    return np.asarray((((pixels - low) / (high - low)).mean(dim=0) > 0.25).numpy())


def _figure(height: int, width: int) -> NDArray[np.bool_]:
    """Something without any symmetry, in the middle and towards one corner, so that no crop takes all of it away."""
    drawn = np.zeros((height, width), dtype=bool)
    drawn[int(0.2 * height) : int(0.8 * height), int(0.3 * width) : int(0.55 * width)] = True
    drawn[int(0.5 * height) : int(0.8 * height), int(0.3 * width) : int(0.75 * width)] = True
    return drawn


@functools.cache
def _load(reference: str) -> tuple[Callable[..., Any], str]:
    try:
        transform: Any = load_function(reference, Path.cwd(), "data.preprocessing.transform")
    except ModelError as error:
        raise DataError(str(error)) from error
    if inspect.isclass(transform):
        raise DataError(
            f"data.preprocessing.transform {reference} is a class; name an object of it, or a function that builds one"
        )
    if _form(transform) == "builds":
        try:
            transform = transform()
        except Exception as error:  # the user's code may raise anything
            raise DataError(
                f"data.preprocessing.transform {reference} has no argument, so it was called to build the transform, "
                f"and raised {type(error).__name__}: {error}"
            ) from error
        if not callable(transform):
            raise DataError(
                f"data.preprocessing.transform {reference} built no callable, but {type(transform).__name__}"
            )
    form = _form(transform)
    if form == "builds":
        raise DataError(f"data.preprocessing.transform {reference} must take a picture and its mask. {_HOW}")
    return transform, form


def _form(transform: Any) -> str:
    """pair, mapping, picture, or builds."""
    module = type(transform).__module__
    for library, form in _LIBRARIES.items():
        if module.startswith(library):
            return form
    called = transform.forward if isinstance(transform, torch.nn.Module) else transform
    try:
        parameters = list(inspect.signature(called).parameters.values())
    except (TypeError, ValueError):
        return "picture"
    needed = len(_required(parameters))
    named = {one.name for one in parameters if one.kind is one.KEYWORD_ONLY}
    if {"image", "mask"} <= named or (not needed and any(one.kind is one.VAR_KEYWORD for one in parameters)):
        return "mapping"
    if any(one.kind is one.VAR_POSITIONAL for one in parameters) or needed >= 2:
        return "pair"
    return "picture" if needed == 1 else "builds"


def _required(parameters: list[inspect.Parameter]) -> list[inspect.Parameter]:
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [one for one in parameters if one.kind in places and one.default is one.empty]


def _pair(transform: Any, picture: Array, masks: NDArray[np.bool_]) -> tuple[Any, Any]:
    from explain_gate.vision import tv_tensors

    pixels = tv_tensors.Image(torch.from_numpy(picture.copy()).permute(2, 0, 1).contiguous())
    made = transform(pixels, tv_tensors.Mask(torch.from_numpy(masks.astype(np.uint8))))
    if not isinstance(made, tuple | list) or len(made) != 2:
        raise DataError(f"the transform gave back {type(made).__name__}, not a picture and its mask. {_HOW}")
    return made[0], list(torch.as_tensor(made[1]))


def _mapping(transform: Any, picture: Array, masks: NDArray[np.bool_]) -> tuple[Any, Any]:
    shown = picture[..., 0] if picture.shape[-1] == 1 else picture
    # All masks in one call would need their number in the transform; one picture with each of them does not.
    made = [transform(image=shown.copy(), mask=mask.astype(np.uint8)) for mask in masks]
    if not all(isinstance(one, Mapping) and {"image", "mask"} <= set(one) for one in made):
        raise DataError(f"the transform gave back no mapping of image and mask. {_HOW}")
    return made[0]["image"], [one["mask"] for one in made]


def _alone(transform: Any, picture: Array, masks: NDArray[np.bool_]) -> tuple[Any, Any]:
    shown = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
    return transform(shown), list(masks)


_FORMS: dict[str, Callable[[Any, Array, NDArray[np.bool_]], tuple[Any, Any]]] = {
    "pair": _pair,
    "mapping": _mapping,
    "picture": _alone,
}
_CALLED = {
    "pair": "transform(tv_tensors.Image, tv_tensors.Mask)",
    "mapping": "transform(image=array, mask=array)",
    "picture": "transform(Pillow picture)",
}
_HOW = (
    "Write it with torchvision.transforms.v2 (the same names as in torchvision.transforms), with albumentations, or as "
    "a function of picture and mask that returns both"
)


def _pixels(picture: Any) -> torch.Tensor:
    """(C, H, W), float32, as the model gets it; 8-bit values become [0, 1]."""
    values = _tensor(picture)
    if values.ndim == 4 and len(values) == 1:
        values = values[0]
    if values.ndim == 2:
        values = values[None]
    if values.ndim != 3:
        raise DataError(f"a picture must be (C, H, W) or (H, W, C), got the shape {tuple(values.shape)}")
    if values.shape[0] not in (1, 3) and values.shape[-1] in (1, 3):
        values = values.permute(2, 0, 1)
    return values.to(torch.float32).contiguous() / (_TOP if values.dtype == torch.uint8 else 1.0)


def _tensor(values: Any) -> torch.Tensor:
    """A tensor, an array (which may be turned, so it is copied) or a Pillow picture as a plain tensor."""
    if isinstance(values, torch.Tensor):
        return values.detach().cpu().as_subclass(torch.Tensor)
    return torch.from_numpy(np.array(values))


def _mask(mask: Any) -> torch.Tensor:
    values = _tensor(mask)
    while values.ndim > 2 and 1 in (values.shape[0], values.shape[-1]):
        values = values[0] if values.shape[0] == 1 else values[..., 0]
    if values.ndim != 2:
        raise DataError(f"a mask must be (H, W), got the shape {tuple(values.shape)}")
    return values > 0.5 if values.is_floating_point() else values != 0
