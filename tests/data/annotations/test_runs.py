"""Run lengths of a part are those that pycocotools reads as the mask in its place."""

from __future__ import annotations

import numpy as np
import pytest
from pycocotools import mask as coco

from explain_gate.data.annotations.runs import whole_picture


@pytest.mark.parametrize(("left", "top"), [(0, 0), (3, 2), (7, 4)])
def test_a_part_stands_where_it_stood(left, top):
    """At an edge, in the middle, and where the first pixel is inside."""
    inside = np.random.default_rng(left).random((6, 5)) > 0.4
    inside[0, 0] = True
    runs = whole_picture(inside, left, top, (10, 12))
    whole = coco.decode(coco.frPyObjects(runs, 10, 12)).astype(bool)
    assert np.array_equal(whole[top : top + 6, left : left + 5], inside)
    assert whole.sum() == inside.sum()


def test_what_reaches_beyond_the_picture_is_refused():
    """Rather than cut in silence."""
    with pytest.raises(ValueError, match="lies outside of 12 x 10"):
        whole_picture(np.ones((6, 5), dtype=bool), 8, 0, (10, 12))
