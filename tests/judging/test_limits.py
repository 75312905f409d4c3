"""What a proposed bound must not do: stop nothing, let a random map pass, be looser than the package's own."""

from __future__ import annotations

import pytest

from explain_gate.judging.limits import demands_of, fixed, random_map, round_out, stays_counting, with_bound, within
from explain_gate.records import Rule


def rule(check: str = "alignment.iou", **bounds) -> Rule:
    """A row with a bound of its value."""
    better = "lower" if "at_most" in bounds else "higher"
    return Rule(check=check, method="grad_cam", class_name=None, better=better, **bounds)


@pytest.mark.parametrize(
    ("asked", "bound", "inside"),
    [
        (rule(at_least=0.4), 0.4, True),
        (rule(at_least=0.4), 1.0, True),
        (rule(at_least=0.4), 0.0, False),
        (rule(at_least=0.4), 1.1, False),
        (rule("reliance.background_gap", at_most=0.1), 1.0, False),
        (rule("other.shop:own", at_least=0.4), -50.0, True),
    ],
)
def test_a_bound_at_the_loose_end_of_the_range_stops_nothing(asked, bound, inside):
    """And one beyond it is refused by `run`; of a team's own metric nobody knows the range."""
    assert within(asked, bound) == inside


def test_a_bound_must_stop_a_random_map():
    """Otherwise it is vacuous."""
    demands = demands_of(rule(at_least=0.4), 0.3, None)
    assert [one.allows(0.35) for one in demands] == [True, True]
    assert [one.allows(0.25) for one in demands] == [True, False]
    assert "would let a random map pass, which reaches 0.3" in demands[1].broken


def test_what_a_random_map_reaches_is_the_best_of_the_versions(make_profile):
    """Over all classes: one class has too few images."""
    profiles = [make_profile({("alignment.iou", "control.random"): [value, value]}) for value in (0.1, 0.3)]
    assert random_map(profiles, rule(at_least=0.4)) == pytest.approx(0.3)
    assert random_map(profiles, rule(at_most=0.4)) == pytest.approx(0.1)
    assert random_map([make_profile({("alignment.iou", "grad_cam"): [0.5]})], rule(at_least=0.4)) is None


@pytest.mark.parametrize(
    ("value", "way", "rounded"),
    [
        (0.12345, 1, 0.124),
        (0.12345, -1, 0.123),
        (0.5, 1, 0.5),
        (123.4, 1, 124.0),
        (-0.12345, -1, -0.124),
        (0.0, 1, 0.0),
    ],
)
def test_a_bound_is_rounded_away_from_the_good_versions(value, way, rounded):
    """Three digits, and no version falls out by rounding."""
    assert round_out(value, way) == pytest.approx(rounded)


def test_a_bound_moves_on_the_side_on_which_it_is():
    """A lower bound stays one."""
    assert with_bound(rule(at_least=0.4), 0.2).bound == {"at_least": 0.2}
    assert with_bound(rule(at_most=0.4), 0.2).bound == {"at_most": 0.2}
    assert fixed(rule(at_most=0.4, max_rise=0.1)) == 0.4


def test_a_row_that_goes_on_counting_allows_no_more_than_the_package():
    """But where somebody accepted that."""
    counts = {"decide": "evidence", "must_catch": 0.7}
    loose = rule("reliance.background_gap", at_most=0.5, **counts)
    assert stays_counting(loose, "why").bound < 0.5
    accepted = rule("reliance.background_gap", at_most=0.5, accept_looser="small set", **counts)
    assert stays_counting(accepted, "why").bound == 0.5
    strict = rule("reliance.background_gap", at_most=0.01, **counts)
    assert stays_counting(strict, "why") == stays_counting(strict, "why")
    assert stays_counting(strict, "why").bound == 0.01
