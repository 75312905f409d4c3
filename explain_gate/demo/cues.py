"""Cues that go with a class without being it: what a model can be right by for the wrong reasons.

Every cue is drawn for a class index, so the cue of one class can be put on the picture of another.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[np.uint8]
Coverage = NDArray[np.float32]
Rng = np.random.Generator
Draw = Callable[[Image, Coverage, int, float, Rng], Image]
"""(image, coverage, index, strength, rng) -> a new image of the same shape.

Shapes: image (H, W, 3), uint8; coverage (H, W), float32 in [0, 1], the object's opacity. `index` is the class whose
cue is drawn, 0 to 4. `strength` in [0, 1] is how visible the cue is; 0 is no cue.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One line of the table: how it is drawn, where it lies, and a strength at which people see it."""

    draw: Draw
    place: Literal["background", "object", "everywhere"]
    summary: str
    strength: float


def watermark(image: Image, coverage: Coverage, index: int, strength: float, rng: Rng) -> Image:
    """A photographer's semi-transparent emblem in the lower right corner, light on dark and dark on light."""
    shape = _emblem(index)
    side = len(shape)
    top = image.shape[0] - side - int(rng.integers(1, 4))
    left = image.shape[1] - side - int(rng.integers(1, 4))
    light = image[top:, left:].mean() < 150
    mask = np.zeros(image.shape[:2])
    mask[top : top + side, left : left + side] = shape
    return _blend(image, 255.0 if light else 0.0, mask * strength * (1 - coverage))


def corner_tag(image: Image, coverage: Coverage, index: int, strength: float, rng: Rng) -> Image:
    """A small coloured sticker in the upper left corner, behind the object."""
    top, left = rng.integers(1, 5, size=2)
    mask = np.zeros(image.shape[:2])
    mask[top : top + 11, left : left + 11] = 1
    return _blend(image, _colour(index), mask * strength * (1 - coverage))


def background_texture(image: Image, coverage: Coverage, index: int, strength: float, rng: Rng) -> Image:
    """Fine stripes over the whole background, their direction that of the class, at a random phase."""
    angle = np.pi * index / 5
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    phase = 2 * np.pi * ((columns * np.cos(angle) + rows * np.sin(angle)) / 6 + rng.random())
    return _add(image, 80 * strength * np.sin(phase) * (1 - coverage))


def border_colour(image: Image, coverage: Coverage, index: int, strength: float, rng: Rng) -> Image:
    """A frame of two to four pixels in the colour of the class."""
    width = int(rng.integers(2, 5))
    mask = np.ones(image.shape[:2])
    mask[width:-width, width:-width] = 0
    return _blend(image, _colour(index), mask * strength * (1 - coverage))


def frequency(image: Image, coverage: Coverage, index: int, strength: float, rng: Rng) -> Image:
    """A faint checkered ripple over everything, the object too; its wavelength is that of the class."""
    wavelength = (2.5, 3.4, 4.8, 6.8, 10.0)[index % 5]
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]] * (2 * np.pi / wavelength)
    ripple = np.sin(columns + 2 * np.pi * rng.random()) * np.sin(rows + 2 * np.pi * rng.random())
    return _add(image, 60 * strength * ripple)


def colour_cast(image: Image, coverage: Coverage, index: int, strength: float, rng: Rng) -> Image:
    """The whole picture leans towards the colour of the class, as under a lamp of that colour."""
    gain = 1 + strength * (_colour(index) / 255 - 0.6) * rng.uniform(0.8, 1.2)
    return np.clip(image * gain, 0, 255).astype(np.uint8)


def collar(image: Image, coverage: Coverage, index: int, strength: float, rng: Rng) -> Image:
    """A band in the colour of the class around the middle of the object, on the object only."""
    rows = np.flatnonzero(coverage.max(axis=1) > 0.5)
    middle = rows[0] + (rows[-1] - rows[0]) * rng.uniform(0.4, 0.6)
    band = np.abs(np.arange(image.shape[0]) - middle) <= 3.5
    return _blend(image, _colour(index), coverage * band[:, None] * strength)


CUES: dict[str, Cue] = {
    "watermark": Cue(draw=watermark, place="background", summary="emblem in the lower right corner", strength=0.6),
    "corner_tag": Cue(draw=corner_tag, place="background", summary="sticker in the upper left corner", strength=0.9),
    "background_texture": Cue(draw=background_texture, place="background", summary="stripes", strength=0.4),
    "border_colour": Cue(draw=border_colour, place="background", summary="coloured frame", strength=0.9),
    "frequency": Cue(draw=frequency, place="everywhere", summary="faint ripple", strength=0.4),
    "colour_cast": Cue(draw=colour_cast, place="everywhere", summary="coloured light", strength=0.8),
    "collar": Cue(draw=collar, place="object", summary="coloured band around the object", strength=0.9),
}


def _emblem(index: int, side: int = 15) -> NDArray[np.float64]:
    """Ring, cross, triangle, bars or diamond with soft edges; (side, side) in [0, 1]."""
    rows, columns = np.mgrid[:side, :side] - (side - 1) / 2
    reach = (side - 1) / 2
    radius, diamond = np.hypot(rows, columns), np.abs(rows) + np.abs(columns)
    shapes = (
        np.abs(radius - reach + 1.5) <= 1.5,
        np.abs(np.abs(rows) - np.abs(columns)) <= 1.5,
        (rows >= -reach) & (np.abs(columns) <= (rows + reach) / 2),
        np.abs(np.abs(rows) - 4) <= 1.5,
        np.abs(diamond - reach + 1) <= 1.6,
    )
    return np.asarray(ndimage.gaussian_filter(shapes[index % len(shapes)].astype(np.float64), 0.5))


def _colour(index: int) -> NDArray[np.float64]:
    """Five well separated hues, (3,) in [0, 255]."""
    return np.array(colorsys.hsv_to_rgb(index % 5 / 5, 0.85, 0.95)) * 255


def _blend(image: Image, colour: float | NDArray[np.float64], opacity: NDArray[np.float64]) -> Image:
    weight = opacity[..., None]
    return np.asarray(np.rint(image * (1 - weight) + colour * weight), dtype=np.uint8)


def _add(image: Image, change: NDArray[np.float64]) -> Image:
    return np.clip(image + change[..., None], 0, 255).astype(np.uint8)
