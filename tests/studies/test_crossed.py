"""Means over retrains and pictures, in closed form and against tables of which the truth is known."""

import numpy as np
import pytest
from scipy import stats

from explain_gate.studies.crossed import crossed_mean, crossed_share


def test_retrains_alone_differ():
    """Then it is the t interval of so many retrains, however many pictures there are."""
    by_retrain = np.array([0.1, 0.4, 0.3])
    mean = crossed_mean(np.repeat(by_retrain[:, None], 50, axis=1))
    low, high = stats.t.interval(0.95, 2, by_retrain.mean(), stats.sem(by_retrain))
    assert mean.interval == pytest.approx((low, high))
    assert mean.p == pytest.approx(stats.ttest_1samp(by_retrain, 0).pvalue)


def test_pictures_alone_differ():
    """Then it is the t interval of so many pictures, however many retrains agree about them."""
    by_image = np.random.default_rng(0).normal(0.2, 1, 30)
    mean = crossed_mean(np.repeat(by_image[None], 4, axis=0))
    assert mean.interval == pytest.approx(stats.t.interval(0.95, 29, by_image.mean(), stats.sem(by_image)))


@pytest.mark.parametrize(("of_retrains", "of_images"), [(0.0, 1.0), (0.3, 1.0), (1.0, 0.3), (0.0, 0.0)])
def test_intervals_hold_for_other_retrains_and_other_pictures(of_retrains, of_images):
    """Nearly nineteen of twenty hold the truth, also with three retrains."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(1500):
        table = rng.normal(0, 1, (3, 40)) + of_retrains * rng.normal(0, 1, (3, 1)) + of_images * rng.normal(0, 1, 40)
        low, high = crossed_mean(table).interval
        held += low <= 0 <= high
    assert held >= 0.92 * 1500


def test_what_never_differs_is_no_certainty():
    """Three pictures that all say yes are as three coins."""
    assert crossed_mean(np.ones((2, 3))).p == 0.25
    assert crossed_mean(np.zeros((2, 3))).p == 1
    share, (low, high) = crossed_share(np.ones((5, 20)))
    assert (share, high) == (1, 1)
    assert low == pytest.approx(0.839, abs=1e-3)  # Wilson, of twenty and not of a hundred


def test_one_retrain_says_nothing():
    """It is refused."""
    with pytest.raises(ValueError, match="got 1 and 9"):
        crossed_mean(np.ones((1, 9)))
