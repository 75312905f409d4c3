"""Reliance: what does the model's behaviour depend on? No gradients, so a manipulated backward pass cannot fool it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from explain_gate.errors import NotMeasurable
from explain_gate.metrics.batch import Batch


def background_gap(region: Tensor, batch: Batch, *, donors: int = 5) -> Tensor:
    """Accuracy on backgrounds of the same class minus accuracy on backgrounds of other classes (Xiao 2020).

    The object is cut out by its region and put on donors' pictures, whose own objects are filled in; mean over
    seeded donors.

    Returns:
        (N,), in [-1, 1], lower is better; 0 where backgrounds do not matter.
    """
    exchange = _exchange(region, batch, donors)
    return exchange.right_on_same - exchange.right_on_other


def background_follow(region: Tensor, batch: Batch, *, donors: int = 5) -> Tensor:
    """Share of predictions that turn to the class of the background's donor.

    Returns:
        (N,), in [0, 1], lower is better.
    """
    return _exchange(region, batch, donors).followed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Exchange:
    """What the model did on exchanged backgrounds; (N,) each."""

    right_on_same: Tensor
    right_on_other: Tensor
    followed: Tensor


def _exchange(region: Tensor, batch: Batch, donors: int) -> _Exchange:
    if donors < 1:
        raise ValueError(f"donors must be at least 1, got {donors}")
    return batch.remember(("exchange", donors), lambda: _measure_exchange(region, batch, donors))


def _measure_exchange(region: Tensor, batch: Batch, donors: int) -> _Exchange:
    mixed: list[Tensor] = []
    spans: list[tuple[list[int], list[int]]] = []  # classes of the donors of each image: same class, other classes
    for position in range(region.shape[0]):
        same = _donors(batch, position, donors, same_class=True)
        other = _donors(batch, position, donors, same_class=False)
        spans.append(([label for label, _ in same], [label for label, _ in other]))
        for _, picture in (*same, *other):
            mixed.append(torch.where(region[position], batch.pixels[position], picture.to(batch.pixels.device)))
    predicted = iter(batch.predict(torch.stack(mixed)).argmax(dim=1).tolist())
    same_right, other_right, followed = [], [], []
    for accepted, (same_labels, other_labels) in zip(batch.accepted, spans, strict=True):
        on_same = [next(predicted) for _ in same_labels]
        on_other = [next(predicted) for _ in other_labels]
        same_right.append(_share(choice in accepted for choice in on_same))
        other_right.append(_share(choice in accepted for choice in on_other))
        followed.append(_share(choice == donor for choice, donor in zip(on_other, other_labels, strict=True)))
    return _Exchange(
        right_on_same=torch.tensor(same_right, dtype=torch.float64),
        right_on_other=torch.tensor(other_right, dtype=torch.float64),
        followed=torch.tensor(followed, dtype=torch.float64),
    )


def _donors(batch: Batch, position: int, count: int, *, same_class: bool) -> Sequence[tuple[int, Tensor]]:
    found = batch.backgrounds(position, same_class=same_class, count=count)
    if not found:
        kind = "its own class" if same_class else "another class"
        raise NotMeasurable(f"no other image of {kind} has a background to take")
    return found


def _share(outcomes: Iterable[bool]) -> float:
    values = list(outcomes)
    return sum(values) / len(values)
