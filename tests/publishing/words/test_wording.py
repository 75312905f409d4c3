"""Digits and words that cannot be misread."""

from explain_gate.publishing.words.wording import bound_text, signed_span, span


def test_intervals_and_bounds_read_as_words():
    """A negative end is joined by a word; several bounds are all told."""
    assert span((0.271, 0.349)) == "0.27\u20130.35"
    assert span((-0.1, 0.2)) == "-0.10 to 0.20"
    assert span(None) == ""
    assert bound_text({"at_least": 0.4, "max_drop": 0.03}) == "at least 0.40, drop at most 0.03"


def test_ends_that_differ_never_look_the_same():
    """An interval is told with as many digits as its width takes; rounding noise is no width."""
    assert span((0.401, 0.404)) == "0.401\u20130.404"
    assert span((0.4, 0.4 + 1e-16)) == "0.40\u20130.40"
    assert signed_span((-0.004, -0.0041)) == "\u22120.004 to \u22120.0041"


def test_a_bound_is_told_as_it_was_written():
    """Two digits where it has no more; a bound of 0.405 is never told as 0.41 or 0.40."""
    assert bound_text({"at_least": 0.405, "max_drop": 0.0}) == "at least 0.405, drop at most 0.00"
