"""Rank correlation against scipy, ties included."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from explain_gate.metrics.correlation import ranks, spearman


@settings(deadline=None, max_examples=40, derandomize=True)
@given(seed=st.integers(0, 10_000), levels=st.sampled_from([1, 2, 3, 8, 10_000]))
def test_ranks_and_correlation_are_scipys(seed: int, levels: int) -> None:
    """Mean ranks of ties, and Spearman over them, agree with scipy; a constant map has correlation 0."""
    generator = torch.Generator().manual_seed(seed)
    first, second = (torch.randint(levels, (3, 37), generator=generator).float() for _ in range(2))
    expected = torch.from_numpy(stats.rankdata(first.numpy(), axis=1)) - 1
    assert torch.equal(ranks(first), expected.double())
    for row, value in enumerate(spearman(first, second).tolist()):
        if first[row].unique().numel() == 1 or second[row].unique().numel() == 1:
            assert value == 0
        else:
            found = stats.spearmanr(first[row].numpy(), second[row].numpy()).statistic
            assert value == pytest.approx(found, abs=1e-9)
