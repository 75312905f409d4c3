"""Pictures, masks and COCO text that tests draw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDE = (12, 20)
"""Height and width of the pictures."""


def picture(path: Path, size: tuple[int, int] = SIDE, mode: str = "RGB", **options: Any) -> Path:
    """A picture whose red channel counts columns and whose green channel counts rows."""
    height, width = size
    rows, columns = np.mgrid[0:height, 0:width]
    pixels = np.stack([columns * 10, rows * 10, np.full(size, 90)], axis=-1).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path, **options)
    return path


def marked(size: tuple[int, int] = SIDE) -> Image.Image:
    """A black picture with a white patch from (3, 2) to (11, 6)."""
    pixels = np.zeros((*size, 3), dtype=np.uint8)
    pixels[2:6, 3:11] = 255
    return Image.fromarray(pixels)


def mask(path: Path, inside: tuple[slice, slice], size: tuple[int, int] = SIDE, value: int = 255) -> Path:
    """A mask file with one rectangle inside."""
    values = np.zeros(size, dtype=np.uint8)
    values[inside] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path


def coco(names: list[str], annotations: list[dict], categories: tuple[str, ...] = ("cat", "dog"), **image: Any) -> str:
    """COCO text; image ids count from 1, annotations name their image by it."""
    return json.dumps(
        {
            "images": [{"id": number, "file_name": name, **image} for number, name in enumerate(names, start=1)],
            "annotations": [{"id": number, **item} for number, item in enumerate(annotations)],
            "categories": [{"id": number, "name": name} for number, name in enumerate(categories)],
        }
    )


ROWS, COLUMNS = slice(3, 7), slice(2, 8)
"""Of the region that every format draws: a box from (2, 3) to (8, 7) on 20 x 12."""
FIXED = np.zeros(SIDE, dtype=bool)
FIXED[ROWS, COLUMNS] = True
SHARES = "0.25 0.4166667 0.3 0.3333333"


def regions(data):
    """Region by image and class."""
    return {(entry.image, entry.class_name): data.sample(row).region for row, entry in enumerate(data.entries)}


def only_fixed(data, *expected, classes):
    """Exactly these images and classes, each with the one region."""
    assert list(data.classes) == list(classes)
    drawn = regions(data)
    assert sorted(drawn) == sorted(expected)
    for key, region in drawn.items():
        assert np.array_equal(region.numpy(), FIXED), key
