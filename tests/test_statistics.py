"""Summaries of per-image values, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from explain_gate.statistics import interval, summarize


@pytest.mark.parametrize(
    ("statistic", "value"), [("mean", 2.0), ("median", 1.5), ("min", 0.0), ("max", 5.0), ("p05", 0.15), ("p95", 4.55)]
)
def test_each_statistic_is_what_it_is_called(statistic, value):
    """Percentiles between values are interpolated."""
    assert summarize(np.array([5.0, 0.0, 1.0, 2.0]), statistic) == pytest.approx(value)


def test_the_order_of_images_changes_no_digit():
    """A sum of floats depends on its order; a bound must not."""
    values = np.random.default_rng(0).random(1000) * 10.0 ** np.arange(1000).clip(max=12)
    shuffled = np.random.default_rng(1).permutation(values)
    assert summarize(values, "mean") == summarize(shuffled, "mean")
    assert interval(values[:40], "median") == interval(values[:40][::-1].copy(), "median")


@pytest.mark.parametrize("values", [[], [np.nan, 1.0], [np.inf]])
def test_nothing_and_what_is_no_number_have_no_summary(values):
    """Never a NaN that no bound catches."""
    with pytest.raises(ValueError, match="at least one value, all finite"):
        summarize(np.array(values), "mean")
    with pytest.raises(ValueError, match="must be mean, median"):
        summarize(np.array([1.0]), "mode")


def test_sixty_times_yes_is_not_certainty():
    """Shares of yes and no have Wilson's interval: the bootstrap's would have no width."""
    low, high = interval(np.ones(60), "mean")
    assert low == pytest.approx(0.9398, abs=1e-3)
    assert high == 1.0
    narrow = interval(np.ones(60), "mean", confidence=0.5)
    assert narrow[0] > low


def test_an_interval_holds_its_statistic_and_narrows_with_images():
    """And is the same for the same seed."""
    rng = np.random.default_rng(3)
    few, many = rng.random(20), rng.random(2000)
    for values in (few, many):
        low, high = interval(values, "mean")
        assert low < summarize(values, "mean") < high
        assert interval(values, "mean") == (low, high)
    assert np.ptp(interval(many, "mean")) < np.ptp(interval(few, "mean")) / 5
    assert interval(np.full(5, 0.3), "median") == (0.3, 0.3)
