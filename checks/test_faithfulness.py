"""Faithfulness: the score hangs on the pixels that the map names."""


def test_deletion_auc(check):
    """The score falls soon when the most relevant pixels vanish."""
    check("faithfulness.deletion_auc")


def test_insertion_auc(check):
    """It returns soon when they appear."""
    check("faithfulness.insertion_auc")


def test_deletion_gain(check):
    """It falls sooner than when the map lies elsewhere."""
    check("faithfulness.deletion_gain")


def test_road(check):
    """It needs the most relevant pixels more than the least relevant."""
    check("faithfulness.road")


def test_sensitivity_n(check):
    """Sets of pixels cost as much as the map says."""
    check("faithfulness.sensitivity_n")
