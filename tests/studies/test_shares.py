"""Shares of sums with intervals."""

import numpy as np
import pytest

from explain_gate.studies.shares import share_of


def test_a_share_of_sums():
    """In closed form, with an interval around it."""
    rng = np.random.default_rng(0)
    whole = rng.uniform(1, 3, 200)
    value, (low, high) = share_of(0.25 * whole + rng.normal(0, 0.1, 200), whole, seed=0)
    assert value == pytest.approx(0.25, abs=0.02)
    assert low < 0.25 < high
    assert high - low < 0.05


def test_nothing_has_no_share():
    """None, and no warning of a division; a whole that chance may have made has no interval."""
    assert share_of(np.ones(3), np.zeros(3), seed=0) == (None, None)
    assert share_of(np.empty(0), np.empty(0), seed=0) == (None, None)
    assert share_of(np.ones(4), np.array([3.0, -1, -1, 0]), seed=0)[1] is None
