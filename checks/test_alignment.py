"""Alignment: maps lie on the annotated regions."""


def test_iou(check):
    """The explanation covers the object."""
    check("alignment.iou")


def test_pointing_game(check):
    """The strongest relevance lies on the object."""
    check("alignment.pointing_game")


def test_relevance_mass(check):
    """Most of the relevance lies on the object."""
    check("alignment.relevance_mass")


def test_lift(check):
    """The object gets more relevance than its size explains."""
    check("alignment.lift")
