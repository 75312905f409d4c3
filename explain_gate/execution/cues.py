"""Cue search: which place of its pictures does a class hang on, and does that place alone turn other pictures into it?

Nothing here knows a kind of cue. For every class the places are hidden one by one on a few of its images; the patch
there is planted into a panel of images of other classes in every form there is (at the class's place, at the image's
own, all over), and the form that turns most of them is the class's cue.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from explain_gate.data.annotations import stratified_rows
from explain_gate.data.images import denormalize
from explain_gate.data.regression_set import RegressionSet
from explain_gate.metrics.batch import Cue, Scene
from explain_gate.metrics.patches import CLEAR, Form, Place, Window, hide, plant, region_shares, windows
from explain_gate.records import Sample

_PANEL = 48
"""Images that patches are planted into, stratified by class; kept in memory."""
_PER_CLASS = 8
"""Images of a class that are searched."""
_TRIALS = 4
"""Panel images that the patch of one searched image is tried on."""
_CLEARLY = 0.1
_FORMS: dict[Place, tuple[Form, ...]] = {
    "outside": ("fixed", "own", "tinted", "tiled"),
    "inside": ("own", "tinted"),
}

Predict = Callable[[Tensor], Tensor]
T = TypeVar("T")


class CueSearch:
    """The cues of every class, searched when first asked for. `folder` takes pictures and facts; None keeps none."""

    def __init__(self, data: RegressionSet, predict: Predict, *, seed: int, folder: Path | None) -> None:
        self._data = data
        self._predict = predict
        self._seed = seed
        self._folder = folder
        self._panel: list[Scene] | None = None
        self._effects: dict[int, Tensor] = {}
        self._cues: dict[tuple[int, Place], Cue | None] = {}
        self._facts: dict[tuple[int, Place], _Facts] = {}
        self._outcomes: dict[tuple[int, Place], dict[int, float]] = {}

    def cue(self, label: int, where: Place) -> Cue | None:
        """The most telling place of a class and how its patch is planted; None where no image has such a place."""
        if (label, where) not in self._cues:
            self._cues[label, where] = self._search(label, where)
        return self._cues[label, where]

    def others(self, row: int, count: int) -> list[Scene]:
        """Panel images that do not show the class of an image, seeded by image."""
        entry = self._data.entries[row]
        free = [scene for scene in self._scenes() if entry.label not in scene.accepted and scene.row != row]
        key = f"{self._seed} {self._data.digest(row)} {entry.label} panel"
        return _drawn(free, count, key)

    def effects(self, sample: Sample) -> Tensor:
        """What hiding each place costs the image's own class, in log odds: (W,)."""
        if sample.index not in self._effects:
            region = _region(sample)
            hidden = hide(sample.pixels, region, self.places())
            odds = log_odds(self._predict(torch.cat([sample.pixels[None], hidden])), [sample.label] * (len(hidden) + 1))
            self._effects[sample.index] = odds[0] - odds[1:]
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
        if self._folder is None or not self._facts:
            return
        listed = []
        for key in sorted(self._facts):
            outcomes = self._outcomes.get(key, {})
            facts = self._facts[key]
            share = sum(outcomes[row] for row in sorted(outcomes)) / len(outcomes) if outcomes else facts.search_share
            listed.append(
                {
                    **asdict(facts),
                    "share": round(share, 4),
                    "images": len(outcomes),
                    "sentence": f"{facts.what} turns {100 * share:.0f} % of other images into {facts.class_name}",
                }
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"schema_version": 1, "cues": listed}, indent=2, allow_nan=False)
        (self._folder / "cues.json").write_text(text + "\n", encoding="utf-8")

    def _scenes(self) -> list[Scene]:
        if self._panel is None:
            rows = stratified_rows([entry.label for entry in self._data.entries], _PANEL, self._seed)
            samples = [sample for sample in map(self._data.sample, rows) if sample.region is not None]
            samples = samples or [self._data.sample(0)]
            predicted = self._predict(torch.stack([sample.pixels for sample in samples])).argmax(dim=1).tolist()
            self._panel = [
                Scene(
                    row=sample.index,
                    accepted=sample.accepted,
                    predicted=choice,
                    pixels=sample.pixels,
                    region=_region(sample),
                )
                for sample, choice in zip(samples, predicted, strict=True)
            ]
        return self._panel

    def _search(self, label: int, where: Place) -> Cue | None:
        members = [row for row, entry in enumerate(self._data.entries) if entry.label == label]
        rows = _drawn(members, _PER_CLASS, f"{self._seed} {label} searched")
        samples = [sample for sample in map(self._data.sample, sorted(rows)) if sample.region is not None]
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
        best: tuple[float, float, Cue, _Trial] | None = None
        for form in _FORMS[where]:
            cue = Cue(window=window, form=form)
            trials = [self._try(sample, cue, where) for sample in samples]
            told = [trial for trial in trials if trial is not None]
            if not told:
                continue
            share = sum(trial.share for trial in told) / len(told)
            rise = sum(trial.rise for trial in told) / len(told)
            # The plainest form that does it: repeating a patch must turn clearly more than showing it once.
            if best is None or share > best[0] + _CLEARLY or (best[0] == share == 0 and rise > best[1]):
                best = (share, rise, cue, max(told, key=lambda trial: (trial.share, trial.rise)))
        if best is None:
            return None
        share, rise, cue, shown = best
        self._facts[label, where] = self._keep(label, where, cue, shown, share, rise, float(mean[int(fixed)]))
        return cue

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
        logits = self._predict(torch.stack([*planted, *(target.pixels for target in targets)])).double()
        after, before = logits[: len(targets)], logits[len(targets) :]
        turned = [
            choice == sample.label and target.predicted != sample.label
            for choice, target in zip(after.argmax(dim=1).tolist(), targets, strict=True)
        ]
        labels = [sample.label] * len(targets)
        example = turned.index(True) if True in turned else 0
        return _Trial(
            sample=sample,
            place=place,
            share=sum(turned) / len(turned),
            rise=float((log_odds(after, labels) - log_odds(before, labels)).mean()),
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

    def _keep(
        self, label: int, where: Place, cue: Cue, shown: _Trial, share: float, rise: float, effect: float
    ) -> _Facts:
        name = next(name for name, index in self._data.classes.items() if index == label)
        stem = f"{where}-{label}-{re.sub(r'[^A-Za-z0-9_-]+', '_', name)[:40]}"
        place = shown.place
        files = {"source": f"{stem}-source.png", "patch": f"{stem}-patch.png"}
        files |= {"before": f"{stem}-before.png", "after": f"{stem}-after.png"}
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._save(files["source"], shown.sample.pixels)
            self._save(files["patch"], shown.sample.pixels[:, place.rows, place.columns])
            self._save(files["before"], shown.target.pixels)
            self._save(files["after"], shown.planted)
        return _Facts(
            place=where,
            label=label,
            class_name=name,
            form=cue.form,
            what=_what(cue.form, where, cue.window, shown.sample.pixels.shape[-2:]),
            box=(place.left, place.top, place.left + place.side, place.top + place.side),
            source_image=self._data.entries[shown.sample.index].image,
            source_row=shown.sample.index,
            target_image=self._data.entries[shown.target.row].image,
            target_row=shown.target.row,
            search_share=round(share, 4),
            log_odds_rise=round(rise, 4),
            log_odds_lost_when_hidden=round(effect, 4),
            files=files,
        )

    def _save(self, name: str, pixels: Tensor) -> None:
        if self._folder is None:
            return
        visible = (denormalize(pixels.cpu(), self._data.preprocessing).clamp(0, 1) * 255).round().to(torch.uint8)
        Image.fromarray(visible.permute(1, 2, 0).contiguous().numpy()).save(self._folder / name)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Trial:
    """The patch of one image, tried on a few others."""

    sample: Sample
    place: Window
    share: float
    rise: float
    target: Scene
    planted: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What is written about one class and place. `box` is (x0, y0, x1, y1) in the pixels of the model's input."""

    place: str
    label: int
    class_name: str
    form: str
    what: str
    box: tuple[int, int, int, int]
    source_image: str
    source_row: int
    target_image: str
    target_row: int
    search_share: float
    log_odds_rise: float
    log_odds_lost_when_hidden: float
    files: dict[str, str]


def log_odds(logits: Tensor, labels: Sequence[int]) -> Tensor:
    """Logit of each image's class minus the logarithm of the summed exponentials of the others, (M,), float64."""
    scores = logits.double().cpu()
    chosen = torch.tensor(labels)[:, None]
    others = scores.scatter(1, chosen, -torch.inf)
    return scores.gather(1, chosen)[:, 0] - others.logsumexp(dim=1)


def _region(sample: Sample) -> Tensor:
    if sample.region is None:
        return torch.zeros(sample.pixels.shape[-2:], dtype=torch.bool)
    return sample.region


def _drawn(items: Sequence[T], count: int, key: str) -> list[T]:
    """At most `count` of the items, seeded by a text."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big"))
    return [items[position] for position in rng.permutation(len(items))[:count].tolist()]


def _what(form: Form, where: Place, window: Window, size: Sequence[int]) -> str:
    if where == "inside":
        return "the colour of the object" if form == "tinted" else "a patch of the object"
    if form in ("own", "tinted"):
        return "a patch of the background" if form == "own" else "the colour of the background"
    vertical = _third(window.top + window.side / 2, size[0], "upper", "lower")
    horizontal = _third(window.left + window.side / 2, size[1], "left", "right")
    where_it_is = "the middle of the frame"
    if vertical and horizontal:
        where_it_is = f"the {vertical} {horizontal} corner"
    elif vertical or horizontal:
        where_it_is = f"the {vertical or horizontal} edge"
    return f"the pattern at {where_it_is}, repeated over the background," if form == "tiled" else where_it_is


def _third(position: float, length: int, low: str, high: str) -> str:
    share = position / length
    return low if share < 1 / 3 else high if share > 2 / 3 else ""
