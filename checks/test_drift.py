"""Drift: what changed since the reference, on the same images."""


def test_map_correlation(check):
    """The maps are those of the reference."""
    check("drift.map_correlation")


def test_changed_reason(check):
    """Where the prediction is the reference's, so is its reason."""
    check("drift.changed_reason")


def test_new_strategy(check):
    """No group of images is explained as no image of the reference was."""
    check("drift.new_strategy")


def test_changed_prediction(check):
    """The predictions are those of the reference."""
    check("drift.changed_prediction")
