"""Complexity: the explanation is short enough to read."""


def test_gini(check):
    """Few pixels have most of the relevance."""
    check("complexity.gini")


def test_entropy(check):
    """The relevance is not spread over the whole frame."""
    check("complexity.entropy")
