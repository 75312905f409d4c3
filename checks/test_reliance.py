"""Reliance: behaviour depends on the object, not on what surrounds it."""


def test_background_gap(check):
    """Backgrounds of other classes cost no accuracy."""
    check("reliance.background_gap")


def test_background_follow(check):
    """Predictions do not turn to the class of the background."""
    check("reliance.background_follow")
