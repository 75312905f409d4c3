"""Windows of a picture."""

from __future__ import annotations

import torch

from explain_gate.metrics.patches import clear_windows, region_shares, windows


def test_windows_lie_inside_and_cover_the_picture():
    """Every pixel is in one, none reaches beyond."""
    for height, width in ((32, 32), (24, 48), (33, 17)):
        places = windows(height, width)
        covered = torch.zeros(height, width, dtype=torch.bool)
        for place in places:
            assert place.top >= 0
            assert place.left >= 0
            assert place.top + place.side <= height
            assert place.left + place.side <= width
            covered[place.top : place.top + place.side, place.left : place.left + place.side] = True
        assert covered.all()
        assert len(set(places)) == len(places)


def test_the_share_of_a_region_is_what_of_it_lies_in_a_window():
    """All of a small one in the window around it, none in one that does not touch it."""
    places = windows(32, 32)
    region = torch.zeros(32, 32, dtype=torch.bool)
    region[places[0].top : places[0].top + 2, places[0].left : places[0].left + 2] = True
    shares = region_shares(region, places)
    assert shares.shape == (len(places),)
    assert shares.min() >= 0
    assert shares[0] == shares.max() > 0


def test_windows_beside_an_object_are_as_large_as_fit():
    """A quarter of the side where that is clear; in a narrow margin smaller ones, which lie in the margin."""
    frame = torch.zeros(128, 128, dtype=torch.bool)
    frame[40:100, 40:100] = True
    assert {place.side for place in clear_windows(frame)} == {32}
    for margin, side in ((18, 16), (9, 8)):
        box = torch.ones(128, 128, dtype=torch.bool)
        box[:, :margin] = False
        assert {place.side for place in clear_windows(box)} == {side}
        assert all(place.left + 0.9 * place.side <= margin for place in clear_windows(box))


def test_an_object_that_leaves_no_room_has_no_window_beside_it():
    """Neither a frame that is filled, nor a margin of less than a window, nor windows too small to show anything."""
    full = torch.ones(128, 128, dtype=torch.bool)
    thin = full.clone()
    thin[:, :5] = False
    small = torch.ones(32, 32, dtype=torch.bool)
    small[:, :4] = False
    assert clear_windows(full) == clear_windows(thin) == clear_windows(small) == ()
