"""How a picture looks: finite whatever it is, taken beside the object, and told by what it is about."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explain_gate.metrics.look import look_of, looks_of
from explain_gate.metrics.operations import OPERATIONS, operate

SIDE = 64


def scene() -> tuple[torch.Tensor, torch.Tensor]:
    """A textured picture and the region of a square on it."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 9, 9, generator=generator)
    ground = torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bicubic", align_corners=False)[0]
    region = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    region[20:40, 20:40] = True
    return (0.25 + 0.5 * ground + 0.06 * torch.rand(3, SIDE, SIDE, generator=generator)).clamp(0, 1), region


def test_what_lies_on_the_object_alone_does_not_change_a_look_of_tones_and_colours():
    """Statistics are taken outside the object, so an object of another colour has the same tones around it."""
    picture, region = scene()
    red = torch.where(region, torch.tensor([1.0, 0.0, 0.0])[:, None, None], picture)
    first, second = look_of(picture, region), look_of(red, region)
    assert np.allclose(first[:34], second[:34], atol=0.35)
    assert np.allclose(first[:13], second[:13])


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(2, 2), (3, 5), (17, 64)])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_picture_of_one_tone_has_a_look_too(channels, size, value):
    """Finite, and as many numbers as any picture of so many channels has, so that pictures can be compared."""
    flat, region = torch.full((channels, *size), value), torch.ones(size, dtype=torch.bool)
    look = look_of(flat, region)
    assert np.isfinite(look).all()
    assert look.shape == look_of(torch.rand(channels, 40, 30), torch.zeros(40, 30, dtype=torch.bool)).shape


@pytest.mark.parametrize(
    ("name", "strength", "about"),
    [("warm", 0.12, "colour cast and saturation"), ("grain", 0.04, "sharpness and noise"), ("interlaced", 3, "grids")],
)
def test_an_operation_changes_what_it_is_told_to_change(name, strength, about):
    """The words are what a warning about the data set says."""
    picture, region = scene()
    operation = next(one for one in OPERATIONS if one.name == name)
    before = looks_of(picture, region)
    after = looks_of(operate(picture, operation, strength, torch.Generator().manual_seed(0)), region)
    (group,) = [group for group in before if about in group]
    assert max(abs(new - old) for new, old in zip(after[group], before[group], strict=True)) > 0.02
