"""The demo's pictures: deterministic, balanced, annotated where the digit is."""

import numpy as np
import pytest

from explain_gate.demo import pictures
from explain_gate.demo.pictures import CLASSES, CORNER, REGION_MARGIN, SIZE, draw_pictures


@pytest.fixture(scope="module")
def drawn():
    """Six pictures of each class."""
    return draw_pictures("regression", per_class=6, seed=0)


def test_one_seed_gives_one_set(drawn):
    """The same seed draws the same pictures, another seed others."""
    again, other = (draw_pictures("regression", per_class=6, seed=seed) for seed in (0, 1))
    assert np.array_equal(drawn.images, again.images)
    assert np.array_equal(drawn.regions, again.regions)
    assert not np.array_equal(drawn.images, other.images)


def test_every_class_has_its_share(drawn):
    """Each class appears `per_class` times and shapes and types are as promised."""
    assert np.bincount(drawn.labels).tolist() == [6] * len(CLASSES)
    assert drawn.images.shape == (len(drawn), SIZE, SIZE, 3)
    assert drawn.regions.shape == drawn.coverage.shape == (len(drawn), SIZE, SIZE)
    assert (drawn.images.dtype, drawn.regions.dtype, drawn.labels.dtype) == (np.uint8, bool, np.int64)


def test_the_region_holds_the_whole_digit_and_little_more(drawn):
    """No pixel of the digit lies outside its region, and the region reaches no further than its margin."""
    for coverage, region in zip(drawn.coverage, drawn.regions, strict=True):
        assert not (coverage[~region] > 0.5).any()
        rows, columns = (np.flatnonzero((coverage > 0.5).any(axis=axis)) for axis in (1, 0))
        wide = np.zeros_like(region)
        wide[
            max(rows[0] - REGION_MARGIN, 0) : rows[-1] + REGION_MARGIN + 1,
            max(columns[0] - REGION_MARGIN, 0) : columns[-1] + REGION_MARGIN + 1,
        ] = True
        assert not (region & ~wide).any()
    assert 0.08 < drawn.regions.mean() < 0.25


def test_the_pixels_of_the_digit_stand_out_from_the_rest(drawn):
    """Where the digit covers the photograph, brightness differs from its surroundings within the region's edge."""
    brightness = drawn.images.mean(axis=3)
    for image, coverage, region in zip(brightness, drawn.coverage, drawn.regions, strict=True):
        edge = region & (coverage == 0)
        assert abs(np.median(image[coverage == 1]) - np.median(image[edge])) > 20


def test_no_region_enters_a_corner(drawn):
    """The corners stay free for marks, so that a mark never lies on a digit."""
    for rows in (slice(CORNER), slice(SIZE - CORNER, None)):
        for columns in (slice(CORNER), slice(SIZE - CORNER, None)):
            assert not drawn.regions[:, rows, columns].any()


def test_training_and_regression_share_no_scan_and_no_tile():
    """What a model is judged on it has never seen: the two splits divide the scans and the photographs."""
    for digit in range(len(CLASSES)):
        seen, unseen = (pictures._scans(digit, split) for split in ("training", "regression"))
        assert len(seen) > 100
        assert len(unseen) > 50
        assert len(seen) + len(unseen) == len(_all_scans(digit))
    seen, unseen = (pictures._tiles(split) for split in ("training", "regression"))
    assert not any(np.shares_memory(tile, other) or np.array_equal(tile, other) for tile in seen for other in unseen)
    assert (len(seen), len(unseen)) == (32, 16)


def _all_scans(digit):
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images[digits.target == digit]
