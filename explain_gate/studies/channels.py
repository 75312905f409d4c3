"""Channels that answer to a cue: chosen on one half of the images, taken out on the other, beside as many random ones.

A channel answers to the cue as far as its mean over places differs between an object with its own class's cue and with
another's, in standard deviations of the channel. It is taken out by putting its mean in its place at every place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explain_gate.attribution.base import Probe
from explain_gate.measuring.job import Job
from explain_gate.measuring.progress import Progress
from explain_gate.metrics.fill import inpaint
from explain_gate.seeds import seed_of
from explain_gate.studies.blocks import Block, channel_axis, channels_of, read, without_channels
from explain_gate.studies.kept import Kept
from explain_gate.studies.shares import share_of
from explain_gate.studies.twins import Cue, Twins

SHARE = 1 / 16
"""Of a part's channels, at least one, that is taken out."""
DRAWS = 2
"""Of as many random channels, which the control is the mean of."""
_AT_ONCE = 8
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablated:
    """One part without the channels that answer to the cue most.

    `gone` is the share of the cue's effect that goes with them, with its interval, `gone_random` that of random ones,
    and `more` the interval of what goes beyond these, paired by image.
    `right` are shares of right answers without the cue: of the whole network, without these channels, without random
    ones.
    """

    part: str
    channels: tuple[int, ...]
    of: int
    gone: float | None
    interval: tuple[float, float] | None
    gone_random: float | None
    more: tuple[float, float] | None
    right: tuple[float, float, float]
    images: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chosen:
    """What is taken out of one part: the channels that answer most, then as many random ones a draw; and all means.

    `axis` is where channels lie in the part's output. Shapes: means (C,).
    """

    part: str
    axis: int
    groups: tuple[tuple[int, ...], ...]
    means: Tensor


def halves(job: Job, rows: Sequence[int]) -> tuple[list[int], list[int]]:
    """Rows that choose channels, and rows that are asked without them: every other one of each class, drawn."""
    choose: list[int] = []
    for label in dict.fromkeys(job.data.entries[row].label for row in rows):
        own = [row for row in rows if job.data.entries[row].label == label]
        choose += job.data.lowest(own, len(own) // 2, seed=job.seed, purpose="channels of a cue")
    return choose, [row for row in rows if row not in choose]


def choose_channels(
    job: Job, probe: Probe, twins: Iterator[Twins], blocks: Sequence[Block], head: str
) -> tuple[Chosen, ...]:
    """By part that has channels; those of the head are classes, and left out."""
    size = job.data.first().pixels.shape[-2:]
    places = {block.name: channel_axis(block.shape, (size[0], size[1])) for block in blocks if block.name != head}
    axes = {name: axis for name, axis in places.items() if axis is not None}
    sides: dict[str, list[list[Tensor]]] = {name: [[], []] for name in axes}
    while batch := list(islice(twins, _AT_ONCE)):
        targets = job.task.targets([one.sample.truth for one in batch]).to(probe.device)
        for side in (0, 1):
            pictures = torch.stack([one.twin if side else one.base for one in batch])
            with torch.no_grad(), read(probe.module, tuple(axes), head) as (outputs, _):
                probe.columns(probe.prepare(pictures), targets)
            for name, output in outputs.items():
                sides[name][side].append(channels_of(output, axes[name]).double().cpu())
    means = {name: [torch.cat(parts) for parts in pair] for name, pair in sides.items() if pair[0]}
    return tuple(
        _chosen(name, axes[name], base, twin, job.seed) for name, (base, twin) in means.items() if base.shape[1] > 1
    )


def ablate_channels(
    job: Job,
    probe: Probe,
    twins: Iterator[Twins],
    chosen: Sequence[Chosen],
    *,
    kept: Kept,
    keys: Sequence[str],
    cue: Cue,
    progress: Progress,
) -> tuple[Ablated, ...]:
    """Take channels out on images that did not choose them; what was measured before a kill is gone on from.

    Args:
        job: of the model and the set.
        probe: of the model, entered.
        twins: of the images that did not choose.
        chosen: of each part.
        kept: each image's numbers so far.
        keys: of all images.
        cue: what the twins differ in.
        progress: told of every image.
    """
    waiting = (one for one in twins if job.data.key(one.sample.index) not in kept.answers)
    while batch := list(islice(waiting, _AT_ONCE)):
        for one, answer in zip(batch, _without(job, probe, batch, chosen, cue), strict=True):
            kept.keep(job.data.key(one.sample.index), answer)
        progress.advance("taking channels out", len(kept.answers), len(keys))
    answers = [kept.answers[key] for key in keys if key in kept.answers]
    return tuple(_ablated(one, answers, job.seed) for one in chosen) if answers else ()


def _chosen(part: str, axis: int, base: Tensor, twin: Tensor, seed: int) -> Chosen:
    """Shapes: base, twin (N, C), means over places."""
    both = torch.cat([base, twin])
    answer = (base - twin).abs().mean(dim=0) / both.std(dim=0).clamp_min(1e-12)
    count = max(1, round(SHARE * len(answer)))
    order = answer.argsort(descending=True, stable=True)
    others = order[count:]
    groups = [tuple(order[:count].tolist())]
    for draw in range(DRAWS):
        generator = torch.Generator().manual_seed(seed_of(seed, part, f"random channels {draw}"))
        groups.append(tuple(others[torch.randperm(len(others), generator=generator)[:count]].tolist()))
    return Chosen(part=part, axis=axis, groups=tuple(groups), means=both.mean(dim=0).float())


def _without(
    job: Job, probe: Probe, batch: Sequence[Twins], chosen: Sequence[Chosen], cue: Cue
) -> list[dict[str, Any]]:
    """For each image: the cue's effect and whether it is right without the cue, as it is and without channels."""
    truths = [one.sample.truth for one in batch]
    targets = job.task.targets(truths).to(probe.device)
    own = torch.tensor([one.sample.label for one in batch])
    other = torch.tensor([one.other for one in batch])
    each = torch.arange(len(batch))
    pictures = [
        probe.prepare(torch.stack(side))
        for side in (
            [one.base for one in batch],
            [one.twin for one in batch],
            [_without_cue(one, cue) for one in batch],
        )
    ]

    def asked() -> tuple[list[float], list[float]]:
        with torch.no_grad():
            columns = [probe.columns(one.clone(), targets).double().cpu() for one in pictures]
        base, twin = (one[each, own] - one[each, other] for one in columns[:2])
        return (base - twin).tolist(), job.task.right(columns[2], truths).tolist()

    before, after = asked(), []
    for one in chosen:
        groups = []
        for group in one.groups:
            with without_channels(probe.module, one.part, one.axis, group, one.means):
                groups.append(asked())
        after.append(groups)
    return [
        {
            "effect": before[0][at],
            "right": before[1][at],
            "parts": {
                one.part: [[effects[at], right[at]] for effects, right in groups]
                for one, groups in zip(chosen, after, strict=True)
            },
        }
        for at in range(len(batch))
    ]


def _without_cue(one: Twins, cue: Cue) -> Tensor:
    """The object alone, its surroundings of the picture's mean; the picture as it is where the cue was planted."""
    if cue == "patch":
        return one.base
    pixels = one.sample.pixels
    grey = inpaint(pixels[None], torch.ones_like(one.region)[None])[0]
    return torch.where(one.region, pixels, grey)


def _ablated(one: Chosen, answers: Sequence[dict[str, Any]], seed: int) -> Ablated:
    whole = np.array([answer["effect"] for answer in answers])
    left = np.array([answer["parts"][one.part] for answer in answers])  # (N, groups, 2)
    gone, interval = share_of(whole - left[:, 0, 0], whole, seed=seed)
    at_random = left[:, 1:, 0].mean(axis=1)
    random, _ = share_of(whole - at_random, whole, seed=seed)
    _, more = share_of(at_random - left[:, 0, 0], whole, seed=seed)
    return Ablated(
        part=one.part,
        channels=one.groups[0],
        of=len(one.means),
        gone=gone,
        interval=interval,
        gone_random=random,
        more=more,
        right=(
            float(np.mean([answer["right"] for answer in answers])),
            float(left[:, 0, 1].mean()),
            float(left[:, 1:, 1].mean()),
        ),
        images=len(answers),
    )
