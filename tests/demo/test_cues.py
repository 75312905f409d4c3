"""Planted cues: each lies where it says, tells the classes apart and grows with its strength."""

import numpy as np
import pytest

from explain_gate.demo.cues import CUES
from explain_gate.demo.pictures import CLASSES, CORNER, SIZE, draw_pictures


@pytest.fixture(scope="module")
def picture():
    """One picture and its coverage."""
    drawn = draw_pictures("regression", per_class=1, seed=3)
    return drawn.images[2], drawn.coverage[2]


def _change(name, picture, index, strength, seed=0):
    image, coverage = picture
    cued = CUES[name].draw(image, coverage, index, strength, np.random.default_rng(seed))
    assert cued.shape == image.shape
    assert cued.dtype == np.uint8
    return np.abs(cued.astype(int) - image).sum(axis=2)


@pytest.mark.parametrize("name", CUES)
def test_no_strength_is_no_cue(name, picture):
    """At strength 0 the picture stays as it is."""
    assert _change(name, picture, 1, 0.0).max() <= 3  # one grey level of rounding per channel


@pytest.mark.parametrize("name", CUES)
def test_a_cue_grows_with_its_strength(name, picture):
    """More strength changes the picture more."""
    weak, strong = (_change(name, picture, 1, strength).sum() for strength in (0.3, 0.9))
    assert 0 < weak < strong


@pytest.mark.parametrize("name", CUES)
def test_a_cue_tells_classes_apart_and_is_repeatable(name, picture):
    """The same draw gives the same picture; another class gives another one."""
    image, coverage = picture
    drawn = [
        CUES[name].draw(image, coverage, index, CUES[name].strength, np.random.default_rng(0))
        for index in (*range(len(CLASSES)), 0)
    ]
    assert np.array_equal(drawn[0], drawn[-1])
    for first in range(len(CLASSES)):
        for second in range(first):
            assert np.abs(drawn[first].astype(int) - drawn[second]).max() > 20


@pytest.mark.parametrize("name", [name for name, cue in CUES.items() if cue.place == "background"])
def test_a_background_cue_leaves_the_object_alone(name, picture):
    """Pixels the digit covers fully are not touched."""
    change = _change(name, picture, 0, 1.0)
    assert change.max() > 30
    assert change[picture[1] == 1].max() <= 3


def test_the_collar_lies_on_the_object_only(picture):
    """Pixels the digit does not cover are not touched."""
    change = _change("collar", picture, 0, 1.0)
    assert change.max() > 30
    assert change[picture[1] == 0].max() == 0


@pytest.mark.parametrize(("name", "rows"), [("watermark", slice(SIZE - CORNER, None)), ("corner_tag", slice(CORNER))])
def test_marks_stay_in_their_corner(name, rows, picture):
    """Watermark and tag lie in the corner that digits keep clear of, whatever the draw."""
    for seed in range(20):
        change = _change(name, picture, seed % len(CLASSES), 1.0, seed)
        change[rows, rows] = 0
        assert change.max() == 0


def test_the_watermark_is_semi_transparent(picture):
    """At its default strength the photograph still shows through: equal marks on unequal pixels stay unequal."""
    flat = [np.full((SIZE, SIZE, 3), level, dtype=np.uint8) for level in (60, 120)]
    none = np.zeros((SIZE, SIZE), dtype=np.float32)
    cue = CUES["watermark"]
    marked = [cue.draw(image, none, 1, cue.strength, np.random.default_rng(0)) for image in flat]
    changed = marked[0][..., 0] != 60
    assert changed.any()
    assert (marked[1][changed] > marked[0][changed]).all()
