"""Maps and regions crossed: closed forms on hand-made maps, and a permutation test whose p-values are counted."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

from explain_gate.errors import NotApplicable, NotMeasurable
from explain_gate.metrics import alignment
from explain_gate.metrics.batch import Panel
from explain_gate.metrics.specific import permutation_p, specific_share

SIDE = 8


def _squares(*corners: tuple[int, int], size: int = 2) -> torch.Tensor:
    regions = torch.zeros(len(corners), SIDE, SIDE, dtype=torch.bool)
    for region, (top, left) in zip(regions, corners, strict=True):
        region[top : top + size, left : left + size] = True
    return regions


APART = _squares(*itertools.product((0, 2, 4, 6), (0, 2, 4, 6)))


def _panel(maps: torch.Tensor | None, regions: torch.Tensor, *, own: int | None = None) -> Panel:
    count = len(regions)
    others = torch.ones(count, dtype=torch.bool)
    if own is not None:
        others[own] = False
    digests = tuple(f"{place:02d}" for place in range(count))
    return Panel(maps=maps, regions=regions, usable=torch.ones(count, dtype=torch.bool), others=others,
                 digests=digests, seed=3)  # fmt: skip


def _ask(fake_batch: Any, maps: torch.Tensor, regions: torch.Tensor) -> tuple[torch.Tensor, Any]:
    panels = {(place, "class"): _panel(maps, regions, own=place) for place in range(len(maps))}
    batch = fake_batch(pixels=torch.zeros(len(maps), 3, SIDE, SIDE), panels=panels)
    return alignment.specificity(maps, regions, batch), batch


def test_a_map_in_one_place_scores_nothing_for_each_image(fake_batch: Any) -> None:
    """A corner tag in every map: 0 for every image, on it or not, whatever the regions; each says yes, p is 1."""
    maps = torch.zeros(16, SIDE, SIDE)
    maps[:, :3, :3] = torch.rand(3, 3, generator=torch.Generator().manual_seed(0))
    values, batch = _ask(fake_batch, maps, APART)
    assert values.tolist() == pytest.approx([0.0] * 16)
    assert batch.notes["evidence"].tolist() == [1.0] * 16
    assert batch.notes["p"].tolist() == [1.0] * 16


def test_the_regions_themselves_are_as_specific_as_can_be(fake_batch: Any) -> None:
    """Maps that are their regions score 1, overlapping regions or not, and no deal of the regions is as good."""
    for regions in (APART, _squares(*((place, place) for place in range(6)), size=3)):
        values, batch = _ask(fake_batch, regions.float(), regions)
        assert values.tolist() == pytest.approx([1.0] * len(regions))
        assert batch.notes["evidence"].sum() == 0
        assert batch.notes["p"].max() <= 0.01


def test_by_hand() -> None:
    """Half of the relevance on the own region, a quarter on the other's, whose map knows neither: (1/2 - 1/4) / 2."""
    regions = _squares((0, 0), (4, 4))
    maps = torch.zeros(2, SIDE, SIDE)
    maps[0, 0, 0], maps[0, 4, 4], maps[0, 7, 0] = 2, 1, 1
    maps[1, 7, 7] = 1
    assert specific_share(maps[0], regions[0], _panel(maps, regions, own=0)) == pytest.approx(0.125)
    # A control has no other maps: its own half alone, over its own half of the ceiling.
    assert specific_share(maps[0], regions[0], _panel(None, regions, own=0)) == pytest.approx(0.25)


def test_random_maps_are_at_chance(fake_batch: Any) -> None:
    """Over many images noise scores 0 on average, half of it says yes, and the test says so."""
    maps = torch.rand(16, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    values, batch = _ask(fake_batch, maps, APART)
    assert abs(float(values.mean())) < 0.02
    assert 0.2 <= float(batch.notes["evidence"].mean()) <= 0.8
    assert batch.notes["p"][0] > 0.05


def test_p_is_the_share_of_deals_that_are_as_good() -> None:
    """Of three maps on their regions one deal of six is as good; among p-values of noise few are small."""
    regions = _squares((0, 0), (3, 3), (6, 6))
    assert permutation_p(_panel(regions.float(), regions)) == pytest.approx(1 / 6, abs=0.03)
    chances = []
    for seed in range(60):
        noise = torch.rand(8, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
        chances.append(permutation_p(_panel(noise, APART[:8])) or 0.0)
    assert sum(chance <= 0.05 for chance in chances) <= 8
    assert 0.35 < sum(chances) / 60 < 0.65


def test_p_does_not_depend_on_the_order_of_images() -> None:
    """The panel listed the other way round gives the same draws."""
    noise = torch.rand(16, SIDE, SIDE, generator=torch.Generator().manual_seed(5))
    forwards = _panel(noise, APART)
    backwards = Panel(maps=noise.flip(0), regions=APART.flip(0), usable=forwards.usable, others=forwards.others,
                      digests=forwards.digests[::-1], seed=3)  # fmt: skip
    assert permutation_p(forwards) == permutation_p(backwards)


def test_against_others_the_regions_of_both_are_dealt_out(fake_batch: Any) -> None:
    """A place for each class is no reason within the class, and one against the other class."""
    regions = torch.cat([_squares(*[(0, left) for left in range(4)]), _squares(*[(5, left) for left in range(4)])])
    maps = torch.zeros(8, SIDE, SIDE)
    maps[:4, :2], maps[4:, 5:7] = 1, 1
    panels = {}
    for place in range(8):
        mine, theirs = (slice(0, 4), slice(4, 8)) if place < 4 else (slice(4, 8), slice(0, 4))
        panels[place, "class"] = _panel(maps[mine], regions[mine], own=place % 4)
        panels[place, "others"] = _panel(maps[theirs], regions[theirs])
    labels = torch.tensor([0] * 4 + [1] * 4)
    batch = fake_batch(pixels=torch.zeros(8, 3, SIDE, SIDE), labels=labels, panels=panels)
    assert alignment.specificity(maps, regions, batch).tolist() == pytest.approx([0.0] * 8)
    assert alignment.specificity(maps, regions, batch, among="others").min() > 0.2
    assert batch.notes["p"].max() <= 0.05


def test_what_cannot_be_compared_is_told(fake_batch: Any) -> None:
    """No other image and equal regions follow from the data; no other map is the model's doing."""
    maps = torch.rand(2, SIDE, SIDE)
    same = APART[:1].expand(2, SIDE, SIDE)
    alone = _panel(maps[:1], APART[:1], own=0)
    one = fake_batch(pixels=torch.zeros(1, 3, SIDE, SIDE), panels={(0, "class"): alone})
    with pytest.raises(NotApplicable, match="no other image"):
        alignment.specificity(maps[:1], APART[:1], one)
    with pytest.raises(NotApplicable, match="same region"):
        _ask(fake_batch, maps, same)
    one.panels = {(0, "class"): Panel(maps=maps, regions=APART[:2], usable=torch.zeros(2, dtype=torch.bool),
                                      others=torch.tensor([False, True]), digests=("a", "b"), seed=0)}  # fmt: skip
    with pytest.raises(NotMeasurable, match="no other image has a map"):
        alignment.specificity(maps[:1], APART[:1], one)
    with pytest.raises(ValueError, match="class or others"):
        alignment.specificity(maps[:1], APART[:1], one, among="all")  # type: ignore[arg-type]


def test_resolution_counts_cells(fake_batch: Any) -> None:
    """A sixteenth of the frame covers 49/16 cells of a map of 7 x 7, and every one of its pixels where none is told."""
    batch = fake_batch(pixels=torch.zeros(2, 3, SIDE, SIDE), details={"cells": torch.tensor([49.0, 4.0])})
    assert alignment.resolution(APART[:2], batch).tolist() == [49 / 16, 0.25]
    batch.details = {}
    assert alignment.resolution(APART[:2], batch).tolist() == [4, 4]
