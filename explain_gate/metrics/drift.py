"""Drift: what changed since the reference, on the same images? Right predictions for other reasons show here."""

from __future__ import annotations

from torch import Tensor

from explain_gate.metrics.correlation import spearman


def map_correlation(maps: Tensor, reference_maps: Tensor) -> Tensor:
    """Spearman between the candidate's and the reference's map of each image.

    Shapes: (N, H, W) both. Returns (N,), in [-1, 1], higher is better; what honest retrains reach is the yardstick.
    """
    return spearman(maps, reference_maps)


def changed_reason(correlation: float, changed: float, *, below: float = 0.5) -> float:
    """1 where the prediction is the same and the map is another, else 0.

    Args:
        correlation: `map_correlation` of the image.
        changed: `changed_prediction` of the image.
        below: the correlation under which two maps count as different.
    """
    return float(changed == 0 and correlation < below)


def changed_prediction(*, differs: bool) -> float:
    """1 where two versions say something else by their task, other classes or another value, else 0."""
    return float(differs)
