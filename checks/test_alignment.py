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


def test_relevance_rank(check):
    """The strongest pixels lie on the object."""
    check("alignment.relevance_rank")


def test_human_ratio(check):
    """The explanation covers the object as well as people agree about it."""
    check("alignment.human_ratio")


def test_silent_share(check):
    """The explanation lies somewhere: something in the picture speaks for its class."""
    check("alignment.silent_share")


def test_specificity(check):
    """The explanation belongs to its own image, not to a place that all share."""
    check("alignment.specificity")


def test_resolution(check):
    """The explanation is fine enough to tell the object from what surrounds it."""
    check("alignment.resolution")
