"""How pictures look beside what they show, and pictures that take on how another class's pictures look.

Which marks and signatures a class has follows from the data alone: no version can choose what it is asked about.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor

from explain_gate.data.regression_set import RegressionSet
from explain_gate.measuring.asking.backgrounds import without_object
from explain_gate.measuring.asking.capability import Asking, Capability, Question, Scope
from explain_gate.measuring.asking.marked import Marks, named
from explain_gate.measuring.asking.views import View, Views
from explain_gate.metrics.appearance import (
    Signature,
    Style,
    packed,
    respectred,
    restyled,
    signature_of,
    signed,
    style_of,
    unpacked,
)
from explain_gate.metrics.batch import Exchange, Look
from explain_gate.metrics.look import look_of
from explain_gate.metrics.marks import mark_scores, separation
from explain_gate.metrics.operations import operate, tried
from explain_gate.records import Sample, Truth
from explain_gate.seeds import lowest, seed_of
from explain_gate.tasks.task import Task

_PROBES = 6
"""Pictures on which it is measured what an operation changes."""
_MOST_MARKED = 400
"""Pictures, spread over the classes, that are looked at for marks."""
_SEARCHED = 20
"""Images of each half that an operation is searched on."""
_SIGNED, _UNSIGNED = 24, 48
"""Pictures of a class, and of the others, that a signature is taken from."""
_STRONGEST = 3.0
"""By which a class's own signature may be strengthened to be as large as another's."""
_LEAST_OUTSIDE = 0.05
"""Share of the frame that must lie outside a donor's object."""

Predict = Callable[[Tensor, Sequence[Truth]], Tensor]
"""Pictures, and the truths of those that they were made from -> the task's columns."""


class Kept(Protocol):
    """What earlier runs measured of the pictures of these rows."""

    def marks(self, rows: Sequence[int]) -> bytes | None:
        """As they were kept, or None."""

    def keep_marks(self, rows: Sequence[int], content: bytes) -> None:
        """Keep them."""

    def signature(self, label: int, rows: Sequence[int]) -> bytes | None:
        """What a class's pictures among these rows have in common, as it was kept, or None."""

    def keep_signature(self, label: int, rows: Sequence[int], content: bytes) -> None:
        """Keep it."""

    def operation(self, label: int, classes: int, half: bool) -> bytes | None:  # noqa: FBT001 - one of two halves
        """Which operation turned most of one half of the set to a class, as it was kept, or None."""

    def keep_operation(
        self,
        label: int,
        classes: int,
        half: bool,  # noqa: FBT001 - one of two halves
        content: bytes,
    ) -> None:
        """Keep it."""


class Looks:
    """Pictures exchanged with others in how they look, for every image of a regression set."""

    def __init__(
        self, data: RegressionSet, predict: Predict, *, task: Task, seed: int, memory: Kept | None = None
    ) -> None:
        self._data = data
        self._predict = predict
        self._task = task
        self._seed = seed
        self._memory = memory
        self._views = Views(data)
        self._styles: dict[int, Style] = {}
        self._signatures: dict[int, Signature | None] = {}
        self._chosen: dict[tuple[int, int, bool], int | None] = {}
        self._columns: dict[int, Tensor] = {}

    def exchanges(self, sample: Sample, look: Look, classes: int) -> list[Exchange]:
        """One of each of up to `classes` other classes that has a picture to lend; see `metrics.batch.Batch`."""
        picture = self._views.visible(sample)
        make = {"style": self._by_donor, "spectrum": self._by_donor, "signature": self._by_signature,
                "operation": self._by_operation}[look]  # fmt: skip
        return make(sample, picture, look, classes)

    def given(self, row: int, count: int) -> list[int]:
        """Up to `count` classes that an image does not show, seeded by image."""
        others = [label for label in self._members if label not in self._data.entries[row].accepted]
        return lowest(
            others, count, digest=str, name=str, seed=self._seed, own=self._data.key(row), purpose="given classes"
        )

    @functools.cached_property
    def marks(self) -> Marks:
        """Whose pictures show which operation, measured when first asked for."""
        kept = None if self._memory is None else self._memory.marks(self._marked)
        if kept is None:
            marks = self._measured()
            if self._memory is not None:
                self._memory.keep_marks(self._marked, json.dumps(asdict(marks)).encode())
            return marks
        read = json.loads(kept)
        by_class = {name: {int(label): row for label, row in read[name].items()} for name in ("areas", "p_values")}
        return Marks(change=read["change"], **by_class)

    def signature(self, label: int) -> Signature | None:
        """What the pictures of a class have in common and the others lack; None where nothing is beyond chance."""
        if label not in self._signatures:
            own = self._data.lowest(self._members[label], _SIGNED, seed=self._seed, purpose="signature")
            theirs = [row for other, rows in self._members.items() if other != label for row in rows]
            others = self._data.lowest(theirs, _UNSIGNED, seed=self._seed, purpose=f"signature against {label}")
            rows = [*own, *others]
            kept = None if self._memory is None else self._memory.signature(label, rows)
            self._signatures[label] = unpacked(kept) if kept is not None else self._common_of(label, rows)
            if kept is None and self._memory is not None:
                self._memory.keep_signature(label, rows, packed(self._signatures[label]))
        return self._signatures[label]

    def operation(self, label: int, classes: int, half: bool) -> int | None:  # noqa: FBT001 - one of two halves
        """The operation of a class that turned most images of the other half; None where its pictures show none."""
        asked = label, classes, half
        if asked not in self._chosen:
            kept = None if self._memory is None else self._memory.operation(*asked)
            self._chosen[asked] = json.loads(kept) if kept is not None else self._search(label, classes, half=half)
            if kept is None and self._memory is not None:
                self._memory.keep_operation(*asked, json.dumps(self._chosen[asked]).encode())
        return self._chosen[asked]

    def _by_donor(self, sample: Sample, picture: Tensor, look: Look, classes: int) -> list[Exchange]:
        own = self._donor(sample, sample.label, look)
        if own is None:
            return []
        control = self._views.as_input(self._taken(picture, own, look))
        exchanges = []
        for label in self.given(sample.index, classes):
            donor = self._donor(sample, label, look)
            if donor is not None:
                changed = self._views.as_input(self._taken(picture, donor, look))
                exchanges.append(Exchange(label=label, changed=changed, control=control))
        return exchanges

    def _by_signature(
        self,
        sample: Sample,
        picture: Tensor,
        look: Look,  # noqa: ARG002 - all looks are made alike
        classes: int,
    ) -> list[Exchange]:
        own = self.signature(sample.label)
        exchanges = []
        for label in self.given(sample.index, classes):
            other = self.signature(label)
            if other is None:
                exchanges.append(Exchange(label=label))
                continue
            strength = math.inf if own is None else other.size / own.size
            # A class without a signature as strong takes the other's the wrong way round: as much, and not the class's.
            control = (
                signed(picture, other, strength=-1.0)
                if own is None or strength > _STRONGEST
                else signed(picture, own, strength=strength)
            )
            exchanges.append(
                Exchange(
                    label=label,
                    changed=self._views.as_input(signed(picture, other)),
                    control=self._views.as_input(control),
                )
            )
        return exchanges

    def _by_operation(
        self,
        sample: Sample,
        picture: Tensor,
        look: Look,  # noqa: ARG002 - all looks are made alike
        classes: int,
    ) -> list[Exchange]:
        exchanges = []
        for label in self.given(sample.index, classes):
            one = self.operation(label, classes, self._half(sample.index, label))
            if one is None:
                exchanges.append(Exchange(label=label))
                continue
            control = self.marks.control(one, label, self._seed)
            changed, other = (self._operated(sample.index, picture, which) for which in (one, control))
            exchanges.append(Exchange(label=label, changed=changed, control=other, operation=one))
        return exchanges

    def _search(self, label: int, classes: int, *, half: bool) -> int | None:
        """The operation with most net turns among images of the other half."""
        candidates = self.marks.of(label)
        if not candidates:
            return None
        theirs = [
            row
            for row, entry in enumerate(self._data.entries)
            if label not in entry.accepted and self._half(row, label) != half and label in self.given(row, classes)
        ]
        rows = self._data.lowest(theirs, _SEARCHED, seed=self._seed, purpose=f"operations searched {label}")
        samples = [sample for sample in map(self._data.sample, rows) if self._may_turn(sample, label)]
        pictures = {sample.index: (sample.truth, self._views.visible(sample)) for sample in samples}
        if not pictures:
            return candidates[0]
        turns = {one: self._turns(pictures, one, label) for one in candidates}
        best, most = candidates[0], 0
        # A control can only take turns away, so that operations which turned no more than the best need none.
        for one in sorted(candidates, key=lambda one: -turns[one]):
            if turns[one] <= most:
                break
            net = turns[one] - self._turns(pictures, self.marks.control(one, label, self._seed), label)
            if net > most:
                best, most = one, net
        return best

    def _turns(self, pictures: Mapping[int, tuple[Truth, Tensor]], one: int, label: int) -> int:
        operated = torch.stack([self._operated(row, picture, one) for row, (_, picture) in pictures.items()])
        after = self._predict(operated, [truth for truth, _ in pictures.values()])
        before = torch.stack([self._columns[row] for row in pictures]).to(after)
        return int(self._task.turned(before, after, torch.full((len(after),), label)).sum())

    def _may_turn(self, sample: Sample, label: int) -> bool:
        if sample.index not in self._columns:
            (self._columns[sample.index],) = self._predict(sample.pixels[None], [sample.truth])
        return bool(self._task.may_turn(self._columns[sample.index][None], torch.tensor([label])))

    def _half(self, row: int, label: int) -> bool:
        return bool(seed_of(self._seed, self._data.key(row), f"half {label}") & 1)

    def _operated(self, row: int, picture: Tensor, one: int) -> Tensor:
        operation, strength = tried()[one]
        generator = torch.Generator().manual_seed(seed_of(self._seed, self._data.key(row), f"operation {named(one)}"))
        return self._views.as_input(operate(picture, operation, strength, generator))

    def _taken(self, picture: Tensor, donor: int, look: Look) -> Tensor:
        if look == "style":
            return restyled(picture, self._style(donor))
        filled = without_object(self._data.sample(donor))
        lent = self._views.of(donor).picture if filled is None else self._views.shown(filled)
        return respectred(picture, lent)

    def _style(self, row: int) -> Style:
        if row not in self._styles:
            view = self._views.of(row)
            self._styles[row] = style_of(view.picture, view.outside)
        return self._styles[row]

    def _donor(self, sample: Sample, label: int, look: Look) -> int | None:
        """The row of one image of a class that lends its look to another, drawn for it; None where there is none."""
        digest = self._data.digest(sample.index)
        own = self._data.key(sample.index)
        for row in self._data.lowest(self._members[label], seed=self._seed, own=own, purpose=f"donor of {look}"):
            if self._data.digest(row) != digest and _lends(self._views.of(row)):
                return row
        return None

    @functools.cached_property
    def _members(self) -> dict[int, list[int]]:
        members: dict[int, list[int]] = {}
        for row, entry in enumerate(self._data.entries):
            members.setdefault(entry.label, []).append(row)
        return members

    @functools.cached_property
    def _marked(self) -> list[int]:
        """The rows that are looked at for marks, by what they hold."""
        return self._data.stratified(_MOST_MARKED, seed=self._seed, purpose="marked")

    def _measured(self) -> Marks:
        labels = [self._data.entries[row].label for row in self._marked]
        looks = np.stack([self._look(row) for row in self._marked])
        probes = [(row, self._views.of(row)) for row in self._marked[:_PROBES]]  # classes come in turn
        before = [look_of(view.picture, view.region) for _, view in probes]
        size: list[float] = []
        changes = []
        for one, (operation, strength) in enumerate(tried()):
            moved, squares = [], []
            for (row, view), own in zip(probes, before, strict=True):
                seed = seed_of(self._seed, self._data.key(row), f"probe {named(one)}")
                after = operate(view.picture, operation, strength, torch.Generator().manual_seed(seed))
                moved.append(look_of(after, view.region) - own)
                squares.append(float(((after - view.picture) ** 2).mean()))
            size.append(math.sqrt(math.fsum(squares) / len(squares)))
            changes.append(np.mean(moved, axis=0))
        areas: dict[int, list[float]] = {}
        p_values: dict[int, list[float]] = {}
        scores = mark_scores(looks, np.stack(changes))
        for label in sorted(set(labels)):
            mine = np.array([other == label for other in labels])
            area, chance = separation(scores, mine)
            areas[label], p_values[label] = area.tolist(), chance.tolist()
        return Marks(change=size, areas=areas, p_values=p_values)

    def _common_of(self, label: int, rows: Sequence[int]) -> Signature | None:
        pictures, outside, mine = [], [], []
        for row in rows:
            filled = without_object(self._data.sample(row))
            if filled is not None:
                pictures.append(self._views.shown(filled))
                outside.append(self._views.of(row).outside)
                mine.append(self._data.entries[row].label == label)
        if min(sum(mine), len(mine) - sum(mine)) < 2:
            return None
        common = signature_of(pictures, outside, mine)
        return common if common.beyond_chance else None

    def _look(self, row: int) -> Any:
        view = self._views.of(row)
        return look_of(view.picture, view.region)


class Exchanges(Capability):
    """Whole pictures that take on how other classes look."""

    name: ClassVar[str] = "exchanges"
    scope: ClassVar[Scope] = "set"

    def exchanges(self, position: int, look: Look, classes: int) -> list[Exchange]:
        """One image with the look, or a patch, of up to `classes` other classes; empty where none can lend it."""
        self._asked("exchanges", look, classes)
        sample, looks = self._request.samples[position], self._resources.looks
        if look in ("outside", "inside"):
            return self._resources.cues.exchanges(sample.index, look, looks.given(sample.index, classes))
        return looks.exchanges(sample, look, classes)

    @classmethod
    def origin(cls, question: Question, asking: Asking) -> list[Any]:
        """Of a patch, the images that were searched for it and the one that lends the control; else the whole set."""
        _, look, classes = question
        if look not in ("outside", "inside"):
            return super().origin(question, asking)
        labels = asking.resources.looks.given(asking.row, int(classes))
        rows = asking.resources.cues.origin(asking.row, labels)
        return [labels, *map(asking.identity, rows)]


def _lends(view: View) -> bool:
    return float(view.outside.double().mean()) >= _LEAST_OUTSIDE
