"""Which patch of a class's pictures turns other pictures into it? Candidates are halved as trials go on (Karnin 2013).

Nothing here knows a kind of cue. Every place of a few donors is planted once; the strongest are planted on more
pictures; the best two compete in their other forms. On an object a patch is cut down to the few of its parts that do
most: what hangs on, is drawn on or stuck to an object is small beside it, while so small a piece of the object itself,
a nucleus or a face, does not make another object of its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from explain_gate.metrics.batch import Cue, Scene
from explain_gate.metrics.patches import (
    Form,
    Place,
    Window,
    cells,
    clear_windows,
    object_windows,
    plant,
)
from explain_gate.records import Truth
from explain_gate.tasks.task import Task

_FINALISTS = 8
_PER_DONOR = 2
"""Patches that are tried again, and how many of one donor: a part of a class's pictures may lack its cue."""
_TRIALS = 6
"""Pictures that these are planted on."""
_LAST = 2
"""Patches that are tried in every form."""
_PARTS, _PART_TRIALS = 6, 3
"""Parts, of nine, that a patch on an object keeps, so a fourteenth of the object; and pictures each is tried on."""
_CLEARLY = 0.1
_MOST_OTHERS = 0.6
"""Share of the patches of other places that must do less than half of what a place does that is named."""
_FORMS: dict[Place, tuple[Form, ...]] = {"outside": ("fixed", "tinted", "tiled"), "inside": ("own",)}

Ask = Callable[[Sequence[Tensor], Sequence[Truth]], Tensor]
"""Pictures (C, H, W), and the truths of those that they were made from -> the task's columns, in double precision."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strongest:
    """The patch of a class that turns most pictures in the search, and one of them: `planted` (C, H, W) on `target`.

    `share` turned, `rise` is the mean rise of the support for the class, in the task's unit. `anywhere`: most of the
    strong patches lie elsewhere.
    """

    cue: Cue
    donor: Scene
    share: float
    rise: float
    target: Scene
    planted: Tensor
    anywhere: bool


def places_of(scene: Scene, where: Place) -> tuple[Window, ...]:
    """Where patches of a picture may be taken from; empty where its object leaves no place outside it."""
    if where == "inside":
        return object_windows(scene.region) if bool(scene.region.any()) else ()
    return clear_windows(scene.region)


def planted_on(scene: Scene, donor: Scene, cue: Cue, where: Place) -> Tensor:
    """A picture (C, H, W) with the donor's patch on it."""
    return plant(
        scene.pixels, scene.region, donor.pixels, donor.region, cue.window, form=cue.form, where=where, part=cue.part
    )


def strongest(
    donors: Sequence[Scene], receivers: Sequence[Scene], where: Place, label: int, *, task: Task, ask: Ask
) -> Strongest | None:
    """Search; None where no donor has a place, or nobody can be turned.

    Args:
        donors: pictures of the class, in the order they were drawn.
        receivers: pictures of other classes that may turn to it, likewise, with their columns.
        where: outside the object, or on it.
        label: the class.
        task: what scores mean.
        ask: of the model.
    """
    if not receivers:
        return None
    search = _Search(receivers=receivers, where=where, label=label, task=task, ask=ask)
    tried = search.tried(donors)
    if not tried:
        return None
    rated = sorted((search.rated(one.donor, one.cue) for one in _finalists(tried)), key=_strength, reverse=True)
    best = rated[:_LAST]
    if where == "inside":
        best = [search.rated(one.donor, search.cut_down(one)) for one in best]
    winner = max(best, key=_strength)
    for form in _FORMS[where][1:]:
        for one in best:
            other = search.rated(one.donor, replace(one.cue, form=form))
            # The plainest form that does it: repeating a patch must turn clearly more than showing it once.
            if other.share > winner.share + _CLEARLY or (other.share == winner.share == 0 and other.rise > winner.rise):
                winner = other
    return replace(winner, anywhere=not _stands_out(tried, winner.cue.window))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Tried:
    """A patch that was planted once, and by how much the support for the class rose."""

    donor: Scene
    cue: Cue
    rise: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Search:
    """One class and place, and the pictures that patches are tried on."""

    receivers: Sequence[Scene]
    where: Place
    label: int
    task: Task
    ask: Ask

    def tried(self, donors: Sequence[Scene]) -> list[_Tried]:
        """Every place of every donor, planted on one picture; what raises the class most comes first."""
        tried: list[_Tried] = []
        for number, donor in enumerate(donors):
            cues = [Cue(window=place, form=_FORMS[self.where][0]) for place in places_of(donor, self.where)]
            if not cues:
                continue
            chosen = [self.receivers[(number + step) % len(self.receivers)] for step in range(len(cues))]
            pictures = [planted_on(scene, donor, cue, self.where) for scene, cue in zip(chosen, cues, strict=True)]
            _, rises = self._asked(pictures, chosen)
            tried += [_Tried(donor=donor, cue=cue, rise=rise) for cue, rise in zip(cues, rises.tolist(), strict=True)]
        return sorted(tried, key=lambda one: -one.rise)

    def rated(self, donor: Scene, cue: Cue) -> Strongest:
        """A patch with the share of pictures that it turns."""
        targets = self.receivers[:_TRIALS]
        pictures = [planted_on(scene, donor, cue, self.where) for scene in targets]
        turns, rises = self._asked(pictures, targets)
        turned = turns.tolist()
        example = turned.index(True) if True in turned else int(rises.argmax())
        return Strongest(
            cue=cue,
            donor=donor,
            share=sum(turned) / len(turned),
            rise=float(rises.mean()),
            target=targets[example],
            planted=pictures[example],
            anywhere=False,
        )

    def cut_down(self, one: Strongest) -> Cue:
        """The patch without all but the parts that do most: what each does alone, and what it costs to leave it out."""
        window = one.cue.window
        own = one.donor.region[window.rows, window.columns]
        parts = [part for part in cells(window.side) if bool((part & own).any())]
        targets = self.receivers[:_PART_TRIALS]
        pictures = [
            planted_on(scene, one.donor, replace(one.cue, part=part), self.where)
            for each in parts
            for part in (each, ~each)
            for scene in targets
        ]
        _, rises = self._asked(pictures, list(targets) * (2 * len(parts)))
        alone, without = rises.view(len(parts), 2, len(targets)).mean(dim=2).T
        order = (alone - without).argsort(descending=True, stable=True).tolist()
        return replace(one.cue, part=torch.stack([parts[number] for number in order[:_PARTS]]).any(dim=0))

    def _asked(self, pictures: Sequence[Tensor], targets: Sequence[Scene]) -> tuple[Tensor, Tensor]:
        """Whether each target turned, and by how much the support for the class rose, (P,) both."""
        after = self.ask(pictures, [scene.truth for scene in targets])
        before = torch.stack([scene.columns for scene in targets if scene.columns is not None]).to(after)
        labels = torch.full((len(after),), self.label)
        rises = self.task.support(after, labels) - self.task.support(before, labels)
        return self.task.turned(before, after, labels), rises


def _strength(one: Strongest) -> tuple[float, float]:
    return one.share, one.rise


def _finalists(tried: Sequence[_Tried]) -> list[_Tried]:
    """The strongest, a few of each donor."""
    kept: list[_Tried] = []
    for one in tried:
        if len(kept) < _FINALISTS and sum(other.donor is one.donor for other in kept) < _PER_DONOR:
            kept.append(one)
    return kept


def _stands_out(tried: Sequence[_Tried], place: Window) -> bool:
    """Whether most patches of other places do less than half of what those of one place do at best."""
    near = [abs(one.cue.window.top - place.top) < place.side > abs(one.cue.window.left - place.left) for one in tried]
    best = max(one.rise for one, close in zip(tried, near, strict=True) if close)
    others = [one.rise < best / 2 for one, close in zip(tried, near, strict=True) if not close]
    return best > 0 and sum(others) >= _MOST_OTHERS * len(others)
