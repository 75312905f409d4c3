"""Strategies on drawn maps: a mark in a corner is a cluster outside, spread on the object is one strategy."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from explain_gate.errors import NotApplicable
from explain_gate.metrics import drift, strategies
from explain_gate.metrics.batch import Panel
from explain_gate.metrics.clustering import as_they_are, clusters_of, on_their_regions

SIDE = 48


def _spot(top: float, left: float, width: float = 6) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    return torch.exp(-((y - top) ** 2 + (x - left) ** 2) / (2 * width**2))


def _drawn(count: int, marked: int, *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Maps on objects that lie anywhere near the middle; those of the first few lie on a mark in the corner."""
    generator = torch.Generator().manual_seed(seed)
    maps, regions = [], torch.zeros(count, SIDE, SIDE, dtype=torch.bool)
    for number in range(count):
        top, left = (24 + 5 * torch.randn(2, generator=generator)).clamp(16, 34).tolist()
        regions[number, int(top) - 10 : int(top) + 10, int(left) - 10 : int(left) + 10] = True
        spot = _spot(4, 4, 3) if number < marked else _spot(top, left)
        maps.append(spot + 0.02 * torch.rand(SIDE, SIDE, generator=generator))
    return torch.stack(maps), regions


def _asked(fake_batch: Any, maps: torch.Tensor, regions: torch.Tensor) -> tuple[list[float], Any]:
    count = len(maps)
    every, digests = torch.ones(count, dtype=torch.bool), tuple(map(str, range(count)))
    panel = Panel(maps=maps, regions=regions, usable=every, others=every, digests=digests, seed=0)
    batch = fake_batch(
        pixels=torch.zeros(count, 3, SIDE, SIDE), panels=dict.fromkeys([(n, "class") for n in range(count)], panel)
    )
    return strategies.outside(maps, regions, batch).tolist(), batch


@pytest.mark.parametrize("marked", [6, 10, 14])
def test_the_images_of_a_mark_are_told(fake_batch: Any, marked: int) -> None:
    """Of twenty images those whose map lies on the mark say 1, and the others 0, whichever are more."""
    values, batch = _asked(fake_batch, *_drawn(20, marked))
    assert values == [1.0] * marked + [0.0] * (20 - marked)
    numbers = batch.notes["cluster as they are"].tolist()
    assert len(set(numbers[:marked])) == 1
    assert batch.notes["inside"][:marked].max() < 0.2
    assert batch.notes["inside"][marked:].min() > 0.4


def test_maps_on_their_objects_have_no_cluster_outside(fake_batch: Any) -> None:
    """However they are grouped; and where every map lies on the mark, every image is told."""
    assert sum(_asked(fake_batch, *_drawn(24, 0))[0]) == 0
    assert _asked(fake_batch, *_drawn(12, 12))[0] == [1.0] * 12
    assert _asked(fake_batch, *_drawn(4, 4))[0] == [1.0] * 4


def test_clusters_do_not_depend_on_the_order_of_maps() -> None:
    """Listed backwards each map has the same number; one cloud of sixty is one cluster."""
    maps, _ = _drawn(20, 6)
    features = as_they_are(maps)
    assert clusters_of(features).tolist() == clusters_of(features.flip(0)).tolist()[::-1]
    assert set(clusters_of(as_they_are(_drawn(60, 0)[0])).tolist()) == {0}


def test_what_hangs_beside_objects_is_one_place_on_their_regions() -> None:
    """A spot at the upper left corner of each box is the same map once it is cut out around the box."""
    regions = _drawn(10, 0)[1]
    corners = [(int(torch.nonzero(one)[0, 0]), int(torch.nonzero(one)[0, 1])) for one in regions]
    maps = torch.stack([_spot(*corner, 2) for corner in corners])
    spread = on_their_regions(maps, regions).std(dim=0).max()
    assert spread < 0.25 * as_they_are(maps).std(dim=0).max()


def test_a_control_stands_for_itself_and_a_full_frame_does_not_apply(fake_batch: Any) -> None:
    """Without maps of others: 1 where less of the map than of an even one lies on the region."""
    maps, regions = _drawn(2, 1)
    panel = Panel(maps=None, regions=regions, usable=torch.ones(2, dtype=torch.bool),
                  others=torch.ones(2, dtype=torch.bool), digests=("a", "b"), seed=0)  # fmt: skip
    batch = fake_batch(pixels=torch.zeros(2, 3, SIDE, SIDE), panels={(0, "class"): panel, (1, "class"): panel})
    assert strategies.outside(maps, regions, batch).tolist() == [1, 0]
    with pytest.raises(NotApplicable, match="fills the frame"):
        strategies.outside(maps, torch.ones_like(regions), batch)


def test_a_strategy_that_the_reference_has_not_is_new() -> None:
    """Maps on a mark are new beside a reference that looks at objects, and known beside one that has them too."""
    maps, regions = _drawn(20, 6)
    honest, others = _drawn(20, 0, seed=1)
    assert drift.new_strategy(maps, honest, regions, others).tolist() == [1.0] * 6 + [0.0] * 14
    cheating, marked = _drawn(20, 6, seed=2)
    assert drift.new_strategy(maps, cheating, regions, marked).sum() == 0
    assert drift.new_strategy(honest, maps, others, regions).sum() == 0
