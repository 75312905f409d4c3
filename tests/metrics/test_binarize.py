"""From a map to the pixels that it points at."""

import pytest
import torch

from explain_gate.metrics.binarize import binarized

MAP = torch.tensor([[0.0, 0.1, 0.2, 0.9, 1.0, 0.5]])
TARGET = torch.tensor([[False, False, False, True, True, True]])


def test_each_way_marks_the_pixels_that_it_promises():
    """A share of the maximum, Otsu's threshold between the low and the high, or as many as the region has."""
    assert binarized(MAP, TARGET, "half", 0.5).tolist() == [[False, False, False, True, True, True]]
    assert binarized(MAP, TARGET, "half", 0.95).tolist() == [[False, False, False, False, True, False]]
    assert binarized(MAP, TARGET, "area", 0.5).tolist() == [[False, False, False, True, True, True]]
    assert binarized(torch.tensor([[0.0, 0.1, 0.9, 1.0]]), TARGET[:, :4], "otsu", 0.5).tolist() == [
        [False, False, True, True]
    ]


def test_ties_are_broken_by_position():
    """So that the area is exact on a plain map."""
    assert binarized(torch.ones(1, 6), TARGET, "area", 0.5).tolist() == [[True, True, True, False, False, False]]


@pytest.mark.parametrize(("way", "fraction"), [("half", 0.0), ("half", 1.5), ("mean", 0.5)])
def test_what_has_no_meaning_is_refused(way, fraction):
    """In a sentence that says what may stand there."""
    with pytest.raises(ValueError, match="must"):
        binarized(MAP, TARGET, way, fraction)
