"""Drift: what changed since the reference, on the same images? Right predictions for other reasons show here."""

from __future__ import annotations

import torch
from torch import Tensor

from explain_gate.metrics.clustering import as_they_are, clusters_of, on_their_regions
from explain_gate.metrics.correlation import spearman

_KNOWN = 0.05
"""Share of a cluster's maps that are the reference's, up to which the cluster is new."""


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


def new_strategy(maps: Tensor, reference_maps: Tensor, regions: Tensor, reference_regions: Tensor) -> Tensor:
    """1 where a map of one class lies in a cluster that the reference does not have, else 0 (after Lapuschkin 2019).

    The maps of both versions are clustered together, as they are and cut out around their regions; a cluster is new
    where at most one in twenty of its maps is the reference's.

    Shapes: maps, regions (N, H, W), reference_maps, reference_regions (M, H, W); maps not negative and positive
    somewhere, regions bool and not empty. Returns (N,), lower is better.
    """
    own, pooled = len(maps), torch.cat([maps, reference_maps])
    new = torch.zeros(own, dtype=torch.float64)
    for features in (as_they_are(pooled), on_their_regions(pooled, torch.cat([regions, reference_regions]))):
        told = clusters_of(features)
        for name in set(told[:own].tolist()):
            mine = told == name
            if mine[own:].sum() <= _KNOWN * mine.sum():
                new[torch.from_numpy(mine[:own])] = 1
    return new


def changed_prediction(differs: bool) -> float:  # noqa: FBT001 - a keyword would be a parameter of a rule
    """1 where two versions say something else by their task, other classes or another value, else 0."""
    return float(differs)
