"""The picture that stands for "nothing there": what each name means, and what is refused."""

from __future__ import annotations

import pytest
import torch

from explain_gate.attribution.base import Probe
from explain_gate.attribution.baselines import baseline_images, blurred
from explain_gate.errors import OptionError

BLACK = torch.full((3, 1, 1), -2.0)


def probe(**more):
    return Probe(torch.nn.Flatten(), **more)


def test_names_mean_what_the_normalisation_says(images):
    """The mean colour is zero after normalisation; black is what the preprocessing makes of black."""
    assert not baseline_images(probe(), images, "mean").any()
    black = baseline_images(probe(black=BLACK), images, "black")
    assert black.shape == images.shape
    assert (black == -2).all()


def test_a_blurred_image_keeps_its_mean_and_loses_its_detail(images):
    """A constant stays what it is up to its edges; noise gets flatter the wider the Gaussian."""
    flat = torch.full_like(images, 0.7)
    torch.testing.assert_close(baseline_images(probe(), flat, "blur"), flat)
    assert blurred(images, 3.0).var() < blurred(images, 1.0).var() < images.var()


def test_a_file_is_read_by_the_gate_and_a_tensor_is_taken_as_it_is(images):
    """One image for all, or one for each."""
    one = torch.rand(1, 3, 16, 16)
    read = baseline_images(probe(read_images=lambda path: one if path == "gray.png" else None), images, "gray.png")
    assert torch.equal(read, one.expand_as(images))
    assert torch.equal(baseline_images(probe(), images, images * 2), images * 2)


@pytest.mark.parametrize(
    ("given", "baseline", "told"),
    [
        ({}, "black", "needs to know what black is"),
        ({}, "gray.png", "must be mean, black, blur, an image file or a tensor, got gray.png"),
        ({}, torch.zeros(3, 5, 5), r"must broadcast to \(5, 3, 16, 16\), got \(3, 5, 5\)"),
        ({"read_images": lambda _: torch.zeros(2, 3, 16, 16)}, "folder", "must be one image file, got 2"),
    ],
)
def test_what_is_no_baseline_says_what_to_give(images, given, baseline, told):
    """Never another baseline in silence."""
    with pytest.raises(OptionError, match=told):
        baseline_images(probe(**given), images, baseline)
