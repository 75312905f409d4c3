"""Complexity of maps whose values are known."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explain_gate.metrics import complexity


def test_one_pixel_is_the_simplest_map() -> None:
    """All relevance on one of 16 pixels: Gini 15/16, entropy 0."""
    maps = torch.zeros(1, 4, 4)
    maps[0, 1, 1] = -3
    assert complexity.gini(maps).item() == pytest.approx(15 / 16)
    assert complexity.entropy(maps).item() == 0


def test_a_uniform_map_is_the_most_complex() -> None:
    """The same relevance everywhere: Gini 0, entropy 1."""
    maps = torch.full((1, 4, 4), 0.3)
    assert complexity.gini(maps).item() == pytest.approx(0)
    assert complexity.entropy(maps).item() == pytest.approx(1)


def test_gini_and_entropy_by_hand() -> None:
    """Relevance 1 and 3 on two of four pixels: Gini 0.625, entropy of (1/4, 3/4) over log 4."""
    maps = torch.tensor([[[1.0, 0.0], [0.0, 3.0]]])
    assert complexity.gini(maps).item() == pytest.approx((1 * 1 + 3 * 3) / (4 * 4))
    expected = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75)) / math.log(4)
    assert complexity.entropy(maps).item() == pytest.approx(expected)


@settings(deadline=None, max_examples=25, derandomize=True)
@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100))
def test_scale_and_place_do_not_matter(seed: int, scale: float) -> None:
    """A map multiplied and rolled around the frame is as complex as before, and within the range."""
    maps = torch.randn(1, 6, 6, generator=torch.Generator().manual_seed(seed))
    for function in (complexity.gini, complexity.entropy):
        value = function(maps).item()
        assert 0 <= value <= 1
        assert function(maps.roll(3, 2) * scale).item() == pytest.approx(value, abs=1e-6)
