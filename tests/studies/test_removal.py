"""Pixels that go, and what they become."""

import torch

from explain_gate.studies.removal import removed

PIXELS = torch.arange(2 * 3 * 16.0).view(2, 3, 4, 4)
MEAN = torch.tensor([-1.0, -2.0, -3.0])


def gone(maps, share, *, seeds=(0, 1), pixels=PIXELS, fill="mean"):
    """Which pixels are not as they were, (N, H, W)."""
    return (removed(pixels, maps, share, fill=fill, mean=MEAN, seeds=seeds) != pixels).any(dim=1)


def test_the_highest_go_first():
    """A quarter of sixteen is four, each of the mean's colour."""
    maps = torch.zeros(2, 4, 4)
    maps[0, 1], maps[1, :, 2] = torch.arange(1, 5.0), torch.arange(1, 5.0)
    after = removed(PIXELS, maps, 0.25, fill="mean", mean=MEAN, seeds=(0, 1))
    assert torch.equal((after != PIXELS).any(dim=1), maps > 0)
    assert torch.equal(after[0, :, 1, 0], MEAN)


def test_ties_are_drawn_by_each_picture_and_seed():
    """A map that is the same everywhere takes what no map takes, and not the upper left corner."""
    flat = torch.ones(2, 4, 4)
    first = gone(flat, 0.5)
    assert first.flatten(1).sum(dim=1).tolist() == [8, 8]
    assert torch.equal(first, gone(None, 0.5))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first, gone(flat, 0.5, seeds=(2, 3)))


def test_more_takes_what_less_took():
    """So that curves are of one order."""
    maps = torch.rand(2, 4, 4, generator=torch.Generator().manual_seed(0)).round(decimals=1)
    assert bool((gone(maps, 0.75) | ~gone(maps, 0.5)).all())


def test_imputed_pixels_are_like_their_neighbours():
    """A hole in a flat picture nearly vanishes; what was not removed is as it was, to the bit."""
    pixels = torch.full((1, 3, 16, 16), 5.0)
    pixels[:, :, :, 0] = 6.0
    maps = torch.zeros(1, 16, 16)
    maps[0, 6:10, 6:10] = 1
    after = removed(pixels, maps, 16 / 256, fill="impute", mean=MEAN, seeds=(0,))
    assert torch.equal(after[0][:, maps[0] == 0], pixels[0][:, maps[0] == 0])
    assert (after - 5)[0][:, maps[0] == 1].abs().max() < 0.05


def test_nothing_removed_is_the_picture():
    """The same object, without a copy."""
    assert removed(PIXELS, None, 0.0, fill="mean", mean=MEAN, seeds=(0, 1)) is PIXELS
