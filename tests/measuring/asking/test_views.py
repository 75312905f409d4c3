"""A picture as people see it, and back to what the model is given."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from explain_gate.data.preprocessing import Preprocessing
from explain_gate.measuring.asking.views import Views
from explain_gate.records import Sample

RGB = Preprocessing(resize=None, crop=None, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3))
RED = torch.tensor([0.8, 0.1, 0.2])[:, None, None].expand(3, 8, 8)


def sample(pixels: torch.Tensor, *, region: bool = True, empty: bool = False) -> Sample:
    """One picture, with a square or without."""
    drawn = torch.zeros(pixels.shape[1:], dtype=torch.bool)
    drawn[3:5, 3:5] = True
    return Sample(
        index=0,
        image="a.png",
        label=0,
        class_name="red",
        accepted=(0,),
        digest="d",
        pixels=pixels,
        region=drawn if region else None,
        region_reason=None if region else "none",
        empty=empty,
    )


def views(preprocessing: Preprocessing, one: Sample) -> Views:
    """Over a set of one picture."""
    return Views(SimpleNamespace(preprocessing=preprocessing, sample=lambda _: one))


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_a_picture_is_seen_in_red_green_and_blue_and_given_back_as_it_came(order):
    """Whatever the order and the normalisation of the model."""
    preprocessing = replace(RGB, order=order)
    seen = views(preprocessing, sample(torch.zeros(3, 8, 8)))
    given = seen.as_input(RED)
    assert torch.allclose(seen.shown(given), RED, atol=1e-6)
    if order == "bgr":
        assert given[2, 0, 0] == pytest.approx((0.8 - preprocessing.mean[2]) / preprocessing.std[2], rel=1e-4)


def test_the_object_and_a_margin_are_not_outside():
    """What is measured beside an object has none of it."""
    one = views(RGB, sample(torch.zeros(3, 64, 64))).of(0)
    assert not (one.region & one.outside).any()
    assert one.outside.sum() < (~one.region).sum()
    assert one.outside.any()


def test_where_nobody_knows_the_object_nothing_is_outside_and_an_empty_picture_is_all_of_it():
    """An object that nobody drew may be anywhere."""
    assert not views(RGB, sample(torch.zeros(3, 8, 8), region=False)).of(0).outside.any()
    assert views(RGB, sample(torch.zeros(3, 8, 8), region=False, empty=True)).of(0).outside.all()
