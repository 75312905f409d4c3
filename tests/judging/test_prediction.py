"""What the next good version will show: wider where less is known, and held against the textbook's interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from explain_gate.judging.prediction import Table, draws_of, predict, search, without
from explain_gate.judging.priors import Prior
from explain_gate.records import Rule


def table(values, *, priors=None, errors=0.01) -> Table:
    """M versions of R rows whose bounds are lower ones."""
    values = np.asarray(values, dtype=float)
    rows = tuple(
        Rule(check=f"alignment.iou/{row}", method="grad_cam", class_name=None, better="higher", at_least=0.4)
        for row in range(values.shape[1])
    )
    return Table(
        rows=rows,
        planned=rows,
        values=values,
        errors=np.full(len(rows), errors),
        correlation=np.eye(len(rows)),
        images=(20,) * len(rows),
        priors=tuple(priors or [None] * len(rows)),
    )


def test_two_rows_without_a_prior_have_the_textbooks_prediction_interval():
    """Hahn 1969: mean +- t s sqrt(1 + 1 / M)."""
    seen = np.array([[0.50, 0.6], [0.54, 0.7], [0.58, 0.5], [0.46, 0.8]])
    bounds = predict(table(seen)).bounds(table(seen).sign, 0.05)
    spread = seen.std(axis=0, ddof=1) * math.sqrt(1 + 1 / 4)
    np.testing.assert_allclose(bounds, seen.mean(axis=0) - stats.t.isf(0.05, 3) * spread)


def test_a_prior_makes_one_version_enough():
    """Its spread stands in for the versions that nobody has measured."""
    prior = Prior(spread=0.05, shift=0.03, freedom=3)
    future = predict(table([[0.5]], priors=[prior]))
    assert future.scale == pytest.approx([0.05 * math.sqrt(2)])
    assert future.freedom == pytest.approx([3.0])
    more = predict(table([[0.5]], priors=[prior]), versions=10)
    assert more.scale < future.scale


def test_versions_that_agree_to_the_last_digit_prove_little():
    """Resampled images differ, so the next version will."""
    future = predict(table([[0.5], [0.5], [0.5]], errors=0.04))
    assert future.scale[0] == pytest.approx(0.02 * math.sqrt(1 + 1 / 3))


def test_draws_have_the_tail_that_is_predicted():
    """As many lie beyond a bound as it says."""
    made = table([[0.50, 0.6], [0.54, 0.7], [0.58, 0.5], [0.46, 0.8]])
    future = predict(made)
    bound = future.bounds(made.sign, 0.1)
    beyond = (draws_of(made, future, 0) * made.sign > bound * made.sign).mean(axis=0)
    np.testing.assert_allclose(beyond, 0.1, atol=0.02)
    assert future.share_beyond(0, -1.0, float(bound[0])) == pytest.approx(0.1)


def test_the_level_is_the_largest_that_keeps_the_joint_rate():
    """By bisection: shares grow with the level."""
    assert search(lambda level: 3 * level, 0.06, low=1e-6, high=0.4) == pytest.approx(0.02, rel=1e-3)


def test_a_table_without_a_version_has_the_others():
    """Each version is judged by what the others say."""
    made = table([[0.1], [0.2], [0.3]])
    assert without(made, 1).values.tolist() == [[0.1], [0.3]]
    assert made.values.shape == (3, 1)
