"""Reliance: behaviour depends on the object, not on what surrounds it."""


def test_background_gap(check):
    """Backgrounds of other classes cost no accuracy."""
    check("reliance.background_gap")


def test_background_follow(check):
    """Predictions do not turn to the class of the background."""
    check("reliance.background_follow")


def test_background_margin(check):
    """Backgrounds of other classes cost no probability."""
    check("reliance.background_margin")


def test_background_only(check):
    """Without its object the class is not predicted."""
    check("reliance.background_only")


def test_object_only(check):
    """Without its background the object is still recognised."""
    check("reliance.object_only")


def test_occlusion_share(check):
    """Hiding the object costs more than hiding anything else."""
    check("reliance.occlusion_share")


def test_core_sensitivity(check):
    """Noise on the object costs more than as much noise elsewhere."""
    check("reliance.core_sensitivity")


def test_transplant_follow(check):
    """No patch of a class turns other images into it."""
    check("reliance.transplant_follow")


def test_texture_share(check):
    """The object is recognised by its shape as well as by its texture."""
    check("reliance.texture_share")


def test_style_follow(check):
    """Predictions do not follow how pictures were recorded."""
    check("reliance.style_follow")


def test_spectrum_follow(check):
    """Predictions do not follow the amplitude spectrum of pictures."""
    check("reliance.spectrum_follow")


def test_signature_follow(check):
    """What all pictures of a class have in common beside their objects turns no prediction."""
    check("reliance.signature_follow")


def test_operation_follow(check):
    """No everyday operation that left its mark on a class turns other images into it."""
    check("reliance.operation_follow")
