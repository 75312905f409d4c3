"""Clusters of maps: which images of a class are explained alike (SpRAy, Lapuschkin 2019)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

Labels = NDArray[np.int64]

CELLS = 8
"""Cells along each side that maps are compared in: what is finer is not a strategy."""
_MOST = 6
"""Clusters of one class at most."""
_FEWEST = 8
"""Maps with which there is anything to cluster."""
_SMALLEST = 3
"""Maps that make a cluster; fewer join the one that they are nearest to."""
_NEIGHBOURS = 10
"""Of each map in the graph of maps at least, else half of all; the last one's distance is the map's scale
(Zelnik-Manor and Perona 2004). With fewer, one cloud of maps that drift from each other falls into pieces."""
_MARGIN = 0.5
"""Part of the region's own height and width that is seen around it where maps are aligned to regions."""


def as_they_are(maps: Tensor) -> Tensor:
    """What maps (N, H, W), not negative, are compared by: (N, F), shares of relevance by cell, as square roots.

    Square roots make distances those of Hellinger, in which one peak does not outweigh everything else.
    """
    return _compared(F.adaptive_avg_pool2d(maps[:, None].float(), CELLS)[:, 0])


def on_their_regions(maps: Tensor, regions: Tensor) -> Tensor:
    """The same with every map cut out around its region's box and brought to one size; regions (N, H, W), bool."""
    cut = []
    height, width = maps.shape[1:]
    for one, region in zip(maps.float(), regions, strict=True):
        rows, columns = torch.nonzero(region.any(dim=1))[:, 0], torch.nonzero(region.any(dim=0))[:, 0]
        top, bottom = int(rows.min()), int(rows.max()) + 1
        left, right = int(columns.min()), int(columns.max()) + 1
        tall, wide = round(_MARGIN * (bottom - top)), round(_MARGIN * (right - left))
        framed = F.pad(one, (wide, wide, tall, tall))[top : bottom + 2 * tall, left : right + 2 * wide]
        cut.append(F.adaptive_avg_pool2d(framed[None], CELLS)[0] if min(height, width) else framed)
    return _compared(torch.stack(cut))


def clusters_of(features: Tensor) -> Labels:
    """Spectral clusters of rows (N, F), numbered from the largest; the same rows in another order, the same clusters.

    The number of clusters, which may be one, is where the spectrum of the normalised Laplacian of the nearest
    neighbours' graph has its largest gap (von Luxburg 2007).
    """
    points = features.double().numpy()
    if len(points) < _FEWEST:
        return np.zeros(len(points), dtype=np.int64)
    order = np.lexsort(points.T)  # no draw, and no tie, may depend on how the set is listed
    affinity = _affinity(points[order])
    count = _count(affinity)
    if count == 1:
        return np.zeros(len(points), dtype=np.int64)
    from sklearn.cluster import SpectralClustering

    model = SpectralClustering(count, affinity="precomputed", assign_labels="cluster_qr", random_state=0)
    told = np.empty(len(points), dtype=np.int64)
    told[order] = model.fit_predict(affinity)
    return _by_size(_merged(told, points), points)


def _compared(pooled: Tensor) -> Tensor:
    flat = pooled.flatten(1)
    return (flat / flat.sum(dim=1, keepdim=True).clamp_min(1e-12)).sqrt()


def _affinity(points: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    ranked = np.sort(squares, axis=1)
    near = min(max(_NEIGHBOURS, len(points) // 2), len(points) - 1)
    scale = np.sqrt(np.maximum(ranked[:, near], 1e-12))
    affinity = np.exp(-squares / (scale[:, None] * scale[None]))
    linked = squares <= ranked[:, near][:, None]
    affinity = np.where(linked | linked.T, affinity, 0.0)
    np.fill_diagonal(affinity, 0.0)
    # A link of every two keeps the graph in one piece, so that a part that is far away is a gap and not an error.
    return np.asarray(affinity + 1e-6)


def _count(affinity: NDArray[np.float64]) -> int:
    root = 1 / np.sqrt(affinity.sum(axis=1))
    laplacian = np.eye(len(affinity)) - root[:, None] * affinity * root[None]
    values = np.linalg.eigvalsh(laplacian)
    most = min(_MOST, len(affinity) // _SMALLEST)
    return int(np.diff(values[: most + 1]).argmax()) + 1


def _merged(told: Labels, points: NDArray[np.float64]) -> Labels:
    """Clusters of too few maps join the one whose mean is nearest."""
    told = told.copy()
    while True:
        names, counts = np.unique(told, return_counts=True)
        if len(names) == 1 or counts.min() >= _SMALLEST:
            return told
        small = names[counts.argmin()]
        mean = points[told == small].mean(axis=0)
        others = [name for name in names if name != small]
        nearest = min(others, key=lambda name: float(((points[told == name].mean(axis=0) - mean) ** 2).sum()))
        told[told == small] = nearest


def _by_size(told: Labels, points: NDArray[np.float64]) -> Labels:
    names = np.unique(told)
    ranked = sorted(names, key=lambda name: (-int((told == name).sum()), points[told == name].mean(axis=0).tolist()))
    place = {name: number for number, name in enumerate(ranked)}
    return np.array([place[name] for name in told], dtype=np.int64)
