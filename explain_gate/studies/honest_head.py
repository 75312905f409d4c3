"""Backbone or head: would a head that is trained to be honest, on the features as they are, do without the cue?

Only the last layer is fitted again, as in last-layer retraining (Kirichenko 2023): where the features hold the object,
an honest head finds it, so that the old head chose the cue; where none does, the backbone has lost the object.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from explain_gate.studies.shares import share_of

Values = NDArray[np.float64]
FOLDS = 5
LEAST = 10
"""Images below which no head is fitted."""
_RIDGE = 0.1
"""Of the features' mean square: enough to be stable where there are more features than pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HonestHead:
    """Accuracies, and which part carries the cue.

    `own`, `on_base`, `on_twin`: the model's head, over both, with its own class's cue and with the other's; `honest`:
    the fitted head on images that it was not fitted on, over both. `regained` is the share of what the cue costs that
    the fitted head gets back, with its interval. `part`: head, backbone, unclear (the interval holds one half) or none.
    """

    own: float
    on_base: float
    on_twin: float
    part: str
    honest: float | None = None
    regained: float | None = None
    interval: tuple[float, float] | None = None
    reason: str | None = None


def honest_head(
    base: Values, twin: Values, labels: NDArray[np.int64], right: tuple[Values, Values], *, seed: int
) -> HonestHead:
    """Fit a linear head on features of both twins, where the cue tells nothing, and see what it regains.

    Shapes: base, twin (N, D), what enters the head; labels (N,); right, two of (N,), whether the model's own head was
    right on base and twin.
    """
    on_base, on_twin = right
    both = (on_base + on_twin) / 2
    before = HonestHead(
        own=float(both.mean()), on_base=float(on_base.mean()), on_twin=float(on_twin.mean()), part="none"
    )
    if len(labels) < LEAST or np.unique(labels, return_counts=True)[1].min() < 2:
        return replace(before, reason=f"fewer than {LEAST} images, or a class with one: no head is fitted")
    honest = _held_out(base, twin, labels, seed)
    fitted = replace(before, honest=float(honest.mean()))
    _, lost = share_of(on_base - on_twin, np.ones(len(labels)), seed=seed)
    if lost is None or lost[0] <= 0:
        return replace(fitted, reason="the cue costs no right answers that can be told from chance")
    regained, interval = share_of(honest - both, on_base - both, seed=seed)
    part = "unclear"
    if interval is not None and interval[0] > 0.5:
        part = "head"
    elif interval is not None and interval[1] < 0.5:
        part = "backbone"
    return replace(fitted, regained=regained, interval=interval, part=part)


def _held_out(base: Values, twin: Values, labels: NDArray[np.int64], seed: int) -> Values:
    """Share of the two twins that a head fitted on other images gets right, (N,)."""
    classes, numbers = np.unique(labels, return_inverse=True)
    fold = np.empty(len(labels), dtype=np.int64)
    rng = np.random.default_rng(seed)
    for number in range(len(classes)):  # every fold has every class that is large enough
        rows = rng.permutation(np.flatnonzero(numbers == number))
        fold[rows] = np.arange(len(rows)) % FOLDS
    right = np.zeros(len(labels))
    for left_out in range(FOLDS):
        fitted, asked = fold != left_out, fold == left_out
        seen = np.concatenate([base[fitted], twin[fitted]])
        wanted = np.eye(len(classes))[np.concatenate([numbers[fitted]] * 2)]
        for pictures in (base, twin):
            said = _ridge(seen, wanted, pictures[asked]).argmax(axis=1)
            right[asked] += (said == numbers[asked]) / 2
    return right


def _ridge(seen: Values, wanted: Values, asked: Values) -> Values:
    """Ridge regression on standardised features, solved between pictures. Returns (M, classes)."""
    centre, spread = seen.mean(axis=0), seen.std(axis=0)
    kept = spread > 1e-9 * max(float(spread.max()), 1e-30)
    a, b = ((one[:, kept] - centre[kept]) / spread[kept] for one in (seen, asked))
    level = wanted.mean(axis=0)
    gram = a @ a.T
    weight = _RIDGE * np.trace(gram) / len(gram) + 1e-9
    return np.asarray(level + b @ a.T @ np.linalg.solve(gram + weight * np.eye(len(gram)), wanted - level))
