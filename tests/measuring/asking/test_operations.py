"""Which operation stands for a class: what its pictures carry, searched on one half of the others and kept."""

from __future__ import annotations

import json
from types import SimpleNamespace

import torch

from explain_gate.measuring.asking.operations import Operations
from explain_gate.measuring.asking.views import View
from explain_gate.metrics.operations import tried
from explain_gate.records import Sample
from explain_gate.seeds import lowest, lowest_of_each
from explain_gate.tasks.classification import Classification

COUNT = 24
NAMES = [operation.name for operation, _ in tried()]
WARM, GRAIN = NAMES.index("warm"), NAMES.index("grain")


class Pictures:
    """Grey pictures with a red square, of two classes."""

    entries = tuple(SimpleNamespace(label=row % 2, accepted=(row % 2,)) for row in range(COUNT))

    def sample(self, row: int) -> Sample:
        """A picture with its region."""
        pixels = 0.4 + 0.1 * torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(row))
        region = torch.zeros(12, 12, dtype=torch.bool)
        region[4:8, 4:8] = True
        return Sample(
            index=row,
            image=f"{row}.png",
            label=row % 2,
            class_name=str(row % 2),
            accepted=(row % 2,),
            digest=str(row),
            pixels=pixels,
            region=region,
            region_reason=None,
        )

    def key(self, row: int) -> str:
        """What seeds the draws of a row."""
        return str(row)

    def lowest(self, rows, count, **seeded):
        """So many of these rows."""
        return lowest(rows, count, digest=str, name=str, **seeded)

    def stratified(self, limit, **seeded):
        """So many rows, spread over the classes."""
        return lowest_of_each(range(COUNT), limit, group=lambda row: str(row % 2), digest=str, name=str, **seeded)


class Memory:
    """Marks as if class 1's pictures carried the given operations, and what was kept of searches."""

    def __init__(self, *carried: int):
        areas = {0: [0.5] * len(NAMES), 1: [0.95 if one in carried else 0.5 for one in range(len(NAMES))]}
        p_values = {0: [0.5] * len(NAMES), 1: [0.001 if one in carried else 0.5 for one in range(len(NAMES))]}
        doses = {label: [1.0] * len(NAMES) for label in (0, 1)}
        self._marks = json.dumps(
            {"change": [0.1] * len(NAMES), "areas": areas, "p_values": p_values, "doses": doses}
        ).encode()
        self.chosen = {}

    def marks(self, _):
        """Measured by an earlier run."""
        return self._marks

    def keep_marks(self, *_):
        """Nothing is measured anew."""
        raise AssertionError("marks that are kept are not measured again")

    def operation(self, *asked):
        """As it was kept."""
        return self.chosen.get(asked)

    def keep_operation(self, label, classes, half, content):
        """Kept."""
        self.chosen[label, classes, half] = content


def operations(memory, scores=None):
    """Over the pictures, seen as they are; `scores` is the model."""
    data = Pictures()

    def seen(row: int) -> View:
        sample = data.sample(row)
        return View(picture=sample.pixels, region=sample.region, outside=~sample.region)

    def predict(pixels, truths):
        if scores is None:
            raise AssertionError("the model is not asked")
        return scores(pixels)

    views = SimpleNamespace(visible=lambda sample: sample.pixels, as_input=lambda picture: picture, of=seen)
    given = lambda row, _: [1 - row % 2]  # noqa: E731 - one other class
    return Operations(data, predict, task=Classification(), seed=0, given=given, views=views, memory=memory)


def warm_is_class_1(pixels):
    """Class 1 where a picture is more red than blue."""
    redder = pixels[:, 0].mean(dim=(1, 2)) - pixels[:, 2].mean(dim=(1, 2))
    return torch.stack([torch.full_like(redder, 0.03), redder], dim=1)


def test_the_operation_that_turns_most_stands_for_its_class():
    """Of those whose mark the class's pictures carry; damage that a control does as well does not count."""
    memory = Memory(WARM, GRAIN)
    assert NAMES[operations(memory, warm_is_class_1).of(1, 10, half=True)] == "warm"
    assert set(memory.chosen) == {(1, 10, True)}


def test_a_class_without_a_mark_has_none_and_the_model_is_not_asked():
    """What may be asked follows from the data alone."""
    assert operations(Memory()).of(1, 10, half=True) is None
    assert operations(Memory(WARM)).of(0, 10, half=False) is None


def test_what_a_search_found_is_kept():
    """A second run asks the model nothing."""
    memory = Memory(WARM)
    first = operations(memory, warm_is_class_1).of(1, 10, half=False)
    assert operations(memory).of(1, 10, half=False) == first


def test_a_search_looks_at_the_other_half():
    """So that a chance find does not count: halves are by image and class, about as large."""
    searched = operations(Memory(WARM))
    halves = [searched.half(row, 1) for row in range(COUNT)]
    assert 6 <= sum(halves) <= 18
    assert halves == [searched.half(row, 1) for row in range(COUNT)]
    assert halves != [searched.half(row, 0) for row in range(COUNT)]


def test_an_operated_picture_is_the_same_every_time_and_grain_differs_by_image():
    """Seeded by what the picture is."""
    made = operations(Memory(GRAIN))
    flat = torch.full((3, 12, 12), 0.5)
    first, again, other = (made.operated(row, flat, GRAIN) for row in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
