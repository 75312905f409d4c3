"""A decision about a map holds for one that is nearly the same, and for no other."""

import numpy as np
import pytest
from made_up_maps import blob

from explain_gate.decisions.likeness import SAME, cells_of, distance, same_map, sketch_of


def test_a_map_is_no_distance_from_itself_whatever_its_scale():
    """Maps are compared by where their relevance lies."""
    assert distance(sketch_of(blob()), sketch_of(blob())) == 0
    assert distance(sketch_of(blob()), sketch_of(blob() / 4)) < 0.01


def test_maps_that_share_no_cell_are_as_far_as_can_be():
    """And so are opposite signs, and nothing against something."""
    left, right = np.zeros((2, 32, 32), dtype=np.float16)
    left[:, :16] = 1
    right[:, 16:] = 1
    assert distance(sketch_of(left), sketch_of(right)) == 1
    assert distance(sketch_of(left), sketch_of(-left)) == 1
    assert distance(sketch_of(left), sketch_of(0 * left)) == 1
    assert distance(sketch_of(0 * left), sketch_of(0 * left)) == 0
    assert distance(sketch_of(left), sketch_of(left[:8, :8])) == 1


def test_the_distance_is_the_share_that_lies_elsewhere():
    """A quarter of the relevance moved is 0.25."""
    before, after = np.zeros((2, 16, 16), dtype=np.float16)
    before[0, :4] = 1
    after[0, 1:5] = 1
    assert distance(sketch_of(before), sketch_of(after)) == pytest.approx(0.25)


def test_noise_of_another_machine_is_the_same_map_and_a_moved_spot_is_not(decide):
    """The bound lies between them."""
    noise = np.random.default_rng(0).normal(0, 0.003, (32, 32))
    assert same_map(decide(), blob())
    assert same_map(decide(), (blob() + noise).clip(0).astype(np.float16))
    assert not same_map(decide(), blob(y=20))
    assert distance(sketch_of(blob()), sketch_of(blob(y=20))) > 2 * SAME


def test_a_map_that_is_not_finite_is_nobodys(decide):
    """It cannot be judged, and no decision is about it."""
    broken = blob()
    broken[0, 0] = np.nan
    assert not same_map(decide(), broken)
    with pytest.raises(ValueError, match="not finite"):
        sketch_of(broken)


def test_small_maps_have_fewer_cells():
    """Pictures of 8 pixels are judged too."""
    assert cells_of(sketch_of(blob(4, 4, size=8))).shape == (8, 8)


@pytest.mark.parametrize("text", ["", "16x16", "2x2:AAAA", "x:AAAA", "0x4:", "17x1:AAAA"])
def test_what_is_no_sketch_is_refused(text):
    """Whoever wrote it."""
    with pytest.raises(ValueError, match="must"):
        cells_of(text)
