"""Counting by hand: the numbers of a rule that counts images are those of the exact binomial, and it keeps its word."""

from __future__ import annotations

import math

import numpy as np
import pytest

from explain_gate.judging.evidence import (
    POWER,
    broken_rows,
    fails_from,
    finds,
    images_needed,
    limits,
    more_images,
    power,
    tail,
    upper_limit,
)

PART = 0.003
"""What a rule of the scaffold may spend on false alarms; its rows share it."""


@pytest.mark.parametrize(
    ("images", "bound", "rows", "least"),
    [(20, 0.05, 3, 6), (20, 0.05, 10, 7), (40, 0.05, 3, 8), (180, 0.05, 10, 21), (40, 0.20, 3, 17)],
)
def test_a_row_fails_from_the_number_that_can_be_counted_by_hand(images, bound, rows, least):
    """Three rows that share the rule's part, and ten; checked against sums of binomial terms."""
    by_hand = next(
        yes
        for yes in range(1, images + 1)
        if sum(math.comb(images, k) * bound**k * (1 - bound) ** (images - k) for k in range(yes, images + 1))
        <= PART / rows
    )
    assert fails_from(images, bound, PART / rows) == by_hand == least


@pytest.mark.parametrize(
    ("images", "bound", "rows", "share", "probability"),
    [(20, 0.05, 3, 0.5, 0.98), (20, 0.05, 10, 0.5, 0.94), (40, 0.05, 3, 0.25, 0.82), (40, 0.20, 3, 0.5, 0.87)],
)
def test_what_a_row_finds_is_what_the_contract_says(images, bound, rows, share, probability):
    """With 20 images a class."""
    assert power(images, bound, PART / rows, share) == pytest.approx(probability, abs=0.006)


def test_a_share_of_one_in_five_is_nearly_always_found_among_180_images():
    """Ten classes, rows of following."""
    assert power(180, 0.05, PART / 10, 0.2) > 0.99


@pytest.mark.parametrize("bound", [0.0, 0.02, 0.05, 0.2])
@pytest.mark.parametrize("images", [1, 5, 14, 20, 57])
def test_an_honest_version_at_the_bound_is_blocked_no_more_often_than_the_rule_may(images, bound):
    """Four rows by Holm, drawn 4,000 times, each at its worst honest share."""
    rng = np.random.default_rng(images)
    yes = rng.binomial(images, bound, (4000, 4))
    p_values = {k: tail(k, images, bound) for k in range(images + 1)}
    blocked = np.mean([any(broken_rows([p_values[k] for k in row], 0.05)) for row in yes.tolist()])
    assert blocked <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4000)


def test_from_the_number_that_would_do_every_larger_one_does_too():
    """Power is a saw, so the first number that reaches it is not enough."""
    needed = images_needed(0.05, PART / 4, 0.5)
    assert all(power(n, 0.05, PART / 4, 0.5) >= POWER for n in range(needed, needed + 200))
    assert power(needed - 1, 0.05, PART / 4, 0.5) < POWER
    assert images_needed(0.2, PART, 0.2) is None
    assert images_needed(0.2, PART, 0.1) is None


def test_what_a_number_of_images_finds_is_found_with_power():
    """The smallest hundredth; nothing where even a version that always says yes would pass."""
    share = finds(40, 0.05, PART / 4)
    assert power(40, 0.05, PART / 4, share) >= POWER > power(40, 0.05, PART / 4, share - 0.01)
    assert finds(1, 0.05, PART) is None
    assert fails_from(0, 0.05, PART) is None


@pytest.mark.parametrize("share", [0.01, 0.05, 0.25, 0.6])
def test_limits_hold_the_true_share_as_often_as_they_say(share):
    """Summed over every outcome, not drawn: 95 % for both sides together, and for the upper one alone."""
    images = 40
    weights = [math.comb(images, k) * share**k * (1 - share) ** (images - k) for k in range(images + 1)]
    both = sum(w for k, w in enumerate(weights) if limits(k, images)[0] <= share <= limits(k, images)[1])
    above = sum(w for k, w in enumerate(weights) if share <= upper_limit(k, images))
    assert both >= 0.95
    assert above >= 0.95


def test_rows_share_what_the_rule_may_spend_whatever_their_order():
    """Holm: the smallest against a third, the next against a half, the last against all; a gap stops it."""
    assert broken_rows([0.02, 0.001, 0.004], 0.012) == [False, True, True]
    assert broken_rows([0.001, 0.004, 0.02], 0.012) == [True, True, False]
    assert broken_rows([0.005, 0.005, 0.005], 0.012) == [False, False, False]
    assert broken_rows([], 0.05) == []


def test_about_how_many_more_images_would_decide():
    """None where the images say yes no more often than the bound allows."""
    more = more_images(4, 20, 0.05, PART / 4)
    assert more is not None
    assert power(20 + more, 0.05, PART / 4, 0.2) >= POWER
    assert more_images(1, 20, 0.05, PART / 4) is None
