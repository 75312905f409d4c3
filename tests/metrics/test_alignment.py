"""Alignment by hand-made maps whose values are known."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explain_gate.errors import NotApplicable
from explain_gate.metrics import alignment

LOOSE = settings(deadline=None, max_examples=25, derandomize=True)
INVARIANT = ("iou", "pointing_game", "relevance_mass", "relevance_rank", "lift")


def _square(side: int = 8, top: int = 2, left: int = 2, size: int = 4) -> torch.Tensor:
    region = torch.zeros(1, side, side, dtype=torch.bool)
    region[0, top : top + size, left : left + size] = True
    return region


def _random_case(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 8, 8, generator=generator) + 0.01, _square()


@pytest.mark.parametrize("name", INVARIANT)
def test_the_region_itself_is_ideal(name: str) -> None:
    """A map that is 1 on the region and 0 elsewhere gets the best value: 1, and for lift one over the area."""
    region = _square()
    value = getattr(alignment, name)(region.float(), region).item()
    assert value == pytest.approx(4.0 if name == "lift" else 1.0)


@pytest.mark.parametrize("name", INVARIANT)
@LOOSE
@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100))
def test_scale_does_not_matter(name: str, seed: int, scale: float) -> None:
    """Multiplying a map by a number leaves every value as it is."""
    relevance, region = _random_case(seed)
    function = getattr(alignment, name)
    assert function(relevance, region).item() == pytest.approx(function(relevance * scale, region).item(), abs=1e-5)


@LOOSE
@given(seed=st.integers(0, 1000))
def test_rank_looks_at_order_only(seed: int) -> None:
    """A monotone change of the map leaves the rank accuracy as it is."""
    relevance, region = _random_case(seed)
    changed = alignment.relevance_rank(relevance.square() + 3, region)
    assert alignment.relevance_rank(relevance, region).item() == pytest.approx(changed.item())


@pytest.mark.parametrize("name", ["relevance_mass", "relevance_rank", "pointing_game"])
def test_random_maps_get_the_share_of_the_frame(name: str) -> None:
    """Over many random maps the mean is the region's share: 16 of 64 pixels."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(4000, 8, 8, generator=generator)
    mean = getattr(alignment, name)(maps, _square().expand(4000, 8, 8)).mean().item()
    assert mean == pytest.approx(0.25, abs=0.02)


def test_iou_by_hand() -> None:
    """Two of four region pixels above half the maximum, one outside: 2 / 5; a value at half counts."""
    relevance = torch.tensor([[[1.0, 0.5, 0.49], [0.2, 0.1, 0.6], [0.0, 0.0, 0.0]]])
    region = torch.tensor([[[1, 1, 0], [1, 1, 0], [0, 0, 0]]], dtype=torch.bool)
    assert alignment.iou(relevance, region).item() == pytest.approx(2 / 5)


def test_rank_shares_ties_at_the_last_place() -> None:
    """Of three equal values for the two last of three places, one lies inside: (1 + 2/3) / 3."""
    relevance = torch.tensor([[[5.0, 1.0, 1.0], [1.0, 0.0, 0.0]]])
    region = torch.tensor([[[1, 1, 0], [0, 1, 0]]], dtype=torch.bool)
    assert alignment.relevance_rank(relevance, region).item() == pytest.approx((1 + 2 / 3) / 3)


def test_pointing_game_shares_its_peak() -> None:
    """Of two equal peaks one lies inside: a half; a tolerance of one pixel takes in the other."""
    relevance = torch.zeros(1, 6, 6)
    relevance[0, 2, 2] = relevance[0, 2, 5] = 1
    region = _square(6, 1, 1, 4)
    assert alignment.pointing_game(relevance, region).item() == 0.5
    assert alignment.pointing_game(relevance, region, tolerance=1).item() == 1.0


def test_mass_by_hand() -> None:
    """Three of four units of relevance lie on a quarter of the frame: mass 0.75, lift 3."""
    relevance = torch.tensor([[[3.0, 0.0], [1.0, 0.0]]])
    region = torch.tensor([[[True, False], [False, False]]])
    assert alignment.relevance_mass(relevance, region).item() == 0.75
    assert alignment.lift(relevance, region).item() == 3.0


def test_lift_leaves_ignored_pixels_out_of_the_frame() -> None:
    """Mass 0.75 on one of the three pixels that count: lift 2.25; nothing to ignore changes nothing."""
    relevance = torch.tensor([[[3.0, 0.0], [1.0, 0.0]]])
    region = torch.tensor([[[True, False], [False, False]]])
    counted = torch.tensor([[[True, False], [True, True]]])
    assert alignment.lift(relevance, region, counted).item() == pytest.approx(2.25)
    assert alignment.lift(relevance, region, torch.ones_like(region)).item() == alignment.lift(relevance, region).item()


@pytest.mark.parametrize("name", ["lift", "relevance_rank"])
def test_chance_is_that_of_the_pixels_that_count(name: str) -> None:
    """Random maps over half the frame, half of them zero, get lift 1 and the region's share of that half."""
    generator = torch.Generator().manual_seed(0)
    counted = torch.zeros(4000, 8, 8, dtype=torch.bool)
    counted[:, :, :4] = True
    region = _square(8, 2, 0, 2).expand(4000, 8, 8)
    maps = (torch.rand(4000, 8, 8, generator=generator) - 0.5).clamp_min(0) * (
        torch.rand(4000, 8, 8, generator=generator) < 0.1
    )
    maps = maps * counted
    some = maps.flatten(1).amax(dim=1) > 0
    value = getattr(alignment, name)(maps[some], region[some], counted[some]).mean().item()
    assert value == pytest.approx(1.0 if name == "lift" else 4 / 32, rel=0.1)


def test_human_ratio_compares_with_each_person(fake_batch: Any) -> None:
    """The map is one person's region and overlaps the other's as the two do: (1 + 1/3) / 2 over 1/3."""
    first, second = _square(8, 2, 2, 4), _square(8, 2, 4, 4)
    batch = fake_batch(pixels=torch.zeros(1, 3, 8, 8))
    people = [torch.cat([first, second])]
    value = alignment.human_ratio(first.float(), people, batch).item()
    assert value == pytest.approx((1 + 1 / 3) / 2 / (1 / 3))
    assert batch.notes["ceiling"].item() == pytest.approx(1 / 3)


def test_people_who_share_no_pixel_are_no_yardstick(fake_batch: Any) -> None:
    """Where regions do not overlap, the image is unmeasured."""
    regions = [torch.cat([_square(8, 0, 0, 2), _square(8, 6, 6, 2)])]
    with pytest.raises(NotApplicable, match="do not overlap"):
        alignment.human_ratio(torch.rand(1, 8, 8), regions, fake_batch(pixels=torch.zeros(1, 3, 8, 8)))


@pytest.mark.parametrize(
    ("arguments", "told"), [({"binarize": "third"}, "half, otsu or area"), ({"fraction": 0.0}, r"\(0, 1\]")]
)
def test_parameters_are_checked(arguments: dict[str, Any], told: str) -> None:
    """What cannot be used is named with what can."""
    with pytest.raises(ValueError, match=told):
        alignment.iou(torch.rand(1, 8, 8), _square(), **arguments)


@pytest.mark.parametrize("name", ["iou", "pointing_game", "relevance_mass", "relevance_rank", "lift"])
def test_an_image_says_yes_where_its_map_lies_no_better_than_those_of_others(fake_batch, name):
    """A tie is no better, except where no map can be: on the region itself."""
    region = torch.zeros(1, 8, 8, dtype=torch.bool)
    region[0, :4, :4] = True
    there, elsewhere = region.float(), torch.zeros(1, 8, 8)
    elsewhere[0, 4:, 4:] = 1
    partly = there + elsewhere
    measure = getattr(alignment, name)
    for own, others, answer in (
        (there, elsewhere, 0),
        (elsewhere, elsewhere, 1),
        (partly, partly, 1),
        (partly, elsewhere, 0),
        (there, there, 0),
    ):
        peers = torch.cat([others] * 5 + [there] * 4)
        batch = fake_batch(pixels=torch.zeros(1, 3, 8, 8), peers=peers)
        measure(own, region, batch=batch)
        assert batch.notes["evidence"].tolist() == [answer]


def test_other_images_silent_maps_are_the_worst_there_are(fake_batch):
    """A map that lies nowhere beats no map, and cannot make this one's place look bad."""
    region = torch.zeros(1, 8, 8, dtype=torch.bool)
    region[0, :4, :4] = True
    batch = fake_batch(pixels=torch.zeros(1, 3, 8, 8), peers=torch.zeros(9, 8, 8))
    alignment.relevance_mass(torch.ones(1, 8, 8), region, batch)
    assert batch.notes["evidence"].tolist() == [0]
