"""The everyday operation of a class that turns most pictures of others: whose pictures carry which, and the search.

Which marks a class has follows from the data alone: no version can choose what it is asked about.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from explain_gate.data.regression_set import RegressionSet
from explain_gate.measuring.asking.marked import Marks, named
from explain_gate.measuring.asking.views import Views
from explain_gate.metrics.look import look_of
from explain_gate.metrics.marks import Values, doses, mark_scores, separation
from explain_gate.metrics.operations import operate, tried
from explain_gate.records import Sample, Truth
from explain_gate.seeds import seed_of
from explain_gate.tasks.task import Task

_PROBES = 6
"""Pictures on which it is measured what an operation changes."""
_MOST_MARKED = 400
"""Pictures, spread over the classes, that are looked at for marks."""
_BY_CLASS = ("areas", "p_values", "doses")
"""Fields of Marks that are by class."""
_SEARCHED = 20
"""Images of each half that an operation is searched on."""

Predict = Callable[[Tensor, Sequence[Truth]], Tensor]
"""Pictures, and the truths of those that they were made from -> the task's columns."""


class KeptOperations(Protocol):
    """What earlier runs measured of the pictures of these rows."""

    def marks(self, rows: Sequence[int]) -> bytes | None:
        """As they were kept, or None."""

    def keep_marks(self, rows: Sequence[int], content: bytes) -> None:
        """Keep them."""

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


class Operations:
    """Which operation stands for which class of a set.

    `given(row, classes)` names the classes that an image is given something of.
    """

    def __init__(
        self,
        data: RegressionSet,
        predict: Predict,
        *,
        task: Task,
        seed: int,
        given: Callable[[int, int], list[int]],
        views: Views,
        memory: KeptOperations | None = None,
    ) -> None:
        self._data = data
        self._predict = predict
        self._task = task
        self._seed = seed
        self._given = given
        self._views = views
        self._memory = memory
        self._chosen: dict[tuple[int, int, bool], int | None] = {}
        self._columns: dict[int, Tensor] = {}

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
        by_class = {name: {int(label): row for label, row in read[name].items()} for name in _BY_CLASS}
        return Marks(change=read["change"], **by_class)

    def of(self, label: int, classes: int, half: bool) -> int | None:  # noqa: FBT001 - one of two halves
        """The operation of a class that turned most images of the other half; None where its pictures show none."""
        asked = label, classes, half
        if asked not in self._chosen:
            kept = None if self._memory is None else self._memory.operation(*asked)
            self._chosen[asked] = json.loads(kept) if kept is not None else self._search(label, classes, half=half)
            if kept is None and self._memory is not None:
                self._memory.keep_operation(*asked, json.dumps(self._chosen[asked]).encode())
        return self._chosen[asked]

    def half(self, row: int, label: int) -> bool:
        """Which half of the set an image lies in, for a class: operations are searched on the other."""
        return bool(seed_of(self._seed, self._data.key(row), f"half {label}") & 1)

    def operated(self, row: int, picture: Tensor, one: int) -> Tensor:
        """A picture (C, H, W), in [0, 1], after an operation, as the model's input; seeded by image."""
        operation, strength = tried()[one]
        generator = torch.Generator().manual_seed(seed_of(self._seed, self._data.key(row), f"operation {named(one)}"))
        return self._views.as_input(operate(picture, operation, strength, generator))

    def _search(self, label: int, classes: int, *, half: bool) -> int | None:
        """The operation with most net turns among images of the other half."""
        candidates = self.marks.of(label)
        if not candidates:
            return None
        theirs = [
            row
            for row, entry in enumerate(self._data.entries)
            if label not in entry.accepted and self.half(row, label) != half and label in self._given(row, classes)
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
        operated = torch.stack([self.operated(row, picture, one) for row, (_, picture) in pictures.items()])
        after = self._predict(operated, [truth for truth, _ in pictures.values()])
        before = torch.stack([self._columns[row] for row in pictures]).to(after)
        return int(self._task.turned(before, after, torch.full((len(after),), label)).sum())

    def _may_turn(self, sample: Sample, label: int) -> bool:
        if sample.index not in self._columns:
            (self._columns[sample.index],) = self._predict(sample.pixels[None], [sample.truth])
        return bool(self._task.may_turn(self._columns[sample.index][None], torch.tensor([label])))

    @functools.cached_property
    def _marked(self) -> list[int]:
        """The rows that are looked at for marks, by what they hold."""
        return self._data.stratified(_MOST_MARKED, seed=self._seed, purpose="marked")

    def _measured(self) -> Marks:
        labels = [self._data.entries[row].label for row in self._marked]
        looks = np.stack([self._look(row) for row in self._marked])
        probes = [(row, self._views.of(row)) for row in self._marked[:_PROBES]]  # classes come in turn
        size: list[float] = []
        operated = []
        for one, (operation, strength) in enumerate(tried()):
            looks_after, squares = [], []
            for row, view in probes:
                seed = seed_of(self._seed, self._data.key(row), f"probe {named(one)}")
                after = operate(view.picture, operation, strength, torch.Generator().manual_seed(seed))
                looks_after.append(look_of(after, view.region))
                squares.append(float(((after - view.picture) ** 2).mean()))
            size.append(math.sqrt(math.fsum(squares) / len(squares)))
            operated.append(np.stack(looks_after))
        return _marks_of(looks, labels, np.stack(operated), size)

    def _look(self, row: int) -> Any:
        view = self._views.of(row)
        return look_of(view.picture, view.region)


def _marks_of(looks: Values, labels: Sequence[int], operated: Values, change: Sequence[float]) -> Marks:
    """Of looks (N, F) of pictures of N labels, the first of which were operated on: their looks after it, (T, P, F)."""
    probes = operated.shape[1]
    scores, after = mark_scores(looks, operated.mean(axis=1) - looks[:probes].mean(axis=0), operated)
    moved = np.median(after, axis=1) - np.median(scores[:, :probes], axis=1)
    by_class: dict[str, dict[int, list[float]]] = {name: {} for name in _BY_CLASS}
    for label in sorted(set(labels)):
        mine = np.array([other == label for other in labels])
        for name, values in zip(_BY_CLASS, (*separation(scores, mine), doses(scores, mine, moved)), strict=True):
            by_class[name][label] = values.tolist()
    return Marks(change=change, **by_class)
