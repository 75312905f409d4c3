"""Randomization: maps depend on what the model has learned."""


def test_correlation(check):
    """A re-initialised model gives another map."""
    check("randomization.correlation")


def test_excess_correlation(check):
    """It gives a map no more alike than that of another image."""
    check("randomization.excess_correlation")


def test_cascade(check):
    """Maps change as soon as upper blocks are re-initialised."""
    check("randomization.cascade")


def test_complexity_rise(check):
    """A model that knows nothing gives a more complex map."""
    check("randomization.complexity_rise")


def test_labels(check):
    """A model trained on permuted labels gives another map."""
    check("randomization.labels")
