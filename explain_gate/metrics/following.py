"""Do answers follow how a whole picture looks? Reliance on what cameras, codecs and studios left on a class's pictures.

Every image takes on how pictures of another class look, and, as its control, how pictures of its own class look, as
strongly: what turns it only under the first is followed, what turns it under both is damage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from explain_gate.errors import NotApplicable
from explain_gate.metrics.batch import Batch, Exchange, Look, by_class
from explain_gate.metrics.patches import Place
from explain_gate.records import Truth

_AT_ONCE = 64
"""Pictures that are asked about together, so that memory does not grow with classes."""


def follow(batch: Batch, look: Look, classes: int) -> Tensor:
    """Turns of each image to the classes whose look it takes on, less turns under the controls, a mean over classes.

    Notes what each image answers about each class it was given: `evidence`, `turned`, `control` and `operation`; what
    patches did is told to the report.

    Args:
        batch: is asked for the exchanged pictures, and one forward for each.
        look: what is taken on.
        classes: other classes that an image is given the look of, at least 1.

    Returns:
        (N,), in [-1, 1]; 0 where there is nothing to be followed.

    Raises:
        NotApplicable: no picture can lend how it looks.
    """
    if classes < 1:
        raise ValueError(f"classes must be at least 1, got {classes}")
    images: list[list[_Trial]] = []
    waiting: list[tuple[_Trial, Exchange]] = []
    batch.task.may_turn(batch.logits, batch.labels)  # scores that have no classes to turn to say so here
    for position, truth in enumerate(batch.truths):
        exchanges = batch.exchanges(position, look, classes)
        if not exchanges:
            raise NotApplicable("no picture of another class, or of its own, can lend how it looks")
        images.append([])
        own = batch.logits[position].expand(len(exchanges), -1)
        able = batch.task.may_turn(own, torch.tensor([one.label for one in exchanges])).tolist()
        for one, may_turn in zip(exchanges, able, strict=True):
            operation = math.nan if one.operation is None else float(one.operation)
            trial = _Trial(position=position, truth=truth, label=one.label, operation=operation)
            images[-1].append(trial)
            if not may_turn:
                trial.turned = trial.control = math.nan
            elif one.changed is not None:
                waiting.append((trial, one))
        if len(waiting) >= _AT_ONCE:
            _ask(batch, waiting)
            waiting = []
    _ask(batch, waiting)
    for name in ("evidence", "turned", "control", "operation"):
        values, about = by_class([{one.label: getattr(one, name) for one in trials} for trials in images])
        batch.note(name, values, about=about)
    if look in ("outside", "inside"):
        _tell(batch, look, images)
    return torch.tensor([_net(trials) for trials in images], dtype=torch.float64)


@dataclass(slots=True, kw_only=True)
class _Trial:
    """What one image answered about one class: whether it turned to it, and whether under the control.

    NaN where it was taken for the class before, and cannot turn to it; 0 where the class has nothing to be followed.
    """

    position: int
    truth: Truth
    label: int
    operation: float
    turned: float = 0.0
    control: float = 0.0

    @property
    def evidence(self) -> float:
        """1 where the image turned, and not under the control."""
        return self.turned * (1 - self.control)


def _ask(batch: Batch, waiting: Sequence[tuple[_Trial, Exchange]]) -> None:
    """Fill in trials; a control that several share is asked about once."""
    pictures: dict[int, tuple[Tensor, Truth]] = {}
    for trial, one in waiting:
        both = (picture for picture in (one.changed, one.control) if picture is not None)
        pictures.update({id(picture): (picture, trial.truth) for picture in both})
    if not pictures:
        return
    columns = batch.predict(
        torch.stack([picture for picture, _ in pictures.values()]), [truth for _, truth in pictures.values()]
    )
    place = {key: position for position, key in enumerate(pictures)}
    before = batch.logits[[trial.position for trial, _ in waiting]]
    labels = torch.tensor([trial.label for trial, _ in waiting])
    for name in ("changed", "control"):
        after = columns[[place[id(getattr(one, name))] for _, one in waiting]]
        turned = batch.task.turned(before, after, labels).tolist()
        for (trial, _), answer in zip(waiting, turned, strict=True):
            setattr(trial, "turned" if name == "changed" else "control", float(answer))


def _tell(batch: Batch, place: Place, images: Sequence[Sequence[_Trial]]) -> None:
    for position, trials in enumerate(images):
        batch.note_cue(position, place, {one.label: one.turned for one in trials if not math.isnan(one.turned)})


def _net(trials: Sequence[_Trial]) -> float:
    """Turns minus turns under the control, a mean over the classes that the image could turn to."""
    told = [one.turned - one.control for one in trials if not math.isnan(one.turned)]
    return sum(told) / len(told) if told else 0.0
