"""Preprocessing by name: torchvision's weights, timm's models, a processor's folder, with the values they give."""

from __future__ import annotations

import json

import pytest
import torch
from drawings import picture
from PIL import Image

from explain_gate.config import PreprocessingSection
from explain_gate.data.images import load_annotated
from explain_gate.data.preprocessing import normalize, preprocessing_of
from explain_gate.data.regions import Shape
from explain_gate.errors import ConfigError

BOX = Shape(box=(2, 3, 8, 7))


def made(**section):
    """The preprocessing of a section."""
    return preprocessing_of(PreprocessingSection(**section))


def loaded(path, section, shapes=(BOX,)):
    """An image as the model gets it, not yet normalised."""
    return load_annotated(path, shapes, None, made(**section))


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
