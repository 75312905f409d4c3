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

_AT_ONCE = 64
"""Pictures that are asked about together, so that memory does not grow with classes."""


def follow(batch: Batch, look: Look, classes: int) -> Tensor:
    """Turns of each image to the classes whose look it takes on, less turns under the controls, a mean over classes.

    Notes what each image answers about each class it was given: `evidence`, `turned`, `control` and `operation`.

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
    for position, before in enumerate(batch.task.said(batch.logits)):
        exchanges = batch.exchanges(position, look, classes)
        if not exchanges:
            raise NotApplicable("no picture of another class, or of its own, can lend how it looks")
        images.append([])
        for one in exchanges:
            operation = math.nan if one.operation is None else float(one.operation)
            trial = _Trial(position=position, label=one.label, operation=operation)
            images[-1].append(trial)
            if one.label in before:
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
    return torch.tensor([_net(trials) for trials in images], dtype=torch.float64)


@dataclass(slots=True, kw_only=True)
class _Trial:
    """What one image answered about one class: whether it turned to it, and whether under the control.

    NaN where it was taken for the class before, and cannot turn to it; 0 where the class has nothing to be followed.
    """

    position: int
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
    pictures: dict[int, Tensor] = {}
    for _, one in waiting:
        pictures.update({id(picture): picture for picture in (one.changed, one.control) if picture is not None})
    if not pictures:
        return
    said = dict(zip(pictures, batch.task.said(batch.predict(torch.stack(list(pictures.values())))), strict=True))
    for trial, one in waiting:
        trial.turned = float(trial.label in said[id(one.changed)])
        trial.control = float(trial.label in said[id(one.control)])


def _net(trials: Sequence[_Trial]) -> float:
    """Turns minus turns under the control, a mean over the classes that the image could turn to."""
    told = [one.turned - one.control for one in trials if not math.isnan(one.turned)]
    return sum(told) / len(told) if told else 0.0
