"""Image files of every kind, and regions that move with them."""

from __future__ import annotations

import pytest
import torch
from drawings import SIDE, marked

from explain_gate.data.images import load, load_annotated, size_of
from explain_gate.data.preprocessing import Preprocessing
from explain_gate.data.regions import Shape
from explain_gate.errors import DataError

AS_IS = Preprocessing(resize=None, crop=None, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
BOX = Shape(box=(3, 2, 11, 6))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("stored", [True, False], ids=["as stored", "upright"])
def test_the_region_turns_with_exif_orientation(tmp_path, orientation, stored):
    """The white patch lies under its region, whichever way the camera was held and the annotation was drawn."""
    image = marked()
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a.png", exif=exif)
    found, _ = load(tmp_path / "a.png", (), None, AS_IS)
    swapped = orientation >= 5
    assert tuple(found.shape[-2:]) == (SIDE[::-1] if swapped else SIDE)
    white = found[0] > 0.9
    if stored and (swapped or orientation == 1):
        shapes, size = (BOX,), SIDE
    else:  # as every annotation tool shows it
        ys, xs = white.nonzero(as_tuple=True)
        shapes = (Shape(box=(int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)),)
        size = tuple(white.shape)
    _, region = load(tmp_path / "a.png", shapes, size, AS_IS)
    assert torch.equal(region, white)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
@pytest.mark.parametrize("polygon", [False, True])
def test_a_shape_drawn_upright_with_the_stored_size_says_what_happened(tmp_path, orientation, polygon):
    """Some tools draw on the upright picture and state the size it is stored in; turning that would move the region."""
    image = marked((48, 64))
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a.png", exif=exif)
    upright = {"polygons": ((10, 50, 40, 50, 40, 60),)} if polygon else {"box": (10, 50, 40, 60)}
    for read in (load, size_of):
        with pytest.raises(DataError, match=rf"EXIF orientation {orientation}.*write width 48 and height 64"):
            read(tmp_path / "a.png", (Shape(**upright),), (48, 64), AS_IS)
    found = load_annotated(tmp_path / "a.png", (Shape(**upright),), (64, 48), AS_IS)
    assert found.region[50:60, 10:40].any()
    assert found.looks["turned"] == 0
    as_stored = load_annotated(tmp_path / "a.png", (Shape(box=(0, 0, 30, 20)),), (48, 64), AS_IS)
    assert as_stored.looks["turned"] == 1
