"""Strategies on drawn maps: a mark in a corner is a cluster outside, spread on the object is one strategy."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from made_up_maps import SIDE, drawn

from explain_gate.errors import NotApplicable
from explain_gate.metrics import drift, strategies
from explain_gate.metrics.batch import Panel


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
    values, batch = _asked(fake_batch, *drawn(20, marked))
    assert values == [1.0] * marked + [0.0] * (20 - marked)
    numbers = batch.notes["cluster as they are"].tolist()
    assert len(set(numbers[:marked])) == 1
    assert batch.notes["inside"][:marked].max() < 0.2
    assert batch.notes["inside"][marked:].min() > 0.4


def test_maps_on_their_objects_have_no_cluster_outside(fake_batch: Any) -> None:
    """However they are grouped; and where every map lies on the mark, every image is told."""
    assert sum(_asked(fake_batch, *drawn(24, 0))[0]) == 0
    assert _asked(fake_batch, *drawn(12, 12))[0] == [1.0] * 12
    assert _asked(fake_batch, *drawn(4, 4))[0] == [1.0] * 4


def test_a_control_stands_for_itself_and_a_full_frame_does_not_apply(fake_batch: Any) -> None:
    """Without maps of others: 1 where less of the map than of an even one lies on the region."""
    maps, regions = drawn(2, 1)
    panel = Panel(maps=None, regions=regions, usable=torch.ones(2, dtype=torch.bool),
                  others=torch.ones(2, dtype=torch.bool), digests=("a", "b"), seed=0)  # fmt: skip
    batch = fake_batch(pixels=torch.zeros(2, 3, SIDE, SIDE), panels={(0, "class"): panel, (1, "class"): panel})
    assert strategies.outside(maps, regions, batch).tolist() == [1, 0]
    with pytest.raises(NotApplicable, match="fills the frame"):
        strategies.outside(maps, torch.ones_like(regions), batch)


def test_a_strategy_that_the_reference_has_not_is_new() -> None:
    """Maps on a mark are new beside a reference that looks at objects, and known beside one that has them too."""
    maps, regions = drawn(20, 6)
    honest, others = drawn(20, 0, seed=1)
    assert drift.new_strategy(maps, honest, regions, others).tolist() == [1.0] * 6 + [0.0] * 14
    cheating, marked = drawn(20, 6, seed=2)
    assert drift.new_strategy(maps, cheating, regions, marked).sum() == 0
    assert drift.new_strategy(honest, maps, others, regions).sum() == 0
