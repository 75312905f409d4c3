"""A rule over versions as a chart: values, thresholds, gaps, and what was blocked."""

import re

from versions import NASTY, finding, version

from explain_gate.comparing.series import series_of
from explain_gate.publishing.pictures.trends import trend


def test_no_line_leads_over_a_change_of_the_data():
    """Values that cannot be compared are not connected."""
    (series,) = series_of([version(n, 0.5) for n in range(1, 5)])
    drawing = trend(series, key="t", blocked=[False] * 4, breaks=[2], ends=("1", "4"))
    assert re.search(r'class="course" d="([^"]+)"', drawing)[1].count("M") == 2
    assert drawing.count('class="band"') == 2


def test_a_chart_shows_thresholds_values_and_what_was_blocked():
    """The bound is drawn as it was for each version; a broken value is red; a lone value has a whisker."""
    versions = [version(1, 0.5), version(2, 0.2), version(3, 0.5, findings=(finding(0.5, bound=0.45),))]
    (series,) = series_of(versions)
    drawing = trend(series, key="t", blocked=[False, True, False], breaks=[2], ends=("1", NASTY))
    assert drawing.count('class="bound"') == 2
    assert drawing.count("h0") == 3
    assert re.search(r'class="spots off" d="M[^"M]+h0"', drawing)
    assert 'class="stopped"' in drawing
    assert 'class="break"' in drawing
    assert "<script>" not in drawing
    lone = trend(series_of([version(1, 0.5)])[0], key="t", blocked=[False], breaks=[], ends=("1", "1"))
    assert 'class="whisker"' in lone


def test_values_that_are_missing_interrupt_the_line():
    """An unmeasured version is a gap, not a zero."""
    (series,) = series_of([version(1, 0.5), version(2, 0.5), version(3, None), version(4, 0.5), version(5, 0.5)])
    drawing = trend(series, key="t", blocked=[False] * 5, breaks=[], ends=("1", "5"))
    assert re.search(r'class="course" d="([^"]+)"', drawing)[1].count("M") == 2
