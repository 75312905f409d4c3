"""Files become values: every colour mode and depth, and what is no whole image is named."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from drawings import SIDE, picture
from PIL import Image

from explain_gate.data.images import load
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


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "RGBA", "LA"])
def test_every_colour_mode_becomes_rgb(tmp_path, mode):
    """Gray, bilevel, palette, CMYK and alpha images keep what they show."""
    suffix = "tif" if mode == "CMYK" else "png"
    marked().convert(mode).save(tmp_path / f"a.{suffix}")
    pixels = load(tmp_path / f"a.{suffix}", (), None, AS_IS)[0]
    assert pixels.shape == (3, *SIDE)
    assert pixels[:, PATCH[0], PATCH[1]].min() > 0.9
    assert pixels[:, 8:].max() < 0.3


def test_sixteen_bits_keep_their_range(tmp_path):
    """A 16-bit gray image is scaled by its depth, not clipped at 255, also where it is dark."""
    for value in (51400, 200):
        Image.fromarray(np.full(SIDE, value, dtype=np.uint16)).save(tmp_path / "a.png")
        assert load(tmp_path / "a.png", (), None, AS_IS)[0].mean().item() == pytest.approx(value / 65535, abs=3e-3)


def header(width: int, height: int) -> bytes:
    """A PNG file that promises so many pixels and holds none."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    "content",
    [b"", b"not an image", header(100_000, 100_000), header(20_000, 20_000), header(5, 5), header(0, 0)],
    ids=["empty", "text", "huge", "large", "truncated", "no pixels"],
)
def test_a_file_that_is_no_whole_image_is_named(tmp_path, content):
    """Empty, foreign, truncated and exploding files are one DataError with the file's name."""
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.png"):
        load(path, (), None, AS_IS)


def test_a_truncated_photograph_is_refused(tmp_path):
    """Half a JPEG is not padded with gray."""
    path = picture(tmp_path / "a.jpg", (200, 200))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match="not a whole image file"):
        load(path, (), None, AS_IS)
