"""What storing and showing leave in pictures."""

import torch

from explain_gate.metrics.storing import STORING


def _picture(channels=3):
    return torch.rand(channels, 24, 32, generator=torch.Generator().manual_seed(4))


def _after(name, picture, strength):
    return STORING[name](picture, strength, torch.Generator().manual_seed(0))


def test_a_lower_quality_of_jpeg_changes_more():
    """The picture goes through the real codec."""
    picture = _picture()
    high, low = (float((_after("JPEG", picture, quality) - picture).abs().mean()) for quality in (95, 20))
    assert 0 < high < low


def test_posterised_pictures_have_as_many_levels_as_asked_for():
    """A palette has as many colours."""
    assert len(_after("posterised", _picture(), 5).unique()) == 5
    assert len(_after("palette", _picture(), 8).flatten(1).unique(dim=1).T) <= 8


def test_bars_lie_along_their_sides_and_the_picture_is_made_smaller_between_them():
    """Letterboxing cuts nothing off."""
    barred = _after("black bars", torch.full((3, 24, 32), 0.5), 0.25)
    assert torch.equal(barred[:, :6], torch.zeros(3, 6, 32))
    assert torch.equal(barred[:, -6:], torch.zeros(3, 6, 32))
    assert torch.allclose(barred[:, 6:-6], torch.tensor(0.5))


def test_blocks_are_plain_squares():
    """One value for all the pixels of a block."""
    blocks = _after("blocks", _picture(), 4)
    assert torch.equal(blocks[:, :4, :4], blocks[:, :1, :1].expand(-1, 4, 4))
