"""Review: what people find of the maps."""


def test_implausible(check):
    """People find the maps plausible."""
    check("review.implausible")


def test_coverage(check):
    """Enough maps were looked at by a person."""
    check("review.coverage")


def test_agreement(check):
    """Reviewers agree beyond chance."""
    check("review.agreement")
