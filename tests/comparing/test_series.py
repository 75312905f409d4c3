"""A rule over all versions: gaps where it was not judged, those that break first."""

from versions import version

from explain_gate.comparing.series import breaks, series_of


def test_a_rule_that_was_not_always_planned_has_gaps():
    """Series line up with versions; versions without the rule have no finding."""
    series = series_of([version(1, 0.5), version(2, 0.5, 0.9), version(3)])
    assert [[f is not None for f in one.findings] for one in series] == [[True, True, False], [False, True, False]]


def test_what_breaks_now_comes_first():
    """A reader of the newest version sees what holds it up."""
    holds, fails = version(1, 0.5, 0.9), version(2, 0.2, 0.9)
    assert breaks(series_of([holds, fails])[0].latest)
    assert not any(breaks(one.latest) for one in series_of([fails, holds]))
