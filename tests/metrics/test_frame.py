"""Where statistics of a picture are taken: beside its object, evenly, at every octave that has details."""

from __future__ import annotations

import torch

from explain_gate.metrics.frame import framed, half, thinned


def frame(region: torch.Tensor):
    """Of a region (H, W)."""
    return framed(region.numpy().tobytes(), *region.shape)


def test_statistics_are_taken_outside_the_object():
    """All positions, those kept and those with four neighbours; here the object fills the middle ninth."""
    region = torch.zeros(40, 40, dtype=torch.bool)
    region[10:30, 10:30] = True
    flat = region.flatten()
    made = frame(region)
    assert len(made.all) == 1200
    for places in (made.all, made.places, made.inner):
        assert not flat[places].any()
    assert {0, 39} & set((made.inner // 40).tolist()) == set()
    assert made.thirds.unique().tolist() == [0, 1, 2, 3, 5, 6, 7, 8]


def test_an_object_that_leaves_almost_nothing_is_not_cut_out():
    """A handful of pixels at the edge says nothing of a picture."""
    region = torch.ones(40, 40, dtype=torch.bool)
    region[0, :10] = False
    assert len(frame(region).all) == 1600


def test_an_octave_too_small_for_details_is_empty():
    """40 x 40 has levels of 40, 20 and 10 pixels a side."""
    levels = frame(torch.zeros(40, 40, dtype=torch.bool)).octaves
    assert [len(level) > 0 for level in levels] == [True, True, True, False, False]


def test_at_most_8000_pixels_are_looked_at_and_every_phase_of_a_grid():
    """A codec's blocks are eight wide: an even step would see one of their columns only."""
    places = thinned(torch.ones(400, 400, dtype=torch.bool))
    assert len(places) <= 8000
    assert (places % 8).unique().tolist() == list(range(8))


def test_half_is_the_mean_of_squares_of_two():
    """A last odd column is left out."""
    level = torch.arange(10.0).view(2, 5)
    assert torch.equal(half(level), torch.tensor([[3.0, 5.0]]))
