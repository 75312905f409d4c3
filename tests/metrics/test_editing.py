"""What editors leave in pictures."""

import math

import pytest
import torch

from explain_gate.metrics.editing import EDITING


def _picture():
    return torch.rand(3, 20, 20, generator=torch.Generator().manual_seed(2))


def _after(name, picture, strength):
    return EDITING[name](picture, strength, torch.Generator())


@pytest.mark.parametrize(
    ("name", "neutral"),
    [("brighter", 0.0), ("lifted shadows", 1.0), ("more contrast", 1.0), ("saturated", 1.0), ("hue", 2 * math.pi),
     ("warm", 0.0), ("faded", 0.0), ("crushed", 0.0), ("blown", 0.0), ("sepia", 0.0), ("sharpened", 0.0)],
)  # fmt: skip
def test_at_no_strength_the_picture_is_as_it_was(name, neutral):
    """Every edit has a strength that leaves the picture alone."""
    picture = _picture()
    assert torch.allclose(_after(name, picture, neutral), picture, atol=1e-5)


def test_without_saturation_all_channels_are_alike():
    """Which is what a grey picture is."""
    grey = _after("grey", _picture(), 0.0)
    assert torch.allclose(grey[0], grey[1])
    assert torch.allclose(grey[0], grey[2])


def test_a_warm_cast_raises_red_and_lowers_blue():
    """In proportion to what is there."""
    picture = _picture()
    warm = _after("warm", picture, 0.1)
    assert torch.allclose(warm[0], picture[0] * 1.1)
    assert torch.allclose(warm[2], picture[2] * 0.9)


def test_denoising_takes_a_single_hot_pixel_away():
    """It is a median."""
    picture = torch.full((3, 9, 9), 0.3)
    picture[:, 4, 4] = 1
    assert torch.allclose(_after("denoised", picture, 1), torch.full((3, 9, 9), 0.3))
