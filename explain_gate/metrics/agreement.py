"""Agreement: do two methods point at the same place? A manipulated explanation seldom fools two kinds of method."""

from __future__ import annotations

import torch
from torch import Tensor

from explain_gate.metrics.correlation import spearman


def jaccard_top10(first: Tensor, second: Tensor, *, share: float = 0.1) -> Tensor:
    """Overlap of the strongest tenth of the pixels of two maps (Krishna 2022, as intersection over union).

    Pixels below the highest relevance that keep a tenth are left out on both sides; where values tie for the last
    places, all that tie are in, so a map that is mostly zero is compared by what it names and not by position.

    Args:
        first: (N, H, W), the positive part counts.
        second: (N, H, W), the positive part counts.
        share: of the pixels, in (0, 1].

    Returns:
        (N,), in [0, 1], higher is better; `share` / (2 - `share`) is chance for unrelated maps.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must lie in (0, 1], got {share}")
    a, b = _strongest(first, share), _strongest(second, share)
    union = (a | b).sum(dim=1).double()
    return torch.where(union > 0, (a & b).sum(dim=1).double() / union.clamp_min(1), 0.0)


def correlation(first: Tensor, second: Tensor) -> Tensor:
    """Spearman's rank correlation of the positive parts of two maps (Krishna 2022).

    Shapes: (N, H, W). Returns (N,), in [-1, 1], higher is better; 0 is chance.
    """
    return spearman(first.clamp_min(0), second.clamp_min(0))


def _strongest(maps: Tensor, share: float) -> Tensor:
    flat = maps.flatten(1).clamp_min(0)
    count = max(1, round(share * flat.shape[1]))
    last = flat.topk(count, dim=1).values[:, -1:]
    return (flat >= last) & (flat > 0)
