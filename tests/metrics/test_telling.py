"""The classifier of confounds: what it is told it tells, and noise stays at chance."""

from __future__ import annotations

import numpy as np
import pytest

from explain_gate.metrics.telling import balanced_accuracy, beyond_guessing, one_from_rest, told_classes

LABELS = np.arange(60) % 3


def test_a_shift_tells_the_classes_apart() -> None:
    """One number that differs by class, among thirty that do not; a constant column does no harm."""
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(60, 31))
    columns[:, 0] = 7
    columns[:, 1] += 6 * LABELS
    told = told_classes(columns, LABELS)
    assert balanced_accuracy(told, LABELS) >= 0.95
    assert beyond_guessing(told, LABELS) < 1e-9


def test_noise_is_at_chance() -> None:
    """Over many sets of numbers that know nothing a third is right, though they are as many as the pictures."""
    rng = np.random.default_rng(1)
    accuracies = [balanced_accuracy(told_classes(rng.normal(size=(60, 60)), LABELS), LABELS) for _ in range(30)]
    assert np.mean(accuracies) == pytest.approx(1 / 3, abs=0.04)
    chances = [beyond_guessing(told_classes(rng.normal(size=(60, 4)), LABELS), LABELS) for _ in range(60)]
    assert sum(chance <= 0.05 for chance in chances) <= 9


def test_one_marked_class_is_told_from_the_rest() -> None:
    """By hand: 18 of 20 of a class told, 2 of 40 of the others called so: (0.9 + 0.95) / 2."""
    told = np.where(LABELS == 1, 1, 0)
    told[np.flatnonzero(LABELS == 1)[:2]] = 0
    told[np.flatnonzero(LABELS != 1)[:2]] = 1
    accuracy, p_value = one_from_rest(told, LABELS, 1)
    assert accuracy == pytest.approx(0.925)
    assert p_value < 1e-6
    assert one_from_rest(told, LABELS, 0)[0] < 0.8
