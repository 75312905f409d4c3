"""Windows of a picture."""

from __future__ import annotations

import torch

from explain_gate.metrics.patches import region_shares, windows


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
