"""Which part of a network carries a cue: activations exchanged between an object with one class's cue and another's.

Interchange intervention (Vig 2020, Geiger 2021): the network sees the twin, whose cue is of another class, and one part
puts out what it put out for the base. The share of the cue's effect on the margin that this takes back says how much of
the cue passes there: everywhere, at the places beside the object, or at those on it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from explain_gate.attribution.base import Probe
from explain_gate.errors import DataError, OptionError
from explain_gate.measuring.device import pick_device
from explain_gate.measuring.job import Job
from explain_gate.measuring.progress import Progress
from explain_gate.metrics.patches import Window
from explain_gate.studies.blocks import Block, exchanged, find_blocks, places_of, read
from explain_gate.studies.channels import Ablated, ablate_channels, choose_channels, halves
from explain_gate.studies.honest_head import HonestHead, honest_head
from explain_gate.studies.kept import Kept
from explain_gate.studies.shares import share_of
from explain_gate.studies.twins import Cue, Twins, background_twins, patch_twins, telling_place

WAYS = ("whole", "beside", "on")
"""Where a part's output is exchanged: everywhere, at the places beside the object, at those on it."""
LEAST_EFFECT = 0.01
"""Of the margin itself: what moves it less is no cue that anybody would look for."""
_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """Share of the cue's effect that one part takes back, by way, and its 95 % interval; None where it cannot be."""

    block: Block
    share: Mapping[str, float | None]
    interval: Mapping[str, tuple[float, float] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModulesRecord:
    """What the study found.

    `effect` is the mean fall of the margin of the object's class over the cue's, in logits; `answered`, whether that is
    more than chance and than LEAST_EFFECT of the margin, without which no share is told. `head` is the last layer.
    `channels` are told of each part that has some, of half of the images.
    """

    model: str
    model_digest: str
    cue: Cue
    place: Window | None
    images: int
    left_out: int
    seed: int
    effect: float
    effect_interval: tuple[float, float] | None
    answered: bool
    head: str
    honest: HonestHead
    parts: tuple[Restored, ...]
    channels: tuple[Ablated, ...]


def study_modules(job: Job, folder: Path, *, cue: Cue, images: int, progress: Progress) -> ModulesRecord:
    """Measure; what was measured before a kill is gone on from.

    Args:
        job: one model version on one set.
        folder: where images.jsonl is kept.
        cue: an exchanged background, or a planted patch.
        images: most images, spread over the classes.
        progress: told of every image.

    Raises:
        OptionError: the task has no margin between two classes.
        DataError: no image has a twin.
        ModelError: no part of the network can be read.
    """
    if job.task.name != "classification":
        raise OptionError(
            f"study modules compares two classes' scores: model.task must be classification, got {job.task.name}"
        )
    place_of_work = pick_device(job.compute.device)
    job.model.module.to(place_of_work)
    with (
        Probe(job.model.module, target=job.target, task=job.task, fold_norms=False, seed=job.seed) as probe,
        tempfile.TemporaryDirectory(prefix="explain-gate-") as scratch,
    ):
        drawn = job.data.stratified(images, seed=job.seed, purpose="study modules")
        place, rows = telling_place(job, drawn, probe) if cue == "patch" else (None, list(drawn))
        first = job.data.first()
        blocks, head = find_blocks(probe, first.pixels[None], job.task.targets([first.truth]))
        asked = _asked(job, rows, cue, place, blocks)
        kept = Kept(folder / "images.jsonl", asked)

        def twins_of(some: Sequence[int]) -> Iterator[Twins]:
            return background_twins(job, some, Path(scratch)) if place is None else patch_twins(job, some, place)

        twins = twins_of([row for row in rows if job.data.key(row) not in kept.answers])
        while batch := list(islice(twins, _AT_ONCE)):
            for one, answer in zip(batch, _exchange(job, probe, batch, blocks, head), strict=True):
                kept.keep(job.data.key(one.sample.index), answer)
            progress.advance("exchanging parts", len(kept.answers), len(rows))
        known = [row for row in rows if job.data.key(row) in kept.answers]
        if not known:
            raise DataError(
                "study modules: no image has a region and a twin: draw regions, or use a set of two classes"
            )
        if len(known) < len(rows):  # those that were left out are done too
            progress.advance("exchanging parts", len(rows), len(rows))
        answers = [kept.answers[job.data.key(row)] for row in known]
        record = _record(job, answers, blocks, head, cue=cue, place=place, left_out=len(rows) - len(answers))
        if not record.answered:
            return record
        choose, ask = halves(job, known)
        chosen = choose_channels(job, probe, twins_of(choose), blocks, head)
        out = Kept(folder / "channels.jsonl", {**asked, "channels": {one.part: one.groups for one in chosen}})
        keys = [job.data.key(row) for row in ask]
        ablated = ablate_channels(job, probe, twins_of(ask), chosen, kept=out, keys=keys, cue=cue, progress=progress)
        return replace(record, channels=ablated)


def _asked(job: Job, rows: Sequence[int], cue: Cue, place: Window | None, blocks: Sequence[Block]) -> dict[str, Any]:
    """All that an image's numbers depend on."""
    return {
        "model": job.model.digest,
        "set": [job.data.key(row) for row in rows],
        "cue": [cue, asdict(place) if place else None],
        "seed": job.seed,
        "blocks": [block.name for block in blocks],
    }


def _exchange(
    job: Job, probe: Probe, batch: Sequence[Twins], blocks: Sequence[Block], head: str
) -> list[dict[str, Any]]:
    """For each image: margins with either cue and with each part exchanged; what enters the head; right or not."""
    module, names = probe.module, tuple(block.name for block in blocks)
    truths = [one.sample.truth for one in batch]
    targets = job.task.targets(truths).to(probe.device)
    own = torch.tensor([one.sample.label for one in batch])
    other = torch.tensor([one.other for one in batch])
    regions = torch.stack([one.region for one in batch]).to(probe.device)

    def margins(columns: torch.Tensor) -> list[float]:
        scores, each = columns.double().cpu(), torch.arange(len(batch))
        return (scores[each, own] - scores[each, other]).tolist()

    base = probe.prepare(torch.stack([one.base for one in batch]))
    twin = probe.prepare(torch.stack([one.twin for one in batch]))
    with torch.no_grad():
        with read(module, names, head) as (outputs, features):
            on_base, given = probe.columns(base, targets), dict(outputs)
            on_twin = probe.columns(twin.clone(), targets)
            entering = [one.flatten(1).double().cpu() for one in features]
        after: dict[str, dict[str, list[float]]] = {}
        for block in blocks:
            places = places_of(regions, block.shape)
            ways = {"whole": None} if places is None else {"whole": None, "beside": places[1], "on": places[0]}
            after[block.name] = {}
            for way, where in ways.items():
                with exchanged(module, block.name, given[block.name], where):
                    after[block.name][way] = margins(probe.columns(twin.clone(), targets))
    right = [job.task.right(columns.cpu(), truths).double().tolist() for columns in (on_base, on_twin)]
    before = (margins(on_base), margins(on_twin))
    return [
        {
            "label": one.sample.label,
            "base": before[0][at],
            "twin": before[1][at],
            "right": [right[0][at], right[1][at]],
            "features": [entering[0][at].tolist(), entering[1][at].tolist()],
            "parts": {name: {way: values[at] for way, values in ways.items()} for name, ways in after.items()},
        }
        for at, one in enumerate(batch)
    ]


def _record(
    job: Job,
    answers: Sequence[dict[str, Any]],
    blocks: Sequence[Block],
    head: str,
    *,
    cue: Cue,
    place: Window | None,
    left_out: int,
) -> ModulesRecord:
    base, twin = (np.array([one[name] for one in answers]) for name in ("base", "twin"))
    whole = base - twin
    effect, interval = _mean(whole, job.seed)
    answered = interval is not None and interval[0] > 0 and effect >= LEAST_EFFECT * float(np.abs(base).mean())
    parts = []
    for block in blocks:
        ways = [way for way in WAYS if way in answers[0]["parts"][block.name]]
        told = {
            way: share_of(np.array([one["parts"][block.name][way] for one in answers]) - twin, whole, seed=job.seed)
            if answered
            else (None, None)
            for way in ways
        }
        parts.append(
            Restored(
                block=block,
                share={way: told[way][0] if way in told else None for way in WAYS},
                interval={way: told[way][1] if way in told else None for way in WAYS},
            )
        )
    features = [np.array([one["features"][side] for one in answers]) for side in (0, 1)]
    right = [np.array([one["right"][side] for one in answers]) for side in (0, 1)]
    labels = np.array([one["label"] for one in answers])
    return ModulesRecord(
        model=job.model.name,
        model_digest=job.model.digest,
        cue=cue,
        place=place,
        images=len(answers),
        left_out=left_out,
        seed=job.seed,
        effect=effect,
        effect_interval=interval,
        answered=answered,
        head=head,
        honest=honest_head(features[0], features[1], labels, (right[0], right[1]), seed=job.seed),
        parts=tuple(parts),
        channels=(),
    )


def _mean(values: np.ndarray[Any, np.dtype[np.float64]], seed: int) -> tuple[float, tuple[float, float] | None]:
    _, interval = share_of(values, np.ones(len(values)), seed=seed)
    return float(values.mean()), interval
