"""Every way to say how a picture becomes the model's input, with the values that it becomes."""

from __future__ import annotations

import json
import sys
import textwrap

import numpy as np
import pytest
import torch
from drawings import SIDE, picture
from PIL import Image

from explain_gate.config import PreprocessingSection
from explain_gate.data.images import load_annotated, size_of
from explain_gate.data.preprocessing import normalize, preprocessing_of, visible
from explain_gate.data.regions import Shape
from explain_gate.errors import ConfigError, DataError

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


def test_a_torchvision_preset_gives_its_numbers():
    """Nothing is downloaded."""
    found = made(weights="EfficientNet_B1_Weights.IMAGENET1K_V1")
    assert (found.resize, found.crop, found.interpolation) == (256, 240, "bicubic")
    with pytest.raises(ConfigError, match="resize, mean and std"):
        made(weights="FasterRCNN_ResNet50_FPN_Weights.COCO_V1")


def test_a_timm_preset_is_its_evaluation(tmp_path):
    """Bicubic, mean 0.5, crop share 0.9: what timm's own transform does, but for a rounding of 8 bits."""
    timm = pytest.importorskip("timm")
    found = made(timm="vit_tiny_patch16_224")
    assert (found.resize, found.crop, found.mean, found.interpolation) == (248, (224, 224), (0.5,) * 3, "bicubic")
    path = picture(tmp_path / "a.png", (300, 400))
    theirs = timm.data.create_transform(
        **timm.data.resolve_data_config(pretrained_cfg=timm.models.get_pretrained_cfg("vit_tiny_patch16_224").to_dict())
    )(Image.open(path).convert("RGB"))
    ours = normalize(load_annotated(path, (), None, found).pixels, found)
    assert float((ours - theirs).abs().max()) <= 2.1 * 2 / 255
    with pytest.raises(ConfigError, match="must be a model that timm knows, got no_such"):
        made(timm="no_such")


VIT = {"do_resize": True, "size": {"height": 224, "width": 224}, "resample": 2, "do_rescale": True,
       "rescale_factor": 0.00392156862745098, "do_normalize": True, "image_mean": [0.5, 0.4, 0.3],
       "image_std": [0.5, 0.25, 0.2], "image_processor_type": "ViTImageProcessor"}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "resize", "crop"),
    [
        ({}, (224, 224), None),
        ({"size": 224}, (224, 224), None),
        ({"size": {"shortest_edge": 256}, "do_center_crop": True, "crop_size": {"height": 224, "width": 200}},
         256, (224, 200)),
        ({"size": 256, "do_center_crop": True, "crop_size": 224}, 256, (224, 224)),
        ({"size": {"shortest_edge": 224}, "crop_pct": 0.875}, 256, (224, 224)),
        ({"size": {"shortest_edge": 384}, "crop_pct": 0.875}, (384, 384), None),
        ({"do_resize": False}, None, None),
    ],
)  # fmt: skip
def test_a_processors_sizes_are_read_as_it_means_them(tmp_path, change, resize, crop):
    """Both sides, the shorter side, old single numbers, ConvNeXt's share."""
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({**VIT, **change}))
    found = made(processor=tmp_path)
    assert (found.resize, found.crop) == (resize, crop)
    assert found.mean == pytest.approx((0.5, 0.4, 0.3))
    assert found.std == pytest.approx((0.5, 0.25, 0.2))


@pytest.mark.parametrize(
    ("change", "values"),
    [
        ({"do_rescale": False}, (255 - 0.5) / 0.5),
        ({"rescale_factor": 1 / 127.5, "rescale_offset": True}, (1 - 0.5) / 0.5),
        ({"do_normalize": False}, 1.0),
    ],
)
def test_a_processors_scales_come_out(tmp_path, change, values):
    """White becomes what the processor makes of it."""
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({**VIT, **change}))
    assert float(normalize(torch.ones(3, 1, 1), made(processor=tmp_path))[0]) == pytest.approx(values, rel=1e-4)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"do_pad": True}, "asks for do_pad"),
        ({"resample": 1}, "resizes with 1"),
        ({"size": {"shortest_edge": 800, "longest_edge": 1333}}, "a size of"),
        ({"image_mean": None}, "image_mean and image_std"),
    ],
)
def test_a_processor_that_asks_for_more_is_refused_by_name(tmp_path, change, told):
    """Detection's sizes, padding, Lanczos."""
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({**VIT, **change}))
    with pytest.raises(ConfigError, match=told):
        made(processor=tmp_path)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"weights": "a", "timm": "b"}, "must name one of weights, timm"),
        ({"timm": "a", "mean": [0, 0, 0], "std": [1, 1, 1]}, "timm already says .* remove mean, std"),
        ({"transform": "a:b", "range": [0, 1]}, "transform already says .* remove range"),
        ({"pad": 4, "resize": 4}, "remove resize and crop"),
        ({"interpolation": "bicubic"}, "write one of them"),
        ({"channels": 1, "mean": [0, 0, 0], "std": [1, 1, 1]}, "must have 1 numbers each, one per channel, got 3"),
        ({"channels": 1, "order": "bgr"}, "of three colours"),
        ({"range": [5, 5]}, "low first"),
        ({"range": [0, 5], "window": [1, 2]}, "write one"),
        ({"pad": {"size": 5, "colour": [1, 2]}}, "one number or 3"),
    ],
)
def test_what_contradicts_is_refused(section, told):
    """Two ways to say the same, numbers that do not fit."""
    with pytest.raises(ValueError, match=told):
        PreprocessingSection(**section)


@pytest.fixture
def transforms(tmp_path, monkeypatch):
    """A module of transforms, as teams write them."""
    name = f"transforms_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(
        textwrap.dedent('''
        import random
        import numpy as np
        import torch
        from torchvision import transforms as v1
        from torchvision.transforms import v2
        from torchvision.transforms.v2 import functional as F

        MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.25, 0.5]
        END = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
        V2 = v2.Compose([v2.Resize(24), v2.CenterCrop(20), *END])
        V1 = v1.Compose([v1.Resize(24), v1.CenterCrop(20), v1.ToTensor(), v1.Normalize(MEAN, STD)])
        COLOURS = v1.Compose([v1.ToTensor(), v1.Normalize(MEAN, STD)])
        FLIPS = v2.Compose([v2.RandomHorizontalFlip(), V2])

        def build():
            return V2

        def pair(image, mask):
            return F.resize(image, [20, 16]).float() / 255, F.resize(mask, [20, 16])

        def picture_only(image, mask):
            return F.horizontal_flip(image).float() / 255, mask

        def shifted(image, mask):
            return torch.roll(torch.as_tensor(image), 12, dims=-1).float() / 255, mask

        def mapping(*, image, mask):
            return {"image": image[::-1, ::2].astype(np.float32) / 255 - 0.5, "mask": mask[::-1, ::2]}

        class Compose:
            """The way that albumentations is called."""
            def __call__(self, *args, force_apply=False, **data):
                return {name: value[::2, ::2].copy() for name, value in data.items()}

        ALBUMENTATIONS = Compose()

        def noisy(image, mask):
            return torch.as_tensor(image).float() / 255 + random.random(), mask

        def stretched(image, mask):
            values = torch.as_tensor(image).float()
            return (values - values.min()) / (values.max() - values.min()).clamp_min(1), mask

        def raises(image, mask):
            raise KeyError("no")

        def one_size(image, mask):
            return F.resize(image, [20, 16]).float(), mask
        ''')
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    sys.modules.pop(name, None)


@pytest.mark.parametrize("name", ["V2", "build"])
def test_a_transform_of_torchvision_v2_moves_picture_and_region(tmp_path, transforms, name):
    """The same values as with its numbers written out, and the same region."""
    path = picture(tmp_path / "a.png", (36, 60))
    shapes = (Shape(box=(15, 5, 40, 30)),)
    section = {"transform": f"{transforms}:{name}"}
    found = loaded(path, section, shapes)
    written = {"resize": 24, "crop": 20, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.5]}
    wanted = loaded(path, written, shapes)
    # v2 rounds to 8 bits after resizing, as we do.
    assert torch.allclose(
        normalize(found.pixels, made(**section)), normalize(wanted.pixels, made(**written)), atol=1e-5
    )
    assert torch.allclose(visible(normalize(found.pixels, made(**section)), made(**section)), wanted.pixels, atol=1e-5)
    assert torch.equal(found.region, wanted.region)
    assert size_of(path, shapes, None, made(**section)) == (20, 20)


def test_functions_and_mappings_move_picture_and_region(tmp_path, transforms):
    """A function of two arguments, one of image= and mask=, and an object called as albumentations is."""
    path = picture(tmp_path / "a.png", (40, 60))
    box = (Shape(box=(10, 4, 30, 20)),)
    found = loaded(path, {"transform": f"{transforms}:pair"}, box)
    assert found.region.shape == (20, 16)
    assert abs(int(found.region.sum()) - 8 * 16 // 3) < 8
    section = {"transform": f"{transforms}:mapping"}
    found = loaded(path, section, box)
    assert torch.equal(found.region[20:36, 5:15], torch.ones(16, 10, dtype=torch.bool))
    assert int(found.region.sum()) == 160
    plain = np.asarray(Image.open(path))[::-1, ::2].astype(np.float32) / 255 - 0.5
    given = normalize(found.pixels, made(**section))
    assert np.allclose(given.permute(1, 2, 0).numpy(), plain, atol=1e-6)
    found = loaded(path, {"transform": f"{transforms}:ALBUMENTATIONS"}, box)
    assert torch.equal(found.region[2:10, 5:15], torch.ones(8, 10, dtype=torch.bool))


def test_a_transform_of_the_picture_alone_may_only_change_its_values(tmp_path, transforms):
    """Normalising is fine; what also resizes is refused with how to write it."""
    path = picture(tmp_path / "a.png")
    section = {"transform": f"{transforms}:COLOURS"}
    found = loaded(path, section)
    assert torch.equal(found.region, loaded(path, {}).region)
    assert float(normalize(found.pixels, made(**section))[1, 0, 0]) == pytest.approx(-0.4 / 0.25, abs=1e-5)
    with pytest.raises(DataError, match=r"has to move both\. Write it with torchvision\.transforms\.v2"):
        made(transform=f"{transforms}:V1")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("picture_only", "moves the picture and not the mask"),
        ("shifted", "moves the picture and not the mask"),
        ("FLIPS", "is random: the same picture differs by"),
        ("noisy", "is random: the same picture differs by up to"),
        ("stretched", "makes the same of a black and of a white picture"),
        ("raises", r"raised KeyError: 'no'\. It was called as transform\(tv_tensors.Image, tv_tensors.Mask\)"),
        ("one_size", "makes a picture of 16 x 20 and a mask of 320 x 240"),
        ("Compose", "is a class; name an object of it"),
        ("gone", "gone"),
        ("MEAN", "must be callable"),
    ],
)
def test_a_transform_that_cannot_be_measured_with_is_refused(transforms, name, told):
    """What it does and what to write."""
    with pytest.raises(DataError, match=told):
        made(transform=f"{transforms}:{name}")
