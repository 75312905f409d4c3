"""Randomization: does the map depend on what the model has learned? (Adebayo 2018).

The target class stays the annotated one. A map that the re-initialised model leaves flat has correlation 0: it has
nothing in common with any other (peers get NaN). A map of the trained model without a positive part shows nothing that
was learned, and counts as 1: a few do not decide, and a version whose maps are all silent does not pass. These are
floors for a method, not a ranking: activations keep their scale below the cut, which flatters some methods (Binder
2023).
"""

from __future__ import annotations

import torch
from torch import Tensor

from explain_gate.errors import NotMeasurable
from explain_gate.metrics.batch import Batch
from explain_gate.metrics.correlation import pearson, ranks, spearman


def correlation(batch: Batch, *, seeds: int = 1) -> Tensor:
    """Spearman between the map and the map after all parameters are re-initialised; mean over seeds.

    Returns (N,), in [-1, 1], lower is better.
    """
    return batch.remember(("randomization", seeds), lambda: _mean_correlation(batch, seeds))


def excess_correlation(batch: Batch, *, seeds: int = 1, pairs: int = 50) -> Tensor:
    """`correlation` minus the mean Spearman of random pairs of the trained model's own maps (Arun 2021).

    Returns:
        (N,), lower is better; above 0 the map has more in common with itself after randomization than with the map
        of another image.
    """
    return correlation(batch, seeds=seeds) - batch.pair_correlation(pairs)


def cascade(batch: Batch, *, seeds: int = 1, steps: int = 6) -> Tensor:
    """Mean Spearman over a cascade: blocks are re-initialised from the output down, one more at every step.

    The map of the trained model is not part of the mean (a peer averages its correlation of 1 with itself in). Steps
    are blocks, not single layers, and what lies below the cut is not computed again. The curve is noted step by step.

    Args:
        batch: is asked for one map per step and seed.
        seeds: number of re-initialisations, at least 1.
        steps: most cuts, at least 1; fewer where the model has fewer blocks. The last is `correlation`.

    Returns:
        (N,), in [-1, 1], lower is better: the area under the curve over the share of blocks re-initialised.
    """
    curve = batch.remember(("cascade", seeds, steps), lambda: _curve(batch, seeds, steps))
    for number, (name, values) in enumerate(curve, start=1):
        batch.note(f"{number} {name}", values)
    return torch.stack([values for _, values in curve]).mean(dim=0)


def complexity_rise(batch: Batch, *, seeds: int = 1, bins: int = 100) -> Tensor:
    """eMPRT: rise of the map's histogram entropy when all parameters are re-initialised, over the entropy before.

    Entropy over `bins` bins of each map's own range (Hedstrom 2023, section 4.2); mean over seeds.

    Returns:
        (N,), at least -1, higher is better; at or below 0 the map of a model that knows nothing is as simple as that
        of the trained one.

    Raises:
        NotMeasurable: all of the map lies in one bin, so its entropy is 0.
    """
    _require(seeds)
    before = _entropy(batch.maps, bins)
    if bool((before <= 0).any()):
        raise NotMeasurable("the map's histogram has one bin, so its entropy is 0")
    after = torch.stack([_entropy(batch.explain_randomized(seed), bins) for seed in range(seeds)]).mean(dim=0)
    return (after - before) / before


def labels(batch: Batch, *, checkpoint: str = "") -> Tensor:
    """Spearman with the map of a model trained on permuted labels, for the same class (Adebayo 2018, section 4).

    Returns (N,), in [-1, 1], lower is better: a map that stays the same shows the picture, not what was learned.
    """
    if not checkpoint:
        raise ValueError("checkpoint must name the weights of a model trained on permuted labels")
    return spearman(batch.maps, batch.explain_with(checkpoint))


def _mean_correlation(batch: Batch, seeds: int) -> Tensor:
    _require(seeds)
    return torch.stack([spearman(batch.maps, batch.explain_randomized(seed)) for seed in range(seeds)]).mean(dim=0)


def _curve(batch: Batch, seeds: int, steps: int) -> list[tuple[str, Tensor]]:
    """Name and mean correlation (N,) of every step. The trained map is ranked once, not once per step."""
    _require(seeds)
    fixed = ranks(batch.maps.flatten(1))
    names: list[str] = []
    sums: list[Tensor] = []
    for seed in range(seeds):
        for number, (name, maps) in enumerate(batch.cascade(seed, steps)):
            correlation = pearson(fixed, ranks(maps.flatten(1).cpu()))
            if seed == 0:
                names.append(name)
                sums.append(correlation)
            else:
                sums[number] = sums[number] + correlation
    return [(name, total / seeds) for name, total in zip(names, sums, strict=True)]


def _entropy(maps: Tensor, bins: int) -> Tensor:
    """Entropy of the histogram of each map over its own range, (N,), in nats; 0 for a flat map."""
    flat = maps.flatten(1).double()
    low, high = flat.amin(dim=1, keepdim=True), flat.amax(dim=1, keepdim=True)
    place = ((flat - low) / (high - low).clamp_min(1e-300) * bins).long().clamp(0, bins - 1)
    counts = torch.zeros(len(flat), bins, dtype=torch.float64, device=flat.device)
    counts.scatter_add_(1, place, torch.ones_like(flat))
    shares = counts / flat.shape[1]
    return -torch.xlogy(shares, shares).sum(dim=1)


def _require(seeds: int) -> None:
    if seeds < 1:
        raise ValueError(f"seeds must be at least 1, got {seeds}")
