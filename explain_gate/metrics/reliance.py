"""Reliance: what does the model's behaviour depend on? No gradients, so a manipulated backward pass cannot fool it."""

from __future__ import annotations

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
    same_right, other_right, followed = [], [], []
    for position in range(region.shape[0]):
        accepted = set(batch.accepted[position])
        on_same = _predictions(region, batch, position, donors, same_class=True)
        on_other = _predictions(region, batch, position, donors, same_class=False)
        same_right.append(_share(predicted in accepted for _, predicted in on_same))
        other_right.append(_share(predicted in accepted for _, predicted in on_other))
        followed.append(_share(predicted == donor for donor, predicted in on_other))
    return _Exchange(
        right_on_same=torch.tensor(same_right, dtype=torch.float64),
        right_on_other=torch.tensor(other_right, dtype=torch.float64),
        followed=torch.tensor(followed, dtype=torch.float64),
    )


def _predictions(
    region: Tensor, batch: Batch, position: int, donors: int, *, same_class: bool
) -> list[tuple[int, int]]:
    """(class of the donor, prediction) for one image on the backgrounds of its donors."""
    found = [batch.background(position, same_class=same_class, draw=draw) for draw in range(donors)]
    usable = [donor for donor in found if donor is not None]
    if not usable:
        kind = "its own class" if same_class else "another class"
        raise NotMeasurable(f"no other image of {kind} with a region to take a background from")
    pictures = torch.stack([picture for _, picture in usable])
    mixed = torch.where(region[position], batch.pixels[position], pictures)
    predicted = batch.predict(mixed).argmax(dim=1).tolist()
    return [(label, choice) for (label, _), choice in zip(usable, predicted, strict=True)]


def _share(outcomes: object) -> float:
    values = [float(outcome) for outcome in outcomes]  # type: ignore[attr-defined]
    return sum(values) / len(values)
