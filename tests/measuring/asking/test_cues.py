"""Patches that classes lend: searched on one half, planted on the other, with a control of the image's own class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from explain_gate.data.annotations.entries import Entry
from explain_gate.data.preprocessing import Preprocessing
from explain_gate.data.regions import Shape
from explain_gate.data.regression_set import RegressionSet
from explain_gate.errors import NotApplicable
from explain_gate.measuring.asking.cues import CueSearch
from explain_gate.tasks.classification import Classification

SIDE = 48
PLAIN = Preprocessing(resize=None, crop=None, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


def predict(pixels: Tensor) -> Tensor:
    """Class 0 where there is red."""
    red = ((pixels[:, 0] > 0.8) & (pixels[:, 1] < 0)).sum(dim=(1, 2)).double()
    return torch.stack([red - 10, torch.zeros_like(red)], dim=1)


@pytest.fixture
def data(tmp_path: Path) -> RegressionSet:
    """Twelve pictures a class; objects of the first wear a red square, and the last object fills its frame."""
    rng = np.random.default_rng(0)
    entries = []
    for number in range(24):
        label = number % 2
        pixels = rng.integers(100, 130, (SIDE, SIDE, 3)).astype(np.uint8)
        box = (10, 10, 40, 40) if number < 23 else (0, 0, SIDE, SIDE - 2)
        if label == 0:
            pixels[18:23, 20:25] = (250, 10, 10)
        path = tmp_path / f"{number:02d}.png"
        Image.fromarray(pixels).save(path)
        name = ("marked", "plain")[label]
        entries.append(
            Entry(
                image=path.name,
                path=path,
                label=label,
                class_name=name,
                accepted=(label,),
                shapes=(Shape(box=box),),
                size=(SIDE, SIDE),
            )
        )
    return RegressionSet(entries, {"marked": 0, "plain": 1}, PLAIN)


def search_of(data: RegressionSet) -> CueSearch:
    """A search that keeps nothing."""
    return CueSearch(data, lambda pixels, _: predict(pixels), task=Classification(), seed=0, folder=None)


def test_every_picture_takes_the_strongest_patch_of_the_half_it_is_not_in(data: RegressionSet) -> None:
    """All of them turn, and none under the patch of its own class; no picture had a part in what it is given."""
    search = search_of(data)
    for row in range(1, 24, 2):
        (exchange,) = search.exchanges(row, "inside", [0])
        assert exchange.changed is not None
        assert exchange.control is not None
        assert predict(exchange.changed[None]).argmax() == 0
        assert predict(exchange.control[None]).argmax() == 1
        assert row not in search.origin(row, [0])


def test_what_is_not_marked_turns_nobody(data: RegressionSet) -> None:
    """Red squares stay where they are when pictures of the class without them lend a patch of the object."""
    search = search_of(data)
    turned = 0
    for row in range(0, 24, 2):
        (exchange,) = search.exchanges(row, "outside", [1])
        assert exchange.changed is not None
        turned += int(predict(exchange.changed[None]).argmax()) == 1
    assert turned == 0


def test_an_object_that_fills_its_frame_takes_no_patch_beside_it(data: RegressionSet) -> None:
    """That follows from the annotation alone."""
    with pytest.raises(NotApplicable, match="no place outside"):
        search_of(data).exchanges(23, "outside", [0])
