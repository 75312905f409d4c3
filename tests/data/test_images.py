"""Image files of every kind, and regions that move with them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from drawings import SIDE
from PIL import Image

from explain_gate.data.images import load, load_annotated, size_of
from explain_gate.data.preprocessing import Preprocessing
from explain_gate.data.regions import Shape
from explain_gate.errors import DataError

AS_IS = Preprocessing(resize=None, crop=None, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
PATCH = (slice(2, 6), slice(3, 11))
BOX = Shape(box=(3, 2, 11, 6))
DARK = 0


def marked(size=SIDE):
    """Black, with the patch white."""
    pixels = np.full((*size, 3), DARK, dtype=np.uint8)
    pixels[PATCH] = 255
    return Image.fromarray(pixels)


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


def test_resizing_and_cropping_move_the_region(tmp_path):
    """A white patch is under its region after resize and crop."""
    big = marked((64, 96)).resize((192, 128), Image.Resampling.NEAREST)
    big.save(tmp_path / "a.png")
    box = Shape(box=(6, 4, 22, 12))
    pixels, region = load(
        tmp_path / "a.png", (box,), (128, 192), Preprocessing(resize=64, crop=None, mean=(0, 0, 0), std=(1, 1, 1))
    )
    white = pixels[0] > 0.6
    assert (white & region).sum() / (white | region).sum() > 0.8


def test_decoding_goes_on_while_a_model_is_traced(tmp_path):
    """torch.fx takes every call of a module anywhere for a part of the model it traces; decoding calls none."""
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / "a.png")
    preprocessing = Preprocessing(resize=12, crop=8, mean=(0.5,) * 3, std=(0.5,) * 3)
    sizes = []

    class Decodes(torch.nn.Module):
        def forward(self, pixels):
            with ThreadPoolExecutor(1) as pool:
                sizes.append(pool.submit(load, tmp_path / "a.png", [], None, preprocessing).result()[0].shape)
            return pixels

    torch.fx.symbolic_trace(Decodes())
    assert sizes == [(3, 8, 8)]


def test_a_crop_can_remove_the_region(tmp_path):
    """What lies outside the crop is gone from every mask."""
    marked((64, 96)).save(tmp_path / "a.png")
    crop = Preprocessing(resize=None, crop=32, mean=(0, 0, 0), std=(1, 1, 1))
    found = load_annotated(tmp_path / "a.png", (BOX, Shape(box=(0, 0, 5, 5), ignore=True)), None, crop)
    assert found.pixels.shape == (3, 32, 32)
    assert not found.region.any()
    assert not found.ignored.any()


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize(("resize", "crop"), [(None, None), (20, None), (20, 16), ((18, 30), None), (None, (10, 12))])
def test_the_size_after_preprocessing_is_known_from_the_header(tmp_path, orientation, resize, crop):
    """As large as the tensor that decoding makes, upright, also where a side is rounded."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (67, 41)).save(path, exif=exif)
    preprocessing = Preprocessing(resize=resize, crop=crop, mean=(0.0,) * 3, std=(1.0,) * 3)
    pixels, _ = load(path, (), None, preprocessing)
    assert size_of(path, (), None, preprocessing) == tuple(pixels.shape[-2:])
