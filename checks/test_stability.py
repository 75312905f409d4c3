"""Stability: maps stay when nothing that matters changes."""


def test_rerun_correlation(check):
    """Measured again, the map is the same."""
    check("stability.rerun_correlation")
