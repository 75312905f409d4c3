"""Agreement between maps whose overlap is known."""

from __future__ import annotations

import pytest
import torch

from explain_gate.metrics import agreement


def _maps(seed: int, count: int = 1) -> torch.Tensor:
    return torch.rand(count, 20, 20, generator=torch.Generator().manual_seed(seed))


def test_equal_maps_agree() -> None:
    """A map and a monotone change of it: 1 both."""
    maps = _maps(0, 3)
    assert agreement.jaccard_top10(maps, maps.square() * 5).tolist() == [1, 1, 1]
    assert agreement.correlation(maps, maps.square() * 5).tolist() == pytest.approx([1, 1, 1])


def test_unrelated_maps_agree_by_chance() -> None:
    """Two tenths drawn independently overlap in about 0.1 / 1.9 of their union; ranks do not correlate."""
    first, second = _maps(1, 300), _maps(2, 300)
    assert agreement.jaccard_top10(first, second).mean().item() == pytest.approx(0.1 / 1.9, abs=0.01)
    assert agreement.correlation(first, second).mean().item() == pytest.approx(0, abs=0.01)


def test_jaccard_by_hand() -> None:
    """Two strongest pixels each, one in common: 1/3."""
    first = torch.tensor([[[4.0, 3.0, 1.0, 0.0]]])
    second = torch.tensor([[[4.0, 0.0, 1.0, 3.0]]])
    assert agreement.jaccard_top10(first, second, share=0.5).item() == pytest.approx(1 / 3)


def test_what_speaks_against_the_class_does_not_count() -> None:
    """Strong negative relevance is not among the strongest, and no positive relevance agrees with nothing."""
    first = torch.tensor([[[-9.0, 2.0, 1.0, 0.0]]])
    second = torch.tensor([[[0.0, 2.0, 1.0, -9.0]]])
    assert agreement.jaccard_top10(first, second, share=0.25).item() == 1
    assert agreement.jaccard_top10(-first.abs(), second, share=0.25).item() == 0


def test_zeros_are_not_told_apart_by_position() -> None:
    """One relevant pixel each, at different places: no overlap, although a tenth is more than one pixel."""
    first, second = torch.zeros(1, 10, 10), torch.zeros(1, 10, 10)
    first[0, 0, 0] = second[0, 9, 9] = 1
    assert agreement.jaccard_top10(first, second).item() == 0
