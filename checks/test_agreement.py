"""Agreement: methods of different kinds point at the same place."""


def test_jaccard_top10(check):
    """Their strongest tenths overlap."""
    check("agreement.jaccard_top10")


def test_correlation(check):
    """Their maps rank pixels alike."""
    check("agreement.correlation")
