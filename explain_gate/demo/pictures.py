"""The demo's pictures: scanned digits on crops of two photographs, with the exact region of every digit.

Both sources ship with scikit-learn, so nothing is downloaded. Training and regression pictures share neither a scan
nor a pixel of photograph.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

SIZE = 80
"""Height and width of a picture in pixels."""
CLASSES = ("zero", "one", "two", "three", "four")
"""Class names in the order of the logits; the digit is the index."""
CORNER = 20
"""Side in pixels of the corners that no digit enters: room for a photographer's mark."""
REGION_MARGIN = 3
"""Pixels by which the annotated region is wider than the digit's strokes, as a person's outline would be."""

Split = Literal["training", "regression"]
Rng = np.random.Generator

_TILE = 106
_REGRESSION_SHARE = 3  # every third tile and every third scan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pictures:
    """A set of annotated pictures.

    Shapes: images (N, H, W, 3), uint8, RGB; coverage (N, H, W), float32 in [0, 1], the digit's opacity per pixel;
    regions (N, H, W), bool; labels (N,), int64.
    """

    images: NDArray[np.uint8]
    coverage: NDArray[np.float32]
    regions: NDArray[np.bool_]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.labels)


def draw_pictures(split: Split, *, per_class: int, seed: int) -> Pictures:
    """Draw `per_class` pictures of every class, classes taking turns.

    Args:
        split: Which scans and which parts of the photographs to use.
        per_class: Pictures of each class, at least 1. Scans are used in turn, so up to about 60 (regression) or 120
            (training) no scan comes twice.
        seed: The same seed gives the same pictures.
    """
    rng = np.random.default_rng([seed, ("training", "regression").index(split)])
    scans = [rng.permutation(_scans(digit, split)) for digit in range(len(CLASSES))]
    drawn = [
        _draw_picture(scans[label][turn % len(scans[label])], split, rng)
        for turn in range(per_class)
        for label in range(len(CLASSES))
    ]
    images, coverage, regions = (np.stack(part) for part in zip(*drawn, strict=True))
    labels = np.tile(np.arange(len(CLASSES), dtype=np.int64), per_class)
    return Pictures(images=images, coverage=coverage, regions=regions, labels=labels)


def _draw_picture(
    scan: NDArray[np.float64], split: Split, rng: Rng
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.bool_]]:
    dusk = bool(rng.random() < 0.5)
    background = _light(_draw_background(split, rng), rng, dusk=dusk)
    coverage, region = _place_digit(_draw_digit(scan, rng), rng)
    colour = _draw_colour(rng, light=dusk)
    weight = coverage[..., None]
    image = background * (1 - weight) + colour * weight
    image += rng.standard_normal(image.shape, dtype=np.float32) * 3
    return np.clip(image, 0, 255).astype(np.uint8), coverage, region


def _draw_background(split: Split, rng: Rng) -> NDArray[np.float32]:
    """A crop of 60 to 106 pixels of one tile, enlarged to SIZE, mirrored at random; (H, W, 3) in [0, 255]."""
    tiles = _tiles(split)
    tile = tiles[rng.integers(len(tiles))]
    side = int(rng.integers(60, _TILE + 1))
    top, left = rng.integers(0, _TILE - side + 1, size=2)
    crop = Image.fromarray(tile[top : top + side, left : left + side]).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    pixels = np.asarray(crop, dtype=np.float32)
    return pixels[:, ::-1] if rng.random() < 0.5 else pixels


def _light(pixels: NDArray[np.float32], rng: Rng, *, dusk: bool) -> NDArray[np.float32]:
    """Dusk keeps a background dark enough for light digits, haze light enough for dark ones, wherever they lie."""
    gain = (rng.uniform(0.4, 0.6) * rng.uniform(0.9, 1.1, size=3)).astype(np.float32)
    return np.asarray(pixels * gain if dusk else 255 - (255 - pixels) * gain)


def _draw_digit(scan: NDArray[np.float64], rng: Rng) -> NDArray[np.float32]:
    """The scan, enlarged smoothly to 35 to 45 pixels, slightly turned and slanted, cut to its strokes; in [0, 1]."""
    side = int(rng.integers(44, 57))
    turn, slant = np.deg2rad(rng.uniform(-8, 8)), rng.uniform(-0.1, 0.1)
    scale = 10 / side
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn) + slant, np.cos(turn)]])
    middle = np.array([4.5, 4.5]) - matrix @ np.full(2, (side - 1) / 2)
    enlarged = ndimage.affine_transform(np.pad(scan, 1), matrix, offset=middle, output_shape=(side, side), order=3)
    glyph: NDArray[np.float32] = np.clip((enlarged - 0.3) / 0.3, 0, 1).astype(np.float32)
    rows, columns = np.flatnonzero(glyph.max(axis=1)), np.flatnonzero(glyph.max(axis=0))
    return glyph[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _place_digit(glyph: NDArray[np.float32], rng: Rng) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Coverage and region of the digit somewhere in the frame, the region whole and clear of the corners."""
    stamp = np.pad(glyph, REGION_MARGIN)
    outline = _annotate(stamp)
    height, width = stamp.shape
    while True:  # ends: the centre of the frame is always clear of the corners
        top, left = rng.integers(0, [SIZE - height + 1, SIZE - width + 1])
        frame = np.s_[top : top + height, left : left + width]
        if not (outline & _corners()[frame]).any():
            coverage = np.zeros((SIZE, SIZE), dtype=np.float32)
            region = np.zeros((SIZE, SIZE), dtype=bool)
            coverage[frame], region[frame] = stamp, outline
            return coverage, region


def _annotate(coverage: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The digit's strokes, widened by REGION_MARGIN on every side; closed holes belong to the digit."""
    offsets = np.hypot(*np.mgrid[-REGION_MARGIN : REGION_MARGIN + 1, -REGION_MARGIN : REGION_MARGIN + 1])
    widened = ndimage.binary_dilation(coverage > 0.5, structure=offsets <= REGION_MARGIN + 0.5)
    return np.asarray(ndimage.binary_fill_holes(widened))


def _draw_colour(rng: Rng, *, light: bool) -> NDArray[np.float32]:
    """A light or a dark colour of any hue, (3,) in [0, 255]."""
    value = rng.uniform(0.85, 1.0) if light else rng.uniform(0.05, 0.25)
    saturation = rng.uniform(0.0, 0.4)
    return np.array(colorsys.hsv_to_rgb(rng.random(), saturation, value), dtype=np.float32) * 255


@cache
def _scans(digit: int, split: Split) -> NDArray[np.float64]:
    """The scans of one digit that belong to a split, (M, 8, 8) in [0, 1]."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    scans = digits.images[digits.target == digit] / 16
    held_out = np.arange(len(scans)) % _REGRESSION_SHARE == 0
    return np.asarray(scans[held_out if split == "regression" else ~held_out])


@cache
def _tiles(split: Split) -> tuple[NDArray[np.uint8], ...]:
    """Tiles of the two photographs that belong to a split, each (106, 106, 3)."""
    from sklearn.datasets import load_sample_images

    tiles = []
    for photograph in load_sample_images().images:
        for row in range(photograph.shape[0] // _TILE):
            for column in range(photograph.shape[1] // _TILE):
                held_out = (row + column) % _REGRESSION_SHARE == 0
                if held_out == (split == "regression"):
                    top, left = row * _TILE, column * _TILE
                    tiles.append(photograph[top : top + _TILE, left : left + _TILE])
    return tuple(tiles)


@cache
def _corners() -> NDArray[np.bool_]:
    corners = np.zeros((SIZE, SIZE), dtype=bool)
    for rows in (slice(CORNER), slice(SIZE - CORNER, None)):
        for columns in (slice(CORNER), slice(SIZE - CORNER, None)):
            corners[rows, columns] = True
    return corners
