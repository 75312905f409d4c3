"""Digits and words that cannot be misread."""

import pytest

from explain_gate.reporting.wording import bound_text, number, span


@pytest.mark.parametrize(
    ("value", "against", "text"),
    [
        (0.4, None, "0.40"),
        (0.39999, 0.4, "0.39999"),
        (0.4, 0.4, "0.40"),
        (0.0, 0.05, "0.00"),
        (0.00231, None, "0.0023"),
        (12345.6, None, "12,346"),
        (None, 0.4, "\u2013"),
        (float("nan"), 0.4, "\u2013"),
    ],
)
def test_a_number_never_looks_like_the_bound_it_breaks(value, against, text):
    """Two digits where they suffice, more where value and bound would look the same."""
    assert number(value, against=against) == text


def test_intervals_and_bounds_read_as_words():
    """A negative end is joined by a word; several bounds are all told."""
    assert span((0.271, 0.349)) == "0.27\u20130.35"
    assert span((-0.1, 0.2)) == "-0.10 to 0.20"
    assert span(None) == ""
    assert bound_text({"at_least": 0.4, "max_drop": 0.03}) == "at least 0.40, drop at most 0.03"
