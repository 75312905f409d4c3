"""How pictures look beside what they show, and pictures that take on how another class's pictures look.

Which marks and signatures a class has follows from the data alone: no version can choose what it is asked about.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from torch import Tensor

from explain_gate.data.regression_set import RegressionSet
from explain_gate.measuring.asking.backgrounds import without_object
from explain_gate.measuring.asking.capability import Asking, Capability, Question, Scope
from explain_gate.measuring.asking.operations import KeptOperations, Operations, Predict
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
from explain_gate.records import Sample
from explain_gate.seeds import lowest
from explain_gate.tasks.task import Task

_SIGNED, _UNSIGNED = 24, 48
"""Pictures of a class, and of the others, that a signature is taken from."""
_STRONGEST = 3.0
"""By which a class's own signature may be strengthened to be as large as another's."""
_LEAST_OUTSIDE = 0.05
"""Share of the frame that must lie outside a donor's object."""


class Kept(KeptOperations, Protocol):
    """What earlier runs measured of the pictures of these rows."""

    def signature(self, label: int, rows: Sequence[int]) -> bytes | None:
        """What a class's pictures among these rows have in common, as it was kept, or None."""

    def keep_signature(self, label: int, rows: Sequence[int], content: bytes) -> None:
        """Keep it."""


class Looks:
    """Pictures exchanged with others in how they look, for every image of a regression set."""

    def __init__(
        self, data: RegressionSet, predict: Predict, *, task: Task, seed: int, memory: Kept | None = None
    ) -> None:
        self._data = data
        self._seed = seed
        self._memory = memory
        self._views = Views(data)
        self._styles: dict[int, Style] = {}
        self._signatures: dict[int, Signature | None] = {}
        self.operations = Operations(
            data, predict, task=task, seed=seed, given=self.given, views=self._views, memory=memory
        )

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
            one = self.operations.of(label, classes, self.operations.half(sample.index, label))
            if one is None:
                exchanges.append(Exchange(label=label))
                continue
            control = self.operations.marks.control(one, label, self._seed)
            changed, other = (self.operations.operated(sample.index, picture, which) for which in (one, control))
            exchanges.append(Exchange(label=label, changed=changed, control=other, operation=one))
        return exchanges

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
