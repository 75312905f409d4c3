"""What operations are made of: luminance, reading elsewhere, blur and blocks."""

import pytest
import torch

from explain_gate.metrics.pixels import block, centred, grid, luminance, radius, sampled, smooth, zoomed


def _picture(channels=3, height=12, width=16):
    return torch.rand(channels, height, width, generator=torch.Generator().manual_seed(5))


def test_luminance_weighs_three_channels_and_averages_any_other_number():
    """Rec. 601 for colours; a picture of one channel is its own luminance."""
    green = torch.zeros(3, 4, 4)
    green[1] = 1
    assert torch.allclose(luminance(green), torch.full((1, 4, 4), 0.587))
    alone = _picture(1)
    assert torch.equal(luminance(alone), alone)


def test_places_are_counted_from_the_corner_or_from_the_middle():
    """Rows and columns from 0; centred ones symmetric, the radius largest in the corners."""
    picture = _picture()
    rows, columns = grid(picture)
    assert (float(rows[-1, 0]), float(columns[0, -1])) == (11, 15)
    y, x = centred(picture)
    assert torch.allclose(y, -y.flip(0), atol=1e-6)
    assert torch.allclose(x, -x.flip(1), atol=1e-6)
    assert float(radius(picture)[0, 0]) == pytest.approx(float(radius(picture).max()))


def test_reading_every_pixel_at_its_own_place_changes_nothing():
    """So does a zoom of 1."""
    picture = _picture()
    assert torch.allclose(sampled(picture, *centred(picture)), picture, atol=1e-5)
    assert torch.allclose(zoomed(picture, 1.0), picture, atol=1e-5)


def test_blur_and_blocks_keep_plain_pictures_and_flatten_others():
    """Edges are repeated, so that nothing dark comes in from outside."""
    plain = torch.full((3, 12, 16), 0.4)
    assert torch.allclose(smooth(plain, 1.5), plain, atol=1e-6)
    assert torch.allclose(block(plain, 5), plain, atol=1e-6)
    picture = _picture()
    assert float(smooth(picture, 1.5).std()) < float(picture.std())
    blocks = block(picture, 4)
    assert torch.equal(blocks[:, :4, :4], blocks[:, :1, :1].expand(-1, 4, 4))
    assert torch.allclose(blocks[:, 0, 0], picture[:, :4, :4].mean(dim=(1, 2)), atol=1e-6)
