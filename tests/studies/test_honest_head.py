"""A head fitted where the cue tells nothing, on features of which it is known what they hold."""

import numpy as np
import pytest

from explain_gate.studies.honest_head import honest_head

LABELS = np.arange(20) % 2
OBJECT = np.eye(2)[LABELS]
CUE = np.eye(2)[LABELS]
OTHER = np.eye(2)[1 - LABELS]
CHEATED = (np.ones(20), np.zeros(20))


def test_features_that_hold_the_object_too_make_it_the_head():
    """Everything is regained."""
    told = honest_head(np.hstack([OBJECT, CUE]), np.hstack([OBJECT, OTHER]), LABELS, CHEATED, seed=0)
    assert (told.part, told.honest) == ("head", 1)
    assert told.regained == pytest.approx(1)


def test_features_that_hold_the_cue_alone_make_it_the_backbone():
    """The opposite of the cue is no answer either, since both twins are asked about."""
    told = honest_head(CUE, OTHER, LABELS, CHEATED, seed=0)
    assert (told.part, told.honest) == ("backbone", 0.5)
    assert told.regained == pytest.approx(0)


def test_features_of_noise_are_the_backbones():
    """More features than pictures fit anything; what counts is what was held out."""
    rng = np.random.default_rng(0)
    told = honest_head(*rng.normal(size=(2, 20, 500)), LABELS, CHEATED, seed=0)
    assert told.part != "head"


def test_a_head_that_loses_nothing_has_nothing_to_regain():
    """No division by nothing."""
    told = honest_head(OBJECT, OBJECT, LABELS, (np.ones(20), np.ones(20)), seed=0)
    assert (told.part, told.regained) == ("none", None)


def test_few_images_fit_no_head():
    """And it is said."""
    told = honest_head(OBJECT[:6], OBJECT[:6], LABELS[:6], (np.ones(6), np.zeros(6)), seed=0)
    assert told.part == "none"
    assert told.reason.startswith("fewer than 10 images")
