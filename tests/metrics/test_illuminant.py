"""The colour of the light: a gain shows whatever a picture shows, and what lies on the object does not."""

import math

import pytest
import torch

from explain_gate.metrics.illuminant import illuminant_of

SIDE = 48
RED, BLUE = slice(0, 16, 2), slice(1, 16, 2)
"""Where the eight estimates of red and of blue against green stand."""


def _picture(seed: int) -> torch.Tensor:
    """Coarse patches of colour with grain, from dark to light."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 6, 6, generator=generator)
    ground = torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bicubic", align_corners=False)[0]
    return (0.1 + 0.6 * ground + 0.1 * torch.rand(1, SIDE, SIDE, generator=generator)).clamp(0, 0.9)


def _told(picture: torch.Tensor, outside: torch.Tensor | None = None) -> torch.Tensor:
    kept = torch.ones(picture.shape[1:], dtype=torch.bool) if outside is None else outside
    return torch.tensor(illuminant_of(picture, kept))


@pytest.mark.parametrize("seed", range(4))
def test_every_estimate_moves_with_a_tint_by_about_its_logarithm(seed: int) -> None:
    """Red 6 % up and blue 6 % down, on pictures of other colours; what is added before logarithms takes a part."""
    picture = _picture(seed)
    moved = _told(picture * torch.tensor([1.06, 1.0, 0.94])[:, None, None]) - _told(picture)
    assert bool(((moved[RED] > 0.03) & (moved[RED] <= math.log(1.06) + 1e-4)).all())
    assert bool(((moved[BLUE] < -0.03) & (moved[BLUE] >= math.log(0.94) - 1e-4)).all())


def test_an_object_of_another_colour_changes_nothing() -> None:
    """Tones and edges are those outside the object; edges of its outline are not."""
    picture = _picture(0)
    outside = torch.ones(SIDE, SIDE, dtype=torch.bool)
    outside[10:31, 9:30] = False
    red = torch.where(outside, picture, torch.tensor([1.0, 0.0, 0.0])[:, None, None])
    assert torch.equal(_told(red, outside), _told(picture, outside))


def test_a_channel_that_lost_its_end_shows() -> None:
    """White stays white under no gain; under one below one it is no longer clipped."""
    picture = _picture(1)
    picture[:, :8] = 1.0
    before, after = (_told(picture * gain) for gain in (1.0, torch.tensor([1.0, 1.0, 0.94])[:, None, None]))
    assert after[-1] < before[-1] - 3
    assert torch.equal(after[-3:-1], before[-3:-1])


@pytest.mark.parametrize("shape", [(1, 8, 8), (4, 8, 8)])
def test_pictures_without_three_channels_have_no_colour_of_light(shape: tuple[int, int, int]) -> None:
    """One channel has none, and of more nobody knows which is red."""
    assert illuminant_of(torch.rand(shape), torch.ones(8, 8, dtype=torch.bool)) == []


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 1, 9), (3, 5, 5)])
def test_small_and_even_pictures_have_finite_numbers_as_many_as_others(shape: tuple[int, int, int]) -> None:
    """No edge, no half: still numbers."""
    told = _told(torch.full(shape, 0.5))
    assert len(told) == len(_told(_picture(0)))
    assert bool(told.isfinite().all())
