"""Images on backgrounds of their own class and of others: what the model does there, measured once for all metrics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from explain_gate.errors import NotApplicable
from explain_gate.metrics.batch import Batch, by_class


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OnBackgrounds:
    """What the model did on exchanged backgrounds; (N,) each, means over donors.

    One trial of each kind answers for the image: `first_right_on_same` and `first_right_on_other` (N,), and `turned`
    (N, A), whether the first background of each class that was `given` (N, A) turned the image to it, and the first of
    its own did not; NaN where it was taken for the class before, or was given fewer classes than another image.
    """

    right_on_same: Tensor
    right_on_other: Tensor
    followed: Tensor
    strength_on_same: Tensor
    strength_on_other: Tensor
    margin_on_same: Tensor
    margin_on_other: Tensor
    first_right_on_same: Tensor
    first_right_on_other: Tensor
    turned: Tensor
    given: Tensor


def on_backgrounds(region: Tensor, batch: Batch, donors: int) -> OnBackgrounds:
    """What the model does with every object on `donors` backgrounds of either kind; measured once a batch.

    Shapes: region (N, H, W), bool.
    """
    if donors < 1:
        raise ValueError(f"donors must be at least 1, got {donors}")
    return batch.remember(("exchange", donors), lambda: _measured(region, batch, donors))


def donors_of(batch: Batch, position: int, count: int, *, same_class: bool) -> Sequence[tuple[int, Tensor]]:
    """Up to `count` (class, picture (C, H, W) without its object) to take a background from.

    Raises:
        NotApplicable: no image of the kind has one.
    """
    pictures = batch.backgrounds(position, same_class=same_class, count=count)
    if not pictures:
        kind = "its own class" if same_class else "another class"
        raise NotApplicable(f"no other image of {kind} has a background to take")
    return pictures


def right_elsewhere(region: Tensor, batch: Batch) -> Tensor:
    """Whether each image is right on the background of one of another class, (N,); 0 where there is none to take."""
    right = torch.zeros(len(batch.labels), dtype=torch.float64)
    lent = {
        position: picture
        for position in range(len(batch.labels))
        for _, picture in batch.backgrounds(position, same_class=False, count=1)
    }
    if lent:
        mixed = [
            torch.where(region[position].to(picture.device), batch.pixels[position].to(picture.device), picture)
            for position, picture in lent.items()
        ]
        truths = [batch.truths[position] for position in lent]
        right[list(lent)] = batch.task.right(batch.predict(torch.stack(mixed), truths), truths).double().cpu()
    return right


def share(outcomes: Iterable[float]) -> float:
    """Mean of at least one outcome, in plain floats."""
    values = list(outcomes)
    return sum(values) / len(values)


_TRIALS = ("turned", "given")


def _measured(region: Tensor, batch: Batch, donors: int) -> OnBackgrounds:
    means: dict[str, list[float]] = {name: [] for name in OnBackgrounds.__dataclass_fields__ if name not in _TRIALS}
    turns: list[dict[int, float]] = []
    for position, truth in enumerate(batch.truths):
        same = donors_of(batch, position, donors, same_class=True)
        other = donors_of(batch, position, donors, same_class=False)
        pixels = batch.pixels[position]
        mixed = [
            torch.where(region[position].to(pixels.device), pixels, picture.to(pixels.device))
            for _, picture in (*same, *other)
        ]
        truths = [truth] * len(mixed)
        scores = batch.predict(torch.stack(mixed), truths).double()
        own = torch.full((len(scores),), truth.label)
        right = batch.task.right(scores, truths).tolist()
        right_on_same, right_on_other = right[: len(same)], right[len(same) :]
        trials = [
            _trial(batch, position, donor, scores[len(same) + which], scores[: len(same)])
            for which, (donor, _) in enumerate(other)
        ]
        strength, margin = batch.task.strength(scores, own), batch.task.margin(scores, own)
        means["right_on_same"].append(share(right_on_same))
        means["right_on_other"].append(share(right_on_other))
        net = [turned - share(controls) for turned, controls in trials if not math.isnan(turned)]
        means["followed"].append(sum(net) / len(net) if net else 0.0)
        for name, values in (("strength", strength), ("margin", margin)):
            means[f"{name}_on_same"].append(float(values[: len(same)].mean()))
            means[f"{name}_on_other"].append(float(values[len(same) :].mean()))
        means["first_right_on_same"].append(right_on_same[0])
        means["first_right_on_other"].append(right_on_other[0])
        turns.append({})
        for (turn, controls), (donor, _) in zip(trials, other, strict=True):
            turns[-1].setdefault(donor, turn * (not controls[0]))
    columns = {name: torch.tensor(values, dtype=torch.float64) for name, values in means.items()}
    turned, given = by_class(turns)
    return OnBackgrounds(**columns, turned=turned, given=given)


def _trial(batch: Batch, position: int, donor: int, on_other: Tensor, on_same: Tensor) -> tuple[float, list[bool]]:
    """Whether one image turned to a donor's class on its background, and on each of its own class's.

    NaN where the image was taken for the class before. Shapes: on_other (C,), on_same (S, C), the task's columns.
    """
    after = torch.cat([on_other[None], on_same])
    before = batch.logits[position].to(after).expand_as(after)
    labels = torch.full((len(after),), donor)
    may_turn = bool(batch.task.may_turn(before, labels)[0])
    turned, *controls = batch.task.turned(before, after, labels).tolist()
    return float(turned) if may_turn else math.nan, controls
