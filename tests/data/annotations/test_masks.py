"""A mask an image: the usual kinds, and the folder a class."""

from __future__ import annotations

import numpy as np
import pytest
from drawings import COLUMNS, FIXED, ROWS, mask, only_fixed, picture
from PIL import Image

from explain_gate.data.regression_set import open_set
from explain_gate.errors import DataError


@pytest.mark.parametrize("kind", ["binary", "bilevel", "palette", "dark colour", "alpha", "cut-out", "instances"])
def test_masks_of_the_usual_kinds(gate, tmp_path, images, kind):
    """Whatever is not 0 is inside; where alpha varies, what is opaque is."""
    path = mask(tmp_path / "masks" / "cat" / "a.png", (ROWS, COLUMNS))
    gray = np.where(FIXED, 255, 0).astype(np.uint8)
    made = {
        "binary": lambda: Image.fromarray(gray),
        "bilevel": lambda: Image.fromarray(FIXED),
        "palette": lambda: Image.fromarray(FIXED.astype(np.uint8)),
        "dark colour": lambda: Image.fromarray(np.stack([0 * gray, 0 * gray, gray // 255], axis=-1)),
        "alpha": lambda: Image.fromarray(np.stack([0 * gray] * 3 + [gray], axis=-1)),
        "cut-out": lambda: Image.fromarray(np.stack([np.full_like(gray, 200)] * 3 + [gray], axis=-1)),
        "instances": lambda: Image.fromarray(np.where(FIXED, 40_000, 0).astype(np.uint16)),
    }[kind]()
    if kind == "palette":
        made.putpalette([200, 200, 200, 0, 0, 0] + [0] * 762)
    made.save(path)
    only_fixed(open_set(gate("masks")), ("a.png", "cat"), classes=["cat"])


def test_a_folder_of_masks_per_class(gate, tmp_path):
    """`masks/<class>/<image>.png`; indexed values count as inside whatever their colour."""
    picture(tmp_path / "images" / "a.jpg")
    picture(tmp_path / "images" / "dog" / "a.png")
    mask(tmp_path / "masks" / "cat" / "a.png", (slice(2, 5), slice(3, 8)), value=1)
    mask(tmp_path / "masks" / "dog" / "a.png", (slice(2, 5), slice(3, 9)))
    data = open_set(gate("masks"))
    # Both masks find a.jpg first: one picture with two classes.
    assert [(entry.image, entry.label) for entry in data.entries] == [("a.jpg#cat", 0), ("a.jpg#dog", 1)]
    assert [int(data.sample(row).region.sum()) for row in range(2)] == [15, 18]


def test_a_mask_of_another_size_names_both_sizes(gate, tmp_path):
    """A mask drawn on a resized copy does not fit."""
    picture(tmp_path / "images" / "a.png")
    mask(tmp_path / "masks" / "cat" / "a.png", (slice(2, 5), slice(3, 8)), (24, 40))
    with pytest.raises(DataError, match="must be 20 x 12 like its image, got 40 x 24"):
        open_set(gate("masks")).sample(0)
