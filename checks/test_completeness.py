"""Completeness: attributions add up to what they explain."""


def test_relative_error(check):
    """The attributions add up to the change of the score."""
    check("completeness.relative_error")


def test_path_residual(check):
    """They add up on every part of the path."""
    check("completeness.path_residual")


def test_gradient_error(check):
    """The backward pass belongs to the forward pass."""
    check("completeness.gradient_error")
