"""Changed reasons: the same answer for other places of the picture."""

from __future__ import annotations

import pytest
import torch

from explain_gate.metrics.drift import changed_prediction, changed_reason, map_correlation


def test_ranks_of_maps_are_compared():
    """Any increasing change of a map is none; the turned map is its opposite."""
    maps = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(map_correlation(maps**3, maps), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(map_correlation(1 - maps, maps), -torch.ones(3, dtype=torch.float64))


@pytest.mark.parametrize(
    ("correlation", "differs", "reason"), [(0.2, False, 1.0), (0.2, True, 0.0), (0.8, False, 0.0), (0.5, False, 0.0)]
)
def test_a_reason_has_changed_only_where_the_answer_has_not(correlation, differs, reason):
    """Another answer has another reason by itself."""
    assert changed_reason(correlation, changed_prediction(differs)) == reason
