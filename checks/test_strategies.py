"""Strategies: no group of a class's images rests on something beside the object."""


def test_outside(check):
    """No cluster of maps lies outside the annotated regions."""
    check("strategies.outside")
