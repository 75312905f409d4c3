"""Randomization: maps depend on what the model has learned."""


def test_correlation(check):
    """A re-initialised model gives another map."""
    check("randomization.correlation")


def test_excess_correlation(check):
    """It gives a map no more alike than that of another image."""
    check("randomization.excess_correlation")
