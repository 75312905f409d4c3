"""Texture against shape on drawn objects, with models of either."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from explain_gate.errors import NotApplicable
from explain_gate.metrics import reliance
from explain_gate.metrics.texture import shuffled, silhouette

SIDE = 32
REGION = torch.zeros(SIDE, SIDE, dtype=torch.bool)
REGION[8:24, 8:24] = True


def _picture() -> torch.Tensor:
    """A striped square, bright above and dark below, on grey."""
    rows = torch.arange(SIDE)[:, None].expand(SIDE, SIDE)
    stripes = torch.where(rows % 2 == 0, 1.0, -1.0)
    return torch.where(REGION, stripes, 0.0).expand(3, SIDE, SIDE).clone()


def _grain(pixels: torch.Tensor) -> torch.Tensor:
    """Class 0 where pixels of the middle differ much from each other: texture."""
    spread = pixels[:, 0, 8:24, 8:24].flatten(1).std(dim=1)
    return torch.stack([20 * spread, torch.full_like(spread, 10)], dim=1)


def test_shuffling_keeps_texture_and_moves_patches() -> None:
    """Outside the region nothing changes; inside the same values lie elsewhere."""
    picture = torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    dealt = shuffled(picture, REGION, torch.Generator().manual_seed(1))
    assert dealt is not None
    assert torch.equal(dealt[:, ~REGION], picture[:, ~REGION])
    assert torch.allclose(dealt[:, REGION].sort().values, picture[:, REGION].sort().values)
    assert not torch.equal(dealt, picture)


def test_a_silhouette_has_one_colour() -> None:
    """That of the object, which its surroundings do not change."""
    flat = silhouette(_picture() + 0.25, REGION)
    assert flat[:, REGION].flatten().tolist() == pytest.approx([0.25] * 768)
    assert torch.equal(flat[:, ~REGION], _picture()[:, ~REGION] + 0.25)


def test_models_of_texture_and_of_nothing(fake_batch: Any) -> None:
    """A model of grain keeps all under shuffling and nothing in the silhouette; one that answers alike has a half."""
    batch = fake_batch(pixels=_picture()[None], scores=_grain)
    assert reliance.texture_share(REGION[None], batch).item() > 0.99
    assert batch.asked == 3
    still = fake_batch(pixels=_picture()[None], scores=lambda pixels: torch.zeros(len(pixels), 2))
    assert reliance.texture_share(REGION[None], still).item() == 0.5
    shape = fake_batch(pixels=_picture()[None], scores=lambda pixels: 20 - _grain(pixels))
    assert reliance.texture_share(REGION[None], shape).item() < 0.01


def test_a_small_region_cannot_be_shuffled(fake_batch: Any) -> None:
    """Whatever the model."""
    small = torch.zeros_like(REGION)
    small[:4, :4] = True
    with pytest.raises(NotApplicable, match="fewer than four patches"):
        reliance.texture_share(small[None], fake_batch(pixels=_picture()[None]))
    with pytest.raises(ValueError, match="at least 1"):
        reliance.texture_share(REGION[None], fake_batch(pixels=_picture()[None]), draws=0)
