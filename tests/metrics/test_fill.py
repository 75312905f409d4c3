"""Filling a hole from its surroundings."""

from __future__ import annotations

import torch

from explain_gate.metrics.fill import coarse_blur, impute, inpaint

PIXELS = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(0))
HOLE = torch.zeros(2, 24, 24, dtype=torch.bool)
HOLE[:, 6:15, 4:17] = True


def test_what_is_outside_of_the_hole_stays_to_the_bit():
    """Both ways of filling."""
    outside = ~HOLE[:, None].expand_as(PIXELS)
    for filled in (inpaint(PIXELS, HOLE), impute(PIXELS, HOLE, torch.randn_like(PIXELS))):
        assert torch.equal(filled[outside], PIXELS[outside])
        assert not torch.equal(filled, PIXELS)


def test_a_smooth_picture_is_filled_as_if_nothing_had_been_removed():
    """A flat one exactly; a slope within a twentieth of its range; what was in the hole plays no part."""
    slope = torch.linspace(0, 1, 24).view(1, 1, 24, 1).expand(2, 3, 24, 24).clone()
    spoilt = torch.where(HOLE[:, None], torch.tensor(9.0), slope)
    assert (inpaint(spoilt, HOLE) - slope).abs().max() < 0.05
    assert torch.equal(inpaint(spoilt, HOLE), inpaint(slope, HOLE))
    flat = torch.full_like(PIXELS, 0.3)
    torch.testing.assert_close(inpaint(flat, HOLE), flat)


def test_an_image_that_is_all_hole_becomes_its_mean():
    """There is nothing else to fill it from."""
    filled = inpaint(PIXELS, torch.ones(2, 24, 24, dtype=torch.bool))
    torch.testing.assert_close(filled, PIXELS.mean((2, 3), keepdim=True).expand_as(PIXELS))


def test_a_coarse_blur_keeps_the_mean_and_little_else():
    """Six cells a side."""
    blurred = coarse_blur(PIXELS)
    torch.testing.assert_close(blurred.mean((2, 3)), PIXELS.mean((2, 3)), atol=0.02, rtol=0)
    assert blurred.var() < 0.2 * PIXELS.var()
