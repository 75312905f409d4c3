"""Discrimination: maps belong to their class."""


def test_class_correlation(check):
    """The most probable classes have different maps."""
    check("discrimination.class_correlation")
