"""A drawn shape as the pixels that it means."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from explain_gate.data.regions import Shape, fill
from explain_gate.errors import DataError

HEIGHT, WIDTH = 10, 12
EXPECTED = np.zeros((HEIGHT, WIDTH), dtype=bool)
EXPECTED[3:7, 2:8] = True
RUNS = {"size": [HEIGHT, WIDTH], "counts": [23, *[4, 6] * 5, 4, 43]}


@pytest.mark.parametrize(
    "shape",
    [
        Shape(box=(2, 3, 8, 7)),
        Shape(polygons=((2, 3, 8, 3, 8, 7, 2, 7),)),
        Shape(polygons=((2, 3, 5, 3, 5, 7, 2, 7), (5, 3, 8, 3, 8, 7, 5, 7))),
        Shape(rle=RUNS),
        Shape(box=(2 / WIDTH, 3 / HEIGHT, 8 / WIDTH, 7 / HEIGHT), relative=True).at(HEIGHT, WIDTH),
    ],
    ids=["box", "polygon", "two polygons", "run lengths", "shares"],
)
def test_every_way_to_draw_a_rectangle_is_the_same_pixels(shape):
    """A box, a polygon, its two halves, run lengths, shares of the picture."""
    assert np.array_equal(fill(shape, HEIGHT, WIDTH), EXPECTED)


def test_a_mask_file_is_what_is_not_zero_or_one_of_its_values(tmp_path):
    """Values of classes are told apart."""
    values = np.where(EXPECTED, 2, 0).astype(np.uint8)
    values[0, 0] = 7
    Image.fromarray(values).save(tmp_path / "mask.png")
    assert np.array_equal(fill(Shape(file=tmp_path / "mask.png", values=(2,)), HEIGHT, WIDTH), EXPECTED)
    assert fill(Shape(file=tmp_path / "mask.png"), HEIGHT, WIDTH).sum() == EXPECTED.sum() + 1


def test_what_lies_outside_of_the_picture_is_cut():
    """Tools draw past the edge."""
    assert fill(Shape(box=(-5, -5, 100, 2)), HEIGHT, WIDTH).sum() == 2 * WIDTH
    assert fill(Shape(polygons=((-5, -5, 1e9, -5, 1e9, 100, -5, 100),)), HEIGHT, WIDTH).all()


def test_what_does_not_belong_to_the_picture_is_refused(tmp_path):
    """Another size, a missing file."""
    Image.fromarray(np.ones((5, 5), dtype=np.uint8)).save(tmp_path / "small.png")
    for shape in (Shape(rle={"size": [3, 3], "counts": [9]}), Shape(file=tmp_path / "small.png")):
        with pytest.raises(DataError):
            fill(shape, HEIGHT, WIDTH)
    with pytest.raises(DataError, match=r"none\.png"):
        fill(Shape(file=tmp_path / "none.png"), HEIGHT, WIDTH)


@pytest.mark.parametrize("wrong", [{"box": (2, 3, 2, 7)}, {"box": (8, 3, 2, 7)}, {"polygons": ((1, float("nan")),)}])
def test_a_shape_without_an_area_or_with_no_numbers_is_none(wrong):
    """Where it is read, so that its line can be named."""
    with pytest.raises(ValueError, match="must"):
        Shape(**wrong)
