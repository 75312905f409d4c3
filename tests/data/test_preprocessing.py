"""Every way to say how a picture becomes the model's input, with the values that it becomes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from drawings import SIDE, picture
from PIL import Image

from explain_gate.config import PreprocessingSection
from explain_gate.data.images import load_annotated, size_of
from explain_gate.data.preprocessing import normalize, preprocessing_of, visible
from explain_gate.data.regions import Shape
from explain_gate.errors import DataError

BOX = Shape(box=(2, 3, 8, 7))


def made(**section):
    """The preprocessing of a section."""
    return preprocessing_of(PreprocessingSection(**section))


def loaded(path, section, shapes=(BOX,)):
    """An image as the model gets it, not yet normalised."""
    return load_annotated(path, shapes, None, made(**section))


def test_pad_fits_the_whole_picture_and_fills_the_rest(tmp_path):
    """20 x 12 in 40 x 40: twice as large, 8 rows of the colour above and below, the region moved along."""
    path = picture(tmp_path / "a.png")
    section = {"pad": {"size": 40, "colour": [114, 0, 255]}, "interpolation": "nearest"}
    found = loaded(path, section)
    assert found.pixels.shape == (3, 40, 40)
    assert size_of(path, (BOX,), None, made(**section)) == (40, 40)
    assert torch.allclose(found.pixels[:, :8], torch.tensor([114 / 255, 0, 1]).view(3, 1, 1))
    assert torch.equal(found.pixels[:, 32:], found.pixels[:, :8])
    assert torch.allclose(found.pixels[0, 8:32, ::2], torch.arange(20) * 10 / 255)
    expected = torch.zeros(40, 40, dtype=torch.bool)
    expected[8 + 6 : 8 + 14, 4:16] = True
    assert torch.equal(found.region, expected)


def test_pad_keeps_a_picture_of_the_other_shape_too(tmp_path):
    """A high picture gets its colour left and right; an odd rest goes to the right and below."""
    found = loaded(picture(tmp_path / "a.png", (20, 11)), {"pad": [20, 20]}, (Shape(box=(0, 0, 11, 20)),))
    assert not found.pixels[:, :, :4].any()
    assert not found.pixels[:, :, 15:].any()
    assert torch.equal(found.region.any(dim=0), torch.tensor([4 <= column < 15 for column in range(20)]))


def test_order_bgr_turns_the_channels_and_what_is_shown_is_not_turned(tmp_path):
    """The model gets blue first, normalised with its own order of means; people see red, green and blue."""
    path = picture(tmp_path / "a.png")
    plain, section = loaded(path, {}), {"order": "bgr", "mean": [0.1, 0.2, 0.3], "std": [1, 2, 4]}
    found = loaded(path, section)
    assert torch.equal(found.pixels, plain.pixels.flip(0))
    given = normalize(found.pixels, made(**section))
    assert torch.allclose(given[2], (plain.pixels[0] - 0.3) / 4)
    assert torch.allclose(visible(given, made(**section)), plain.pixels, atol=1e-6)


def test_one_channel_is_luma(tmp_path):
    """A colour picture becomes gray as Pillow makes it; a gray one stays."""
    section = {"channels": 1, "mean": [0.5], "std": [0.5]}
    found = loaded(picture(tmp_path / "a.png"), section)
    gray = np.asarray(Image.open(tmp_path / "a.png").convert("L"))
    assert found.pixels.shape == (1, *SIDE)
    assert np.array_equal((found.pixels[0] * 255).round().numpy(), gray)
    assert visible(normalize(found.pixels, made(**section)), made(**section)).shape == (3, *SIDE)


def test_twelve_bits_in_sixteen_need_their_range(tmp_path):
    """Without it a picture is nearly black, and says so; with it 4095 is 1 and nothing is rounded to 8 bits."""
    values = np.linspace(0, 4095, SIDE[0] * SIDE[1]).astype(np.uint16).reshape(SIDE)
    Image.fromarray(values).save(tmp_path / "a.png")
    dark = loaded(tmp_path / "a.png", {})
    assert dark.looks["brightest"] == pytest.approx(4095 / 65535, abs=2e-3)
    for channels in (1, 3):
        found = loaded(tmp_path / "a.png", {"range": [0, 4095], "channels": channels})
        assert found.pixels.shape == (channels, *SIDE)
        assert torch.allclose(found.pixels[0], torch.from_numpy(values / 4095).float())
    deep = loaded(tmp_path / "a.png", {"channels": 1})
    assert torch.allclose(deep.pixels[0], torch.from_numpy(values / 65535).float())


def test_a_range_clips_and_holds_for_eight_bits_too(tmp_path):
    """Below low is 0, above high is 1."""
    Image.fromarray(np.array([[0, 50, 100, 150, 200, 255]] * 6, dtype=np.uint8)).save(tmp_path / "a.png")
    found = loaded(tmp_path / "a.png", {"range": [50, 200]}, ())
    assert torch.allclose(found.pixels[:, 0], torch.tensor([0, 0, 1 / 3, 2 / 3, 1, 1]).expand(3, 6))
    assert found.looks["clipped"] == pytest.approx(2 / 6)


def test_a_range_that_bytes_cannot_have_says_what_to_write(tmp_path):
    """[-1024, 1024] is what some models take, not what a PNG stores; the mean and std that make it are named."""
    Image.fromarray(np.full(SIDE, 255, dtype=np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"write mean: \[0.5\] and std: \[0.000488281\]"):
        loaded(tmp_path / "a.png", {"range": [-1024, 1024], "channels": 1})
    section = {"channels": 1, "mean": [0.5], "std": [0.00048828125]}
    assert normalize(loaded(tmp_path / "a.png", section).pixels, made(**section)).max() == 1024


def test_arrays_of_bands_are_read(tmp_path):
    """(H, W, C) and (C, H, W); what may be either, another number of bands, and floats without a range are refused."""
    bands = np.random.default_rng(0).integers(0, 65535, (*SIDE, 5), dtype=np.uint16)
    np.save(tmp_path / "a.npy", bands)
    np.save(tmp_path / "b.npy", np.moveaxis(bands, -1, 0))
    section = {"channels": 5, "resize": list(SIDE), "interpolation": "nearest"}
    for name in ("a.npy", "b.npy"):
        found = loaded(tmp_path / name, section)
        assert torch.allclose(found.pixels, torch.from_numpy(bands / 65535).permute(2, 0, 1).float(), atol=1e-6)
        assert size_of(tmp_path / name, (BOX,), None, made(**section)) == SIDE
    with pytest.raises(DataError, match=r"shape .*and data\.preprocessing\.channels says 4"):
        loaded(tmp_path / "a.npy", {"channels": 4})
    np.save(tmp_path / "c.npy", np.zeros((12, 12, 12), np.uint8))
    with pytest.raises(DataError, match="may be the first or the last"):
        loaded(tmp_path / "c.npy", {"channels": 12})
    np.save(tmp_path / "d.npy", np.linspace(-1000, 400, 240).reshape(SIDE).astype(np.float32))
    with pytest.raises(DataError, match=r"float32 from -1000 to 400; write preprocessing.range"):
        loaded(tmp_path / "d.npy", {"channels": 1})
    found = loaded(tmp_path / "d.npy", {"channels": 1, "range": [-1024, 1024]})
    assert found.pixels[0, 0, 0].item() == pytest.approx(24 / 2048, abs=1e-6)
    np.save(tmp_path / "e.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"e\.npy"):
        loaded(tmp_path / "e.npy", {"channels": 1})


def test_a_tiff_of_several_bands_is_read(tmp_path):
    """Seven bands, as satellites have them."""
    tifffile = pytest.importorskip("tifffile")
    bands = np.random.default_rng(0).integers(0, 255, (*SIDE, 7), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", bands)
    found = loaded(tmp_path / "a.tif", {"channels": 7})
    assert torch.allclose(found.pixels, torch.from_numpy(bands / 255).permute(2, 0, 1).float(), atol=1e-6)
    picture(tmp_path / "b.png", mode="RGBA")
    assert loaded(tmp_path / "b.png", {"channels": 4}).pixels.shape == (4, *SIDE)
    with pytest.raises(DataError, match=r"has 4 bands, and data\.preprocessing\.channels says 7"):
        loaded(tmp_path / "b.png", {"channels": 7})


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    "section", [{"pad": 40}, {"channels": 1}, {"range": [0, 255]}, {"order": "bgr"}], ids=lambda one: next(iter(one))
)
def test_every_way_turns_with_exif_orientation(tmp_path, orientation, section):
    """A white patch lies under its region, whichever way the camera was held."""
    pixels = np.zeros((*SIDE, 3), dtype=np.uint8)
    pixels[2:6, 3:11] = 255
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a.png", exif=exif)
    upright = load_annotated(tmp_path / "a.png", (), None, made())
    ys, xs = (upright.pixels[0] > 0.9).nonzero(as_tuple=True)
    box = Shape(box=(int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1))
    found = load_annotated(tmp_path / "a.png", (box,), None, made(**section))
    assert torch.equal(found.region, found.pixels[0] > 0.5)


def test_the_first_frame_of_an_animation_is_read(tmp_path):
    """And no alpha."""
    frames = [Image.new("RGBA", SIDE[::-1], (value, 0, 0, 255)) for value in (255, 0)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert loaded(tmp_path / "a.gif", {}).pixels[0].min() > 0.98


def test_looks_say_what_the_crop_takes_and_how_a_picture_is_stretched(tmp_path):
    """Half of a box at the edge lies outside of the centre; [20, 20] makes 20 x 12 higher by 5 / 3."""
    path = picture(tmp_path / "a.png")
    lost = loaded(path, {"crop": 12}, (Shape(box=(0, 0, 8, 12)),)).looks
    assert lost["lost"] == pytest.approx(0.5)
    assert loaded(path, {"resize": 24, "crop": 24}, (Shape(box=(0, 0, 8, 12)),)).looks["lost"] == pytest.approx(0.5)
    assert loaded(path, {"resize": [20, 20]}).looks["stretch"] == pytest.approx(20 / 12)
    assert loaded(path, {"resize": 24}).looks["stretch"] == 1
