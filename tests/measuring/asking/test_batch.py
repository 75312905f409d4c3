"""What a metric asks is answered by the capability of that name, written down, and kept as far as its scope allows."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch

from explain_gate.errors import NotMeasurable
from explain_gate.measuring.asking import capabilities
from explain_gate.measuring.asking.batch import Asked, MeasuredBatch, UndeclaredError
from explain_gate.measuring.asking.capability import Capability, Request, names_of
from explain_gate.measuring.remembering.origins import Origins


class Palette(Capability):
    """A capability that is not there: what the images of a class have in common."""

    name: ClassVar[str] = "palette"
    scope: ClassVar[str] = "class"

    def palette(self) -> int:
        """How many images the batch has."""
        return len(self._request.samples)


@dataclass
class Entry:
    label: int


@pytest.fixture
def resources():
    entries = [Entry(0), Entry(1), Entry(0)]
    return SimpleNamespace(data=SimpleNamespace(entries=entries))


@pytest.fixture
def batch(resources, monkeypatch):
    monkeypatch.setattr(capabilities, "ASKED_AS", {**capabilities.ASKED_AS, **names_of(Palette)})
    samples = [SimpleNamespace(index=row, accepted=(0,)) for row in (0, 2)]
    return MeasuredBatch(Request(samples=samples, logits=torch.zeros(2, 2), method=None), resources)


def test_a_new_capability_is_a_class_and_its_line(batch):
    """Its methods are answered; a value that was computed from them belongs to the class, under a question by name."""
    assert Asked(batch, ("palette",)).palette() == 2
    assert capabilities.scope_of(batch.request.asked) == "class"
    assert capabilities.questions_of(batch.request) == {("palette",)}


def test_a_kept_score_of_a_class_holds_while_its_images_are_the_same(batch, resources):
    """An image of another class changes nothing; one more of the class, or another content, does."""
    contents = {0: "a", 1: "b", 2: "c", 3: "d"}

    def origins() -> Origins:
        return Origins(resources, contents.__getitem__)

    written = origins().of(("palette",), 0, ())
    contents[1] = "changed"
    assert origins().hold(("palette",), 0, (), written)
    contents[2] = "changed"
    assert not origins().hold(("palette",), 0, (), written)
    contents[2] = "c"
    resources.data.entries.append(Entry(0))
    assert not origins().hold(("palette",), 0, (), written)


def test_what_is_not_listed_is_not_answered(batch):
    """Not even where another metric of the batch may ask it; a team's own metric lists nothing and may ask all."""
    with pytest.raises(UndeclaredError, match=r"asks for palette, .* must list palette under asks"):
        Asked(batch, ("predictions",)).palette()
    assert Asked(batch, None).palette() == 2
    assert Asked(batch, ()).accepted == [(0,), (0,)]


def test_a_part_of_the_set_answers_only_what_is_of_the_image(batch):
    """A worker leaves the rest to the process that has the whole set."""
    view = Asked(batch, None, alone=True)
    assert view.logits.shape == (2, 2)
    for ask in (lambda: view.palette, lambda: view.backgrounds, lambda: view.seconds):
        with pytest.raises(NotMeasurable, match="the whole set"):
            ask()


def test_what_nobody_answers_is_told_with_what_may_be_asked(batch):
    """A misspelt name in a team's metric."""
    with pytest.raises(AttributeError, match=r"accepted, .* got pixel$"):
        _ = Asked(batch, None).pixel


def test_one_of_the_images_is_a_batch_of_its_own(batch):
    """With its row of everything, and nothing of what the others were asked."""
    Asked(batch, None).note("number", torch.tensor([1.0, 2.0]))
    single = batch.single(1)
    assert (single.request.rows, single.logits.shape, single.request.notes) == ([2], (1, 2), {})


def test_a_note_needs_a_row_for_each_image(batch):
    """And `about` the same shape."""
    with pytest.raises(ValueError, match="a row for each of 2 images"):
        batch.note("short", torch.zeros(1))
    with pytest.raises(ValueError, match="about"):
        batch.note("other", torch.zeros(2), about=torch.zeros(2, 2))
