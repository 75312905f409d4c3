"""Regions and boxes as whole numbers: nothing is lost on the way."""

from __future__ import annotations

import pytest
import torch

from explain_gate.records import Truth
from explain_gate.tasks.drawn import boxes_of, region_in, regions_of


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (7, 9), (8, 8), (33, 65)])
def test_a_region_comes_back_as_it_was(size):
    """Whatever its size, and wherever the target was repeated or moved on its way."""
    draw = torch.Generator().manual_seed(0)
    regions = [torch.rand(size, generator=draw) > 0.5 for _ in range(3)]
    targets = regions_of([Truth(label=7, accepted=(7,), region=region) for region in regions])
    assert targets.dtype == torch.int64
    assert targets[:, 0].tolist() == [7, 7, 7]
    for row in (2, 0, 1):
        assert torch.equal(region_in(targets[[row, row]][1]), regions[row])


def test_a_picture_without_a_region_has_an_empty_one():
    """Beside others of its size, and alone."""
    drawn, empty = (Truth(label=0, accepted=(0,), region=one) for one in (torch.ones(2, 3, dtype=torch.bool), None))
    targets = regions_of([empty, drawn])
    assert not region_in(targets[0]).any()
    assert region_in(targets[1]).all()
    assert region_in(regions_of([empty])[0]).shape == (0, 0)


def test_a_box_reaches_from_the_first_pixel_to_behind_the_last():
    """Rows 1 and 2, columns 3 to 5 of a picture of 6 x 8."""
    region = torch.zeros(6, 8, dtype=torch.bool)
    region[1:3, 3:6] = True
    truths = [Truth(label=2, accepted=(2,), region=region), Truth(label=2, accepted=(2,), region=None)]
    assert boxes_of(truths).tolist() == [[2, 3, 1, 6, 3, 6, 8], [2, 0, 0, 0, 0, 0, 0]]
