"""Numbers that cannot be misread: two digits where they suffice, more where two would hide which is larger."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explain_gate.digits import exact, number, numbers

FINITE = st.floats(allow_nan=False, allow_infinity=False)
NEAR = st.floats(-2000, 2000).flatmap(
    lambda value: st.tuples(st.just(value), st.sampled_from([0.0, 1e-15, -1e-12, 1e-6, -0.004]).map(value.__add__))
)


def read(text: str) -> float:
    return float(text.replace(",", ""))


@pytest.mark.parametrize(
    ("value", "against", "text"),
    [
        (0.4, None, "0.40"),
        (0.39999, 0.4, "0.39999"),
        (0.4, 0.4, "0.40"),
        (0.4049, 0.403, "0.405"),
        (0.0, 0.05, "0.00"),
        (0.00231, None, "0.0023"),
        (0.00401, 0.004, "0.00401"),
        (12345.6, None, "12,346"),
        (12345.6, 12345.7, "12,345.6"),
        (None, 0.4, "\u2013"),
        (math.nan, 0.4, "\u2013"),
    ],
)
def test_a_number_never_looks_like_the_bound_it_breaks(value, against, text):
    """Two digits where they suffice, more where value and bound would look the same or the wrong way round."""
    assert number(value, against=against) == text


@given(NEAR | st.tuples(FINITE, FINITE))
@settings(deadline=None, max_examples=300, derandomize=True)
def test_the_text_lies_on_the_side_of_the_bound_where_the_value_lies(pair):
    """What is read compares with the bound as the value does, for any two numbers."""
    value, bound = pair
    told = read(number(value, against=bound))
    assert (told < bound, told > bound) == (value < bound, value > bound)
    assert read(exact(bound)) == bound


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=4) | NEAR.map(list))
@settings(deadline=None, max_examples=200, derandomize=True)
def test_numbers_side_by_side_are_in_the_order_of_their_values(values):
    """No text of a smaller number reads larger, and unequal ones differ unless rounding alone parts them."""
    told = list(map(read, numbers(values)))
    for one, first in enumerate(values):
        for two, second in enumerate(values):
            if first < second and not math.isclose(first, second, rel_tol=2e-9):
                assert told[one] < told[two]
