"""Twins: two pictures of one object that differ in a cue alone, the cue of its own class and that of another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from explain_gate.attribution.base import Probe
from explain_gate.errors import DataError
from explain_gate.measuring.asking.backgrounds import Backgrounds
from explain_gate.measuring.job import Job
from explain_gate.metrics.patches import Window, plant, windows
from explain_gate.records import Sample

Cue = Literal["background", "patch"]
_TRIED_ON = 8
"""Images that say which place of the frame tells most; the study then leaves them out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Twins:
    """One object with its own class's cue, and with that of class `other`. Shapes: base, twin (C, H, W)."""

    sample: Sample
    region: Tensor
    other: int
    base: Tensor
    twin: Tensor


def background_twins(job: Job, rows: Sequence[int], folder: Path) -> Iterator[Twins]:
    """Each object on the background of another image of its class, and on that of one of another class.

    Both are cut and pasted alike, so that the seam is no difference. Images without a region, or for which nobody has a
    background to lend, are left out.
    """
    size = job.data.first().pixels.shape[-2:]
    lent = Backgrounds(job.data, folder, seed=job.seed, size=(size[0], size[1]))
    for row in rows:
        sample = job.data.sample(row)
        own = lent.donors(row, same_class=True, count=1)
        others = lent.donors(row, same_class=False, count=1)
        if sample.region is not None and own and others:
            base, twin = (torch.where(sample.region, sample.pixels, one[0][1]) for one in (own, others))
            yield Twins(sample=sample, region=sample.region, other=others[0][0], base=base, twin=twin)


def patch_twins(job: Job, rows: Sequence[int], place: Window) -> Iterator[Twins]:
    """Each image as it is, and with the part of an image of another class at `place`, behind its object."""
    for row in rows:
        sample, donor = job.data.sample(row), _donor(job, row)
        if sample.region is None or donor is None or donor.region is None:
            continue
        twin = plant(sample.pixels, sample.region, donor.pixels, donor.region, place, form="fixed", where="outside")
        yield Twins(sample=sample, region=sample.region, other=donor.label, base=sample.pixels, twin=twin)


def telling_place(job: Job, rows: Sequence[int], probe: Probe) -> tuple[Window, list[int]]:
    """The square of the frame whose patches take most from the margin, and the rows that did not choose it.

    Raises:
        DataError: too few images to choose on some and measure on others.
    """
    chosen = job.data.lowest(rows, min(_TRIED_ON, len(rows) // 2), seed=job.seed, purpose="telling place")
    left = [row for row in rows if row not in chosen]
    size = job.data.first().pixels.shape[-2:]
    places = windows(size[0], size[1])
    falls = torch.zeros(len(places), dtype=torch.float64)
    for number, place in enumerate(places):
        for twins in patch_twins(job, chosen, place):
            falls[number] += effect(job, probe, twins)
    if not chosen or not left:
        raise DataError(f"study modules --cue patch needs at least two images that can be used, got {len(rows)}")
    return places[int(falls.argmax())], left


def effect(job: Job, probe: Probe, twins: Twins) -> float:
    """How far the cue moves the margin of the object's class over the cue's."""
    targets = job.task.targets([twins.sample.truth] * 2)
    columns = probe.logits(torch.stack([twins.base, twins.twin]), targets).double()
    margins = columns[:, twins.sample.label] - columns[:, twins.other]
    return float(margins[0] - margins[1])


def _donor(job: Job, row: int) -> Sample | None:
    entries, entry = job.data.entries, job.data.entries[row]
    others = [other for other, one in enumerate(entries) if one.label not in entry.accepted and one.shapes]
    drawn = job.data.lowest(others, 1, seed=job.seed, own=job.data.key(row), purpose="patch of another class")
    return job.data.sample(drawn[0]) if drawn else None
