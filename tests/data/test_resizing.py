"""Regions move with a picture that is resized, cropped or padded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from drawings import marked
from PIL import Image

from explain_gate.data.images import load, load_annotated, size_of
from explain_gate.data.preprocessing import Preprocessing
from explain_gate.data.regions import Shape

BOX = Shape(box=(3, 2, 11, 6))


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
    cropped = load_annotated(tmp_path / "a.png", (BOX, Shape(box=(0, 0, 5, 5), ignore=True)), None, crop)
    assert cropped.pixels.shape == (3, 32, 32)
    assert not cropped.region.any()
    assert not cropped.ignored.any()


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
