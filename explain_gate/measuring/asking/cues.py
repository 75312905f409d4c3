"""Cue search: which place of its pictures does a class hang on, and does that place alone turn other pictures into it?

Nothing here knows a kind of cue. For every class the places are hidden one by one on a few of its images; the patch
there is planted into a panel of images of other classes in every form there is (at the class's place, at the image's
own, all over), and the form that turns most of them is the class's cue.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from explain_gate.data.preprocessing import visible
from explain_gate.data.regression_set import RegressionSet
from explain_gate.measuring.asking.cue_facts import (
    PICTURES,
    CueFacts,
    colour_of,
    describe,
    pack,
    png,
    renamed,
    unpack,
    write_facts,
)
from explain_gate.metrics.batch import Cue, Scene
from explain_gate.metrics.patches import CLEAR, Form, Place, Window, hide, plant, region_shares, windows
from explain_gate.records import Sample, Truth
from explain_gate.tasks.task import Task

_PANEL = 48
"""Images that patches are planted into, stratified by class; kept in memory."""
_PER_CLASS = 8
"""Images of a class that are searched."""
_TRIALS = 4
"""Panel images that the patch of one searched image is tried on."""
_CLEARLY = 0.1
_NOTHING = 0.02
"""Log odds; what hiding a place costs by chance."""
_MOST_OTHERS = 0.6
"""Share of the places that must cost less than half of what a place costs that is named."""
_FORMS: dict[Place, tuple[Form, ...]] = {
    "outside": ("fixed", "own", "tinted", "tiled"),
    "inside": ("own", "tinted"),
}

Predict = Callable[[Tensor, Sequence[Truth]], Tensor]
"""Pictures, and the truths of those that they were made from -> the task's columns."""
_Found = tuple[CueFacts, Cue, dict[str, bytes]]


class Kept(Protocol):
    """What earlier runs found. A search is known by its class, its place and the rows that it looked at."""

    def cue(self, label: int, place: Place, rows: Sequence[int]) -> tuple[dict[str, Any], bytes] | None:
        """Head and content as they were kept, or None."""

    def keep_cue(self, label: int, place: Place, rows: Sequence[int], head: Mapping[str, Any], content: bytes) -> None:
        """Keep what a search found."""


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
        self._predict = predict
        self._task = task
        self._seed = seed
        self._folder = folder
        self._memory = memory
        self._panel: list[Scene] | None = None
        self._effects: dict[int, Tensor] = {}
        self._cues: dict[tuple[int, Place], Cue | None] = {}
        self._facts: dict[tuple[int, Place], CueFacts] = {}
        self._outcomes: dict[tuple[int, Place], dict[int, float]] = {}

    def cue(self, label: int, where: Place) -> Cue | None:
        """The most telling place of a class and how its patch is planted; None where no image has such a place."""
        if not self.restore(label, where):
            found = self._search(label, where)
            self._take(label, where, found)
            if self._memory is not None:
                head, content = pack(*(found or (None, None, {})))
                head["images"] = {self._data.entries[row].image: self._data.key(row) for row in self.origin(label)}
                self._memory.keep_cue(label, where, self.origin(label), head, content)
        return self._cues[label, where]

    def restore(self, label: int, where: Place) -> bool:
        """Whether a class's cue is known, from this run or, with its facts and pictures, from an earlier one."""
        if (label, where) in self._cues:
            return True
        kept = None if self._memory is None else self._memory.cue(label, where, self.origin(label))
        if kept is None:
            return False
        head, content = kept
        found = unpack(head, content)
        if found is not None:
            today = {self._data.key(row): self._data.entries[row].image for row in self.origin(label)}
            names = {image: today[key] for image, key in head["images"].items() if key in today}
            found = (renamed(found[0], names), *found[1:])
        self._take(label, where, found)
        return True

    def origin(self, label: int) -> list[int]:
        """Rows that the cues of a class depend on: those that are searched, and those that patches are tried on."""
        return [*self._searched_rows(label), *self.panel_rows]

    def others(self, row: int, count: int) -> list[Scene]:
        """Panel images that do not show the class of an image, seeded by image."""
        entry = self._data.entries[row]
        free = [scene for scene in self._scenes() if entry.label not in scene.truth.accepted and scene.row != row]
        place = {scene.row: scene for scene in free}
        own = self._data.key(row)
        return [place[one] for one in self._data.lowest(place, count, seed=self._seed, own=own, purpose="planted")]

    def effects(self, sample: Sample) -> Tensor:
        """What hiding each place costs the image's own class, in the task's unit of support: (W,)."""
        if sample.index not in self._effects:
            region = _region(sample)
            hidden = hide(sample.pixels, region, self.places())
            pictures = torch.cat([sample.pixels[None], hidden])
            columns = self._predict(pictures, [sample.truth] * len(pictures))
            support = self._task.support(columns, torch.full((len(columns),), sample.label))
            self._effects[sample.index] = support[0] - support[1:]
        return self._effects[sample.index]

    def place_of(self, sample: Sample, cue: Cue, where: Place) -> Window | None:
        """The place that an image's own patch is taken from."""
        allowed = self._allowed(sample, where)
        fixed = self.places().index(cue.window)
        if cue.form == "fixed" and bool(allowed[fixed]):
            return cue.window
        if not bool(allowed.any()):
            return None
        best = self.effects(sample).masked_fill(~allowed, -torch.inf).argmax()
        return self.places()[int(best)]

    def places(self) -> tuple[Window, ...]:
        """All places of the frame."""
        scene = self._scenes()[0]
        return windows(int(scene.pixels.shape[1]), int(scene.pixels.shape[2]))

    def remember(self, row: int, label: int, where: Place, share: float) -> None:
        """Take note of one image's result, for the facts."""
        self._outcomes.setdefault((label, where), {})[row] = share

    def close(self) -> None:
        """Write what was found, one JSON of facts beside the pictures."""
        if self._folder is not None and self._facts:
            keys = sorted(self._facts)
            told, outcomes = [self._facts[key] for key in keys], [self._outcomes.get(key, {}) for key in keys]
            write_facts(self._folder, told, outcomes)

    def _scenes(self) -> list[Scene]:
        if self._panel is None:
            drawn = [self._data.sample(row) for row in self.panel_rows]
            samples = [sample for sample in drawn if sample.region is not None or sample.empty] or drawn[:1]
            columns = self._predict(
                torch.stack([sample.pixels for sample in samples]), [sample.truth for sample in samples]
            )
            scenes = [
                Scene(
                    row=sample.index,
                    truth=sample.truth,
                    columns=own,
                    pixels=sample.pixels,
                    region=_region(sample),
                )
                for sample, own in zip(samples, columns, strict=True)
            ]
            self._panel = [replace(scene, peer=self._peer(scene, scenes)) for scene in scenes]
        return self._panel

    def _peer(self, scene: Scene, scenes: Sequence[Scene]) -> Scene | None:
        """Another panel image of the same class, drawn for it."""
        label, digest = self._data.entries[scene.row].label, self._data.digest(scene.row)
        peers = {
            other.row: other
            for other in scenes
            if self._data.entries[other.row].label == label and self._data.digest(other.row) != digest
        }
        own = self._data.key(scene.row)
        return next((peers[row] for row in self._data.lowest(peers, 1, seed=self._seed, own=own, purpose="peer")), None)

    @functools.cached_property
    def panel_rows(self) -> list[int]:
        """Rows that patches are planted into."""
        return self._data.stratified(_PANEL, seed=self._seed, purpose="panel")

    def _searched_rows(self, label: int) -> list[int]:
        members = [row for row, entry in enumerate(self._data.entries) if entry.label == label]
        return self._data.lowest(members, _PER_CLASS, seed=self._seed, purpose="searched")

    def _search(self, label: int, where: Place) -> _Found | None:
        searched = map(self._data.sample, self._searched_rows(label))
        samples = [sample for sample in searched if sample.region is not None or sample.empty]
        allowed = [self._allowed(sample, where) for sample in samples]
        usable = [position for position, places in enumerate(allowed) if bool(places.any())]
        samples, allowed = [samples[p] for p in usable], [allowed[p] for p in usable]
        if not samples:
            return None
        may = torch.stack(allowed)
        effects = torch.stack([self.effects(sample) for sample in samples])
        often = may.sum(dim=0) * 2 >= len(samples)
        mean = torch.where(may, effects, 0.0).sum(dim=0) / may.sum(dim=0).clamp_min(1)
        fixed = mean.masked_fill(~(often if bool(often.any()) else may.any(dim=0)), -torch.inf).argmax()
        window = self.places()[int(fixed)]
        best: _Best | None = None
        for form in _FORMS[where]:
            cue = Cue(window=window, form=form)
            trials = [self._try(sample, cue, where) for sample in samples]
            told = [trial for trial in trials if trial is not None]
            if not told:
                continue
            share = sum(trial.share for trial in told) / len(told)
            rise = sum(trial.rise for trial in told) / len(told)
            # The plainest form that does it: repeating a patch must turn clearly more than showing it once.
            if best is None or share > best.share + _CLEARLY or (best.share == share == 0 and rise > best.rise):
                # An example at the place that the class has in common, where there is one.
                shown = max(told, key=lambda trial: (trial.place == window, trial.share, trial.rise))
                best = _Best(share=share, rise=rise, cue=cue, shown=shown)
        if best is None:
            return None
        return self._told(label, where, best, effects=mean, often=may.any(dim=0))

    def _try(self, sample: Sample, cue: Cue, where: Place) -> _Trial | None:
        place = self.place_of(sample, cue, where)
        targets = self.others(sample.index, _TRIALS)
        if place is None or not targets:
            return None
        region = _region(sample)
        planted = [
            plant(target.pixels, target.region, sample.pixels, region, place, form=cue.form, where=where)
            for target in targets
        ]
        after = self._predict(torch.stack(planted), [target.truth for target in targets]).double()
        before = torch.stack([target.columns for target in targets]).double()
        labels = torch.full((len(targets),), sample.label)
        turned = self._task.turned(before, after, labels).tolist()
        example = turned.index(True) if True in turned else 0
        return _Trial(
            sample=sample,
            place=place,
            share=sum(turned) / len(turned),
            rise=float((self._task.support(after, labels) - self._task.support(before, labels)).mean()),
            target=targets[example],
            planted=planted[example],
        )

    def _allowed(self, sample: Sample, where: Place) -> Tensor:
        """Which places lie outside, or inside, the region of an image: (W,), bool."""
        shares = region_shares(_region(sample), self.places())
        if where == "outside":
            return shares <= CLEAR
        enough = shares >= min(0.5, float(shares.max()))
        return enough & (shares > CLEAR)

    def _told(self, label: int, where: Place, best: _Best, *, effects: Tensor, often: Tensor) -> _Found:
        """Facts and pictures of a cue. Shapes: effects (W,), what hiding a place costs; often (W,), where it may be."""
        name = next(name for name, index in self._data.classes.items() if index == label)
        stem = f"{where}-{label}-{re.sub(r'[^A-Za-z0-9_-]+', '_', name)[:40]}"
        cue, shown = best.cue, best.shown
        place, sample = shown.place, shown.sample
        region = _region(sample)
        visible = self._visible(sample.pixels)
        colour = colour_of(
            visible.permute(1, 2, 0).double().numpy(),
            (region if where == "inside" else ~region).numpy(),
            place,
            cue.form,
        )
        anywhere = not _stands_out(effects, self.places().index(cue.window), often) or place != cue.window
        facts = CueFacts(
            place=where,
            label=label,
            class_name=name,
            form=cue.form,
            colour=colour,
            anywhere=anywhere,
            what=describe(cue.form, where, place, sample.pixels.shape[-2:], colour, anywhere=anywhere),
            box=(place.left, place.top, place.left + place.side, place.top + place.side),
            source_image=self._data.entries[sample.index].image,
            target_image=self._data.entries[shown.target.row].image,
            search_share=round(best.share, 4),
            log_odds_rise=round(best.rise, 4),
            log_odds_lost_when_hidden=round(float(effects[self.places().index(cue.window)]), 4),
            files={picture: f"{stem}-{picture}.png" for picture in PICTURES},
        )
        pictures = {
            "source": png(visible),
            "patch": png(visible[:, place.rows, place.columns]),
            "before": png(self._visible(shown.target.pixels)),
            "after": png(self._visible(shown.planted)),
        }
        return facts, cue, pictures

    def _visible(self, pixels: Tensor) -> Tensor:
        return visible(pixels.cpu(), self._data.preprocessing)

    def _take(self, label: int, where: Place, found: _Found | None) -> None:
        """Remember a cue, and write its pictures."""
        self._cues[label, where] = None
        if found is None:
            return
        self._facts[label, where], self._cues[label, where], pictures = found
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            for picture, name in found[0].files.items():
                (self._folder / name).write_bytes(pictures[picture])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Trial:
    """The patch of one image, tried on a few others."""

    sample: Sample
    place: Window
    share: float
    rise: float
    target: Scene
    planted: Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Best:
    """The form of a patch that turns most: its share and rise over all trials, and one of them to show."""

    share: float
    rise: float
    cue: Cue
    shown: _Trial


def _region(sample: Sample) -> Tensor:
    if sample.region is None:
        return torch.zeros(sample.pixels.shape[-2:], dtype=torch.bool)
    return sample.region


def _stands_out(effects: Tensor, place: int, often: Tensor) -> bool:
    """Whether hiding one place costs a class clearly more than hiding most others."""
    others = effects[often]
    own = float(effects[place])
    return own > _NOTHING and float((others < own / 2).float().mean()) > _MOST_OTHERS
