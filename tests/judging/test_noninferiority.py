"""Paired tests against a reference: what they promise is simulated, what they compute is held against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from explain_gate.judging.noninferiority import compare, holm, images_to_decide
from explain_gate.statistics import interval, summarize

SPREAD = 0.09
"""Standard deviation of the change of an image's IoU between two honest retrains of the demo's model."""


def simulated(rng, *, images: int, loss: float, spread: float = SPREAD):
    """Values of two versions on the same images; the candidate is worse by `loss` on average."""
    reference = rng.normal(0.5, 0.15, images)
    return reference - loss + rng.normal(0, spread, images), reference


def test_without_a_change_false_alarms_stay_below_the_promise():
    """Over 1,000 simulated retrains with a margin of 0, at most 5 % are called worse, within the count's interval."""
    rng = np.random.default_rng(1)
    alarms = 0
    for run in range(1000):
        candidate, reference = simulated(rng, images=40, loss=0.0)
        alarms += compare(candidate, reference, margin=0.0, better="higher", seed=run).p_worse <= 0.05
    assert stats.binomtest(alarms, 1000, 0.05, alternative="greater").pvalue > 0.01


def test_over_ten_rules_false_alarms_of_the_whole_run_stay_below_the_promise():
    """Holm keeps the share of runs with any false alarm at the promised one, however many rules the run has."""
    rng = np.random.default_rng(2)
    alarms = 0
    for run in range(200):
        p_values = [
            compare(*simulated(rng, images=40, loss=0.0), margin=0.0, better="higher", seed=run).p_worse
            for _ in range(10)
        ]
        alarms += min(holm(p_values)) <= 0.05
    assert stats.binomtest(alarms, 200, 0.05, alternative="greater").pvalue > 0.01


def test_a_drop_of_twice_the_margin_is_found_in_nine_of_ten_runs():
    """At 100 images of the demo's spread the power is at least 0.9."""
    rng = np.random.default_rng(3)
    found = sum(
        compare(*simulated(rng, images=100, loss=0.06), margin=0.03, better="higher", seed=run).p_worse <= 0.05
        for run in range(300)
    )
    assert found / 300 >= 0.9


def test_sign_flips_are_those_of_scipy():
    """The same p-values as scipy.stats.permutation_test, exactly where all flips are enumerated."""
    rng = np.random.default_rng(4)
    candidate, reference = simulated(rng, images=9, loss=0.05)
    ours = compare(candidate, reference, margin=0.01, better="higher")
    theirs = stats.permutation_test(
        (reference - candidate - 0.01,),
        lambda sample, axis: sample.mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
        alternative="greater",
    )
    assert ours.p_worse == pytest.approx(theirs.pvalue)


def test_shares_without_a_margin_are_mcnemars_test():
    """With margin 0 the score test of paired shares is McNemar's, one-sided and uncorrected."""
    reference = np.array([1.0] * 12 + [0.0] * 3 + [1.0] * 35)
    candidate = np.array([0.0] * 12 + [1.0] * 3 + [1.0] * 35)
    change = compare(candidate, reference, margin=0.0, better="higher")
    assert change.p_worse == pytest.approx(stats.norm.sf((12 - 3) / np.sqrt(12 + 3)))


def test_the_direction_of_the_metric_decides_what_worse_means():
    """A rise of a metric that should be low is a loss."""
    change = compare(np.full(20, 0.4), np.full(20, 0.1), margin=0.05, better="lower")
    assert change.loss == pytest.approx(0.3)
    assert change.p_worse < 0.01


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
@settings(deadline=None, max_examples=50, derandomize=True)
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values):
    """Adjusted values are at least the raw ones, at most 1, and in the same order."""
    adjusted = holm(p_values)
    assert all(0 <= raw <= new <= 1 for raw, new in zip(p_values, adjusted, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert all(np.diff(np.array(adjusted)[order]) >= 0)


def test_images_to_decide_grows_with_the_spread():
    """More noise needs more images."""
    rng = np.random.default_rng(6)
    calm, wild = (
        compare(*simulated(rng, images=20, loss=0.01, spread=spread), margin=0.1, better="higher")
        for spread in (0.05, 0.5)
    )
    assert images_to_decide(wild, 0.1, 0.95) > images_to_decide(calm, 0.1, 0.95)


@given(seed=st.integers(0, 2**32 - 1), statistic=st.sampled_from(["mean", "median", "p05", "max"]))
@settings(deadline=None, max_examples=25, derandomize=True)
def test_the_order_of_images_changes_no_digit(seed, statistic):
    """Intervals, sign flips and bootstraps are of what the images hold, whatever their order."""
    rng = np.random.default_rng(seed)
    candidate, reference = simulated(rng, images=30, loss=0.02)
    order = rng.permutation(30)
    told = {
        (
            compare(c, r, margin=0.01, better="higher", statistic=statistic),
            interval(c, statistic),
            summarize(c, statistic),
        )
        for c, r in ((candidate, reference), (candidate[order], reference[order]))
    }
    assert len(told) == 1
