"""The strongest patch of every class, and pictures that take one on: searched on one half of a set, asked of the other.

So a chance find does not count, and a cue that only a part of a class's pictures have is planted on every picture.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from explain_gate.data.preprocessing import visible
from explain_gate.data.regression_set import RegressionSet
from explain_gate.errors import NotApplicable
from explain_gate.measuring.asking.cue_facts import (
    CueFacts,
    Lent,
    colour_of,
    describe,
    pack,
    png,
    unpack,
    write_facts,
)
from explain_gate.measuring.asking.patch_search import Strongest, places_of, planted_on, strongest
from explain_gate.measuring.asking.search_roles import SearchRoles
from explain_gate.metrics.batch import Exchange, Scene
from explain_gate.metrics.patches import Place, moved
from explain_gate.records import Truth
from explain_gate.tasks.task import Task

_AT_ONCE = 32
"""Pictures that are asked about together."""
_HELD = 48
"""Pictures that are kept decoded."""

Predict = Callable[[Tensor, Sequence[Truth]], Tensor]
"""Pictures, and the truths of those that they were made from -> the task's columns."""


class Kept(Protocol):
    """What earlier runs searched. A search is known by its class, its place and the rows that it looked at."""

    def cue(self, label: int, place: Place, rows: Sequence[int]) -> tuple[dict[str, Any], bytes] | None:
        """Head and content as they were kept, or None."""

    def keep_cue(self, label: int, place: Place, rows: Sequence[int], head: Mapping[str, Any], content: bytes) -> None:
        """Keep what a search told."""


class CueSearch:
    """The cues of every class, searched when first asked for. `folder` takes pictures and facts; None keeps none."""

    def __init__(
        self,
        data: RegressionSet,
        predict: Predict,
        *,
        task: Task,
        seed: int,
        folder: Path | None,
        memory: Kept | None = None,
    ) -> None:
        self._data = data
        self._roles = SearchRoles(data, seed=seed)
        self._predict = predict
        self._task = task
        self._folder = folder
        self._memory = memory
        self._scene = functools.lru_cache(_HELD)(self._decoded)
        self._empty: set[int] = set()
        self._lent: dict[tuple[int, Place, bool], Lent | None] = {}
        self._outcomes: dict[tuple[int, Place, bool], dict[int, float]] = {}

    def exchanges(self, row: int, where: Place, labels: Sequence[int]) -> list[Exchange]:
        """An image with the strongest patch of each class; its control takes the same place of one of its own class.

        Raises:
            NotApplicable: its object leaves no place outside it for a patch.
        """
        scene = self._scene(row)
        if not places_of(scene, where):
            raise NotApplicable(f"the region leaves no place {where} it for a patch")
        there = self._peer(row, where)
        given = []
        for label in labels:
            lent = self.lent(label, where, self._roles.half_against(row, label))
            if lent is None:
                given.append(Exchange(label=label))
                continue
            cue, donor = lent.cue, self._scene(lent.row)
            changed = planted_on(scene, donor, cue, where)
            control = scene.pixels
            if there is not None:
                window = moved(cue.window, donor.region, there.region) if where == "inside" else cue.window
                control = planted_on(scene, there, cue.at(window), where)
            given.append(Exchange(label=label, changed=changed, control=control))
        return given

    def lent(self, label: int, where: Place, half: bool) -> Lent | None:  # noqa: FBT001 - one of two halves
        """What a class lends to pictures of the other half; None where it has no place to take a patch from."""
        if not self._restored(label, where, half):
            searched = self._search(label, where, half)
            self._lent[label, where, half] = searched
            if self._memory is not None:
                rows = self._roles.searched(label, half)
                head, content = pack(searched)
                head["images"] = {self._data.entries[row].image: self._data.key(row) for row in rows}
                self._memory.keep_cue(label, where, rows, head, content)
        return self._lent[label, where, half]

    def restore(self, row: int, label: int, where: Place) -> bool:
        """Whether what an image takes from a class is known, from this run or, with its facts, from an earlier one."""
        return self._restored(label, where, self._roles.half_against(row, label))

    def origin(self, row: int, labels: Sequence[int]) -> list[int]:
        """Rows that what an image takes from classes depends on."""
        roles = self._roles
        searched = [other for label in labels for other in roles.searched(label, roles.half_against(row, label))]
        return [*searched, *roles.peers(row)]

    def remember(self, row: int, label: int, where: Place, turned: float) -> None:
        """Take note of what a class's patch did to one image, for the facts."""
        self._outcomes.setdefault((label, where, self._roles.half_against(row, label)), {})[row] = turned

    def close(self) -> None:
        """Write what classes lend, of two halves the stronger: one JSON of facts beside the pictures."""
        shown: dict[tuple[int, Place], tuple[Lent, Mapping[int, float]]] = {}
        for (label, where, half), lent in sorted(self._lent.items()):
            before = shown.get((label, where))
            if lent is not None and (before is None or lent.facts.search_share > before[0].facts.search_share):
                shown[label, where] = lent, self._outcomes.get((label, where, half), {})
        if self._folder is not None and shown:
            write_facts(self._folder, [lent for lent, _ in shown.values()], [turned for _, turned in shown.values()])

    def _restored(self, label: int, where: Place, half: bool) -> bool:  # noqa: FBT001 - one of two halves
        if (label, where, half) in self._lent:
            return True
        kept = None if self._memory is None else self._memory.cue(label, where, self._roles.searched(label, half))
        if kept is None:
            return False
        head, content = kept
        rows = {self._data.key(row): row for row in self._roles.searched(label, half)}
        names = {image: self._data.entries[rows[key]].image for image, key in head["images"].items() if key in rows}
        lent = unpack(head, content, {self._data.entries[row].image: row for row in rows.values()}, names)
        self._lent[label, where, half] = lent
        return True

    def _peer(self, row: int, where: Place) -> Scene | None:
        """The first of them that can lend a patch."""
        return next((self._scene(peer) for peer in self._roles.peers(row) if self._usable(peer, where)), None)

    def _usable(self, row: int, where: Place) -> bool:
        """Whether a picture has an object to take a patch from; beside objects, one that shows none has place too."""
        return bool(self._scene(row).region.any()) or (where == "outside" and row in self._empty)

    def _search(self, label: int, where: Place, half: bool) -> Lent | None:  # noqa: FBT001 - one of two halves
        donors, receivers = (
            [self._scene(row) for row in rows if self._usable(row, where)]
            for rows in (self._roles.donors(label, half), self._roles.receivers(label, half))
        )
        if not donors or not receivers:
            return None
        columns = self._ask([scene.pixels for scene in receivers], [scene.truth for scene in receivers])
        may_turn = self._task.may_turn(columns, torch.full((len(receivers),), label)).tolist()
        able = [
            replace(scene, columns=own) for scene, own, may in zip(receivers, columns, may_turn, strict=True) if may
        ]
        best = strongest(donors, able, where, label, task=self._task, ask=self._ask)
        return None if best is None else self._told(label, where, half, best)

    def _ask(self, pictures: Sequence[Tensor], truths: Sequence[Truth]) -> Tensor:
        parts = [slice(start, start + _AT_ONCE) for start in range(0, len(pictures), _AT_ONCE)]
        asked = [self._predict(torch.stack(list(pictures[part])), truths[part]) for part in parts]
        return torch.cat([columns.double() for columns in asked])

    def _told(self, label: int, where: Place, half: bool, best: Strongest) -> Lent:  # noqa: FBT001 - as above
        """A cue with its facts and pictures."""
        name = next(name for name, index in self._data.classes.items() if index == label)
        stem = f"{where}-{label}-{int(half)}-{re.sub(r'[^A-Za-z0-9_-]+', '_', name)[:40]}"
        place, donor = best.cue.window, best.donor
        shown = self._visible(donor.pixels)
        kind = donor.region.clone() if where == "inside" else ~donor.region
        if best.cue.part is not None:
            kind[place.rows, place.columns] &= best.cue.part
        colour = colour_of(shown.permute(1, 2, 0).double().numpy(), kind.numpy(), place, best.cue.form)
        what = describe(best.cue.form, where, place, donor.pixels.shape[-2:], colour, anywhere=best.anywhere)
        facts = CueFacts(
            place=where,
            label=label,
            class_name=name,
            form=best.cue.form,
            colour=colour,
            anywhere=best.anywhere,
            what=what,
            box=(place.left, place.top, place.left + place.side, place.top + place.side),
            source_image=self._data.entries[donor.row].image,
            target_image=self._data.entries[best.target.row].image,
            search_share=round(best.share, 4),
            support_gained=round(best.rise, 4),
            files={picture: f"{stem}-{picture}.png" for picture in ("source", "patch", "before", "after")},
        )
        pictures = {
            "source": png(shown),
            "patch": png(shown[:, place.rows, place.columns]),
            "before": png(self._visible(best.target.pixels)),
            "after": png(self._visible(best.planted)),
        }
        return Lent(row=donor.row, cue=best.cue, facts=facts, pictures=pictures)

    def _visible(self, pixels: Tensor) -> Tensor:
        return visible(pixels.cpu(), self._data.preprocessing)

    def _decoded(self, row: int) -> Scene:
        sample = self._data.sample(row)
        empty = torch.zeros(sample.pixels.shape[-2:], dtype=torch.bool)
        region = empty if sample.region is None else sample.region
        if sample.empty:
            self._empty.add(row)
        return Scene(row=row, truth=sample.truth, pixels=sample.pixels, region=region)
