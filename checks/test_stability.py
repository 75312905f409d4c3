"""Stability: maps stay when nothing that matters changes."""


def test_rerun_correlation(check):
    """Measured again, the map is the same."""
    check("stability.rerun_correlation")


def test_augmentation_correlation(check):
    """Slight changes of the image move the map with it."""
    check("stability.augmentation_correlation")


def test_max_sensitivity(check):
    """Noise that nobody sees does not change the map."""
    check("stability.max_sensitivity")


def test_retrain_correlation(check):
    """Trained again with another seed, the model looks at the same place."""
    check("stability.retrain_correlation")


def test_device_correlation(check):
    """Device and precision do not change the map."""
    check("stability.device_correlation")
