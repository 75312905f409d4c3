"""Is the candidate worse than the reference by more than allowed? Tests paired by image, Holm over the rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from explain_gate.statistics import RESAMPLES, Values, along_last

_EXACT_UP_TO = 12
"""Images; with more the sign flips are drawn instead of enumerated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How much worse a candidate is than its reference, in the metric's unit; positive is worse.

    `p_worse`: of "it is worse by at most the margin"; small means it is worse by more. `p_fine`: of "it is worse by at
    least the margin"; small means it is not. `spread`: standard deviation of the paired differences.
    """

    loss: float
    interval: tuple[float, float]
    p_worse: float
    p_fine: float
    spread: float
    images: int


def compare(
    candidate: Values,
    reference: Values,
    *,
    margin: float,
    better: str,
    statistic: str = "mean",
    confidence: float = 0.95,
    seed: int = 0,
) -> Change:
    """One-sided non-inferiority test with a margin, paired by image.

    Means use sign flips of the paired differences (Fisher 1935), shares of yes and no the score test of Tango (1998),
    which is McNemar's where the margin is 0, and other statistics the paired bootstrap.

    Args:
        candidate: (N,), finite.
        reference: (N,), finite, of the same images in the same order.
        margin: the loss that is allowed, not negative.
        better: "higher" or "lower", the direction of the metric.
        statistic: as in `summarize`.
        confidence: of the two-sided interval.
        seed: of the resampling.
    """
    # Pairs in an order of their own: which of them a draw picks must not depend on where an image stands in a list.
    order = np.lexsort((reference, candidate))
    candidate, reference = candidate[order], reference[order]
    sign = 1.0 if better == "higher" else -1.0
    losses = sign * (reference - candidate)
    loss = sign * float(along_last(reference, statistic) - along_last(candidate, statistic))
    resampled = _resampled_losses(candidate, reference, statistic, sign, seed)
    tail = (1 - confidence) / 2
    low, high = (float(bound) for bound in np.quantile(resampled, (tail, 1 - tail)))
    if statistic != "mean":
        worse = (1 + int((resampled <= margin).sum())) / (1 + resampled.size)
        fine = (1 + int((resampled >= margin).sum())) / (1 + resampled.size)
    elif _yes_or_no(candidate) and _yes_or_no(reference):
        worse, fine = _score_test(losses, margin)
    else:
        worse, fine = _sign_flips(np.sort(losses - margin), seed)
    spread = float(losses.std(ddof=1)) if losses.size > 1 else 0.0
    return Change(loss=loss, interval=(low, high), p_worse=worse, p_fine=fine, spread=spread, images=losses.size)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of a family of tests (Holm 1979): at most `alpha` of false alarms over the whole family."""
    order = sorted(range(len(p_values)), key=lambda position: p_values[position])
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for place, position in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[position]))
        adjusted[position] = largest
    return adjusted


def images_to_decide(change: Change, margin: float, confidence: float) -> int | None:
    """How many more images would decide, if the change stays as it looks; None where no number would."""
    distance = abs(change.loss - margin)
    if distance == 0 or change.spread == 0:
        return None
    needed = float(special.ndtri(confidence)) * change.spread / distance
    # Beyond this the square is no number any more; nobody has so many images.
    return max(1, math.ceil(needed**2) - change.images) if needed < 1e9 else None


def _resampled_losses(candidate: Values, reference: Values, statistic: str, sign: float, seed: int) -> Values:
    rng = np.random.default_rng(seed)
    count = candidate.size
    parts = []
    step = max(1, 4_000_000 // count)
    for start in range(0, RESAMPLES, step):
        rows = rng.integers(0, count, (min(step, RESAMPLES - start), count))
        parts.append(sign * (along_last(reference[rows], statistic) - along_last(candidate[rows], statistic)))
    return np.concatenate(parts)


def _yes_or_no(values: Values) -> bool:
    return bool(np.isin(values, (0.0, 1.0)).all())


def _sign_flips(differences: Values, seed: int) -> tuple[float, float]:
    """P-values of "the mean is at most 0" and of "the mean is at least 0", were the signs of the differences chance.

    One draw of signs serves both sides, which is why this is not scipy.stats.permutation_test; it gives the same.
    """
    count = differences.size
    if count < 2:
        return 1.0, 1.0
    if count <= _EXACT_UP_TO:
        signs = 1.0 - 2.0 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
    else:
        signs = 1.0 - 2.0 * np.random.default_rng(seed).integers(0, 2, (RESAMPLES, count)).astype(np.float64)
    seen = float(differences.mean())
    means = signs @ differences / count
    # Rounding must not tell equal means apart; a drawn sample counts itself, so that no p-value is 0.
    tolerance = 1e-12 * float(np.abs(differences).max(initial=0.0))
    own = 0 if count <= _EXACT_UP_TO else 1
    total = len(means) + own
    worse = (own + int((means >= seen - tolerance).sum())) / total
    fine = (own + int((means <= seen + tolerance).sum())) / total
    return worse, fine


def _score_test(losses: Values, margin: float) -> tuple[float, float]:
    """Tango's score test of a difference of paired shares against a margin, both sides."""
    count = losses.size
    lost, won = int((losses > 0).sum()), int((losses < 0).sum())
    a = 2 * count
    b = -lost - won + (2 * count - lost + won) * margin
    c = -won * margin * (1 - margin)
    share = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    variance = count * (2 * share + margin * (1 - margin))
    if variance <= 0:
        return 1.0, 1.0
    z = (lost - won - count * margin) / math.sqrt(variance)
    return float(special.ndtr(-z)), float(special.ndtr(z))
