"""Pictures without their objects: an image's own, and what others lend.

Computed once per donor and kept on disk while a run lasts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from explain_gate.data.regression_set import RegressionSet
from explain_gate.errors import NotApplicable
from explain_gate.measuring.asking.capability import Asking, Capability, Question, Scope, UnknownOrigin
from explain_gate.metrics.fill import inpaint
from explain_gate.records import Sample
from explain_gate.seeds import lowest

_WIDER = 3
"""Pixels by which the hole is wider than the region, so that no rim of the object stays behind."""

_MOST_HOLE = 0.95
"""Share of the frame; with less than the rest left there is no background to take."""

_MOST_DONORS = 600
"""Images that lend their background, spread over the classes: what a large set needs on disk stays bounded."""
_LEAST_PER_CLASS = 8


class Backgrounds:
    """Donors of backgrounds for every image of a regression set, seeded by image."""

    def __init__(self, data: RegressionSet, folder: Path, *, seed: int, size: tuple[int, int]) -> None:
        self._data = data
        self._seed = seed
        # Rows that nobody fills take no room: the file is sparse.
        self._file = np.lib.format.open_memmap(
            folder / "backgrounds.npy",
            mode="w+",
            dtype=np.float16,
            shape=(len(data), data.preprocessing.channels, *size),
        )
        self._state = np.zeros(len(data), dtype=np.int8)  # 0 not tried, 1 filled, -1 has none to give

    def donors(self, row: int, *, same_class: bool, count: int) -> list[tuple[int, Tensor]]:
        """Up to `count` donors for an image: class and picture (3, H, W) without its object, classes in turn."""
        tried = self.tried(row, same_class=same_class, count=count)
        return [(self._data.entries[donor].label, self._picture(donor)) for donor, gives in tried if gives]

    def tried(
        self, row: int, *, same_class: bool, count: int, gives: Callable[[int], bool] | None = None
    ) -> list[tuple[int, bool]]:
        """Rows that were asked for a background for an image, in order, and whether they gave one.

        `gives` answers for a row; by default its picture does, which is then decoded.
        """
        entry, gives = self._data.entries[row], gives or self._usable
        kind = "same" if same_class else "other"
        own = self._data.key(row)
        labels = [entry.label] if same_class else [other for other in self._pools if other not in entry.accepted]
        turns = lowest(
            labels, digest=str, name=str, seed=self._seed, own=own, purpose=f"background {kind}: turns of classes"
        )
        waiting: dict[int, Iterator[int]] = {}
        tried_donors: list[tuple[int, bool]] = []
        while turns and sum(given for _, given in tried_donors) < count:
            left = []
            for label in turns:
                if sum(given for _, given in tried_donors) == count:
                    break
                if label not in waiting:
                    drawn = self._data.lowest(
                        self._pools[label], seed=self._seed, own=own, purpose=f"background {kind}"
                    )
                    # A copy of the image would lend it its own background.
                    waiting[label] = (donor for donor in drawn if self._data.digest(donor) != self._data.digest(row))
                for donor in waiting[label]:
                    tried_donors.append((donor, gives(donor)))
                    if tried_donors[-1][1]:
                        left.append(label)
                        break
            turns = left
        return tried_donors

    def own(self, sample: Sample) -> Tensor | None:
        """The picture (3, H, W) of one image without its object, or None where nothing of it would be left."""
        if self._state[sample.index] == 1:
            return self._picture(sample.index)
        filled = without_object(sample)
        return None if filled is None else filled.half().float()

    @functools.cached_property
    def _pools(self) -> dict[int, list[int]]:
        """By class, the rows that may lend their background."""
        members: dict[int, list[int]] = {}
        for row, entry in enumerate(self._data.entries):
            members.setdefault(entry.label, []).append(row)
        most = max(_LEAST_PER_CLASS, _MOST_DONORS // max(1, len(members)))
        return {
            label: self._data.lowest(rows, most, seed=self._seed, purpose="donors") for label, rows in members.items()
        }

    def _picture(self, row: int) -> Tensor:
        return torch.from_numpy(self._file[row].astype(np.float32))

    def _usable(self, row: int) -> bool:
        if self._state[row] == 0:
            filled = without_object(self._data.sample(row))
            if filled is None:
                self._state[row] = -1
            else:
                self._file[row] = filled.numpy().astype(np.float16)
                self._state[row] = 1
        return bool(self._state[row] == 1)


class OwnBackground(Capability):
    """An image without its object."""

    name: ClassVar[str] = "own_background"
    of_model: ClassVar[bool] = False

    def own_background(self, position: int) -> Tensor:
        """One image (3, H, W) without its object."""
        picture = self._resources.backgrounds.own(self._request.samples[position])
        if picture is None:
            raise NotApplicable("the region leaves too little of a background")
        return picture


class Donors(Capability):
    """Backgrounds of other images."""

    name: ClassVar[str] = "backgrounds"
    scope: ClassVar[Scope] = "set"
    of_model: ClassVar[bool] = False

    def backgrounds(self, position: int, *, same_class: bool, count: int) -> list[tuple[int, Tensor]]:
        """Donors of backgrounds for one image."""
        self._asked("backgrounds", same_class, count)
        row = self._request.rows[position]
        return self._resources.backgrounds.donors(row, same_class=same_class, count=count)

    @classmethod
    def origin(cls, question: Question, asking: Asking) -> list[Any]:
        """Images that were asked for a background, and whether they gave one."""
        _, same_class, count = question
        gives = None
        if asking.written is not None:
            known = {identity: bool(gave) for identity, gave in asking.written}

            def gives(donor: int) -> bool:
                identity = asking.identity(donor)
                if identity not in known:
                    raise UnknownOrigin
                return known[identity]

        tried = asking.resources.backgrounds.tried(
            asking.row, same_class=bool(same_class), count=int(count), gives=gives
        )
        return [[asking.identity(donor), gave] for donor, gave in tried]


def widened(region: Tensor) -> Tensor:
    """A region, (H, W) bool, and a rim around it, so that nothing of the object is left outside."""
    wide = torch.nn.functional.max_pool2d(region[None, None].float(), 2 * _WIDER + 1, stride=1, padding=_WIDER)
    return wide[0, 0] > 0


def without_object(sample: Sample) -> Tensor | None:
    """The sample's pixels with its region, a little widened, filled in; None without a region or a background.

    A picture that shows no object is returned as it is.
    """
    if sample.empty:
        return sample.pixels
    if sample.region is None:
        return None
    hole = widened(sample.region)
    if hole.double().mean() > _MOST_HOLE:
        return None
    return inpaint(sample.pixels[None], hole[None])[0]
