"""What looks wrong is said with its numbers, and what does not is not."""

from __future__ import annotations

import torch

from explain_gate.config import PreprocessingSection
from explain_gate.data.oddities import oddities, unlike_the_model
from explain_gate.data.preprocessing import preprocessing_of


def test_pictures_nearly_black_lost_regions_and_changed_shapes_are_told():
    """How many, how much, and which picture is the worst."""
    looks = {
        "a.png": {"brightest": 0.06, "lost": 0.0, "stretch": 1.0},
        "b.png": {"brightest": 0.9, "lost": 0.63, "stretch": 1.34},
        "c.png": {"brightest": 0.9, "lost": 0.25, "stretch": 1.0},
    }
    dark, lost, stretched = oddities(looks)
    assert "1 of 3 pictures are nearly black: the brightest value of any is 0.060 of 1 (a.png)" in dark
    assert "2 of 3 images lose more than 20% of their annotated region to the crop, b.png 63%" in lost
    assert "1 of 3 pictures change their aspect ratio by more than 1.2, b.png by 1.34" in stretched


def test_values_cut_off_and_pictures_on_their_side_are_told():
    """Both change what is measured, and neither is a fault by itself."""
    looks = {"a.png": {"clipped": 0.25, "turned": 0.0}, "b.png": {"clipped": 0.001, "turned": 1.0}}
    clipped, turned = oddities(looks)
    assert "1 of 2 pictures have more than 1% of their values outside of data.preprocessing.range, a.png 25%" in clipped
    assert "1 of 2 pictures are stored on their side (EXIF)" in turned
    assert "(b.png), so their regions are turned with them" in turned


def test_pictures_as_they_should_be_are_not_mentioned():
    """Nor is what nobody looked at."""
    assert oddities({"a.png": {"brightest": 0.5, "lost": 0.1, "stretch": 1.1}, "b.png": {}}) == ()


def test_a_normalisation_unlike_the_models_own_is_told_with_both():
    """The configuration of timm is the model's; a model of torchvision was made for ImageNet's numbers."""
    module = torch.nn.Linear(1, 1)
    module.pretrained_cfg = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
    imagenet = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    none, theirs = preprocessing_of(PreprocessingSection()), preprocessing_of(PreprocessingSection(**imagenet))
    half = preprocessing_of(PreprocessingSection(mean=[0.5] * 3, std=[0.5] * 3))
    assert unlike_the_model(module, "timm:vit", half) == ()
    (told,) = unlike_the_model(module, "timm:vit", theirs)
    assert "normalises with mean [0.485, 0.456, 0.406], and timm:vit was made for mean [0.5, 0.5, 0.5]" in told
    (told,) = unlike_the_model(torch.nn.Linear(1, 1), "torchvision:resnet50", none)
    assert "mean [0, 0, 0], and torchvision:resnet50 was made for mean [0.485, 0.456, 0.406]" in told
    turned = PreprocessingSection(mean=imagenet["mean"][::-1], std=imagenet["std"][::-1], order="bgr")
    assert unlike_the_model(torch.nn.Linear(1, 1), "torchvision:resnet50", preprocessing_of(turned)) == ()
    assert unlike_the_model(torch.nn.Linear(1, 1), "shop.models:build", none) == ()


def test_a_model_that_normalises_its_pictures_itself_is_not_given_normalised_ones():
    """Torchvision's detectors have mean and std inside; twice is told with both."""
    module = torch.nn.Sequential(torch.nn.Linear(1, 1))
    module[0].image_mean, module[0].image_std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    none = preprocessing_of(PreprocessingSection())
    assert unlike_the_model(module, "torchvision:fcos_resnet50_fpn", none) == ()
    half = preprocessing_of(PreprocessingSection(mean=[0.5] * 3, std=[0.5] * 3))
    (told,) = unlike_the_model(module, "shop.models:build", half)
    assert told.startswith("the pictures are normalised twice: data.preprocessing does it with mean [0.5, 0.5, 0.5]")
    assert "the model itself with mean [0.485, 0.456, 0.406]" in told
