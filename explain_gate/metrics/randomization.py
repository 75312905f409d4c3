"""Randomization: does the map depend on what the model has learned? (Adebayo 2018)."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from explain_gate.metrics.batch import Batch
from explain_gate.metrics.correlation import spearman


def correlation(batch: Batch, *, seeds: int = 1) -> Tensor:
    """Spearman between the map and the map after all parameters are re-initialised; mean over seeds.

    The target class stays the annotated one. A map that the re-initialised model leaves flat has correlation 0.

    Returns:
        (N,), in [-1, 1], lower is better.
    """
    return batch.remember(("randomization", seeds), lambda: _mean_correlation(batch, seeds))


def excess_correlation(batch: Batch, *, seeds: int = 1, pairs: int = 50) -> Tensor:
    """`correlation` minus the mean Spearman of random pairs of the trained model's own maps (Arun 2021).

    Returns:
        (N,), lower is better; above 0 the map has more in common with itself after randomization than with the map
        of another image.
    """
    return correlation(batch, seeds=seeds) - batch.pair_correlation(pairs)


def randomize(module: nn.Module, seed: int) -> nn.Module:
    """A copy of the module with every parameter drawn anew, buffers of normalisation layers reset.

    Layers draw as they do when they are built (`reset_parameters`); parameters that no layer resets (class tokens,
    position embeddings, layer scales, attention projections) are drawn from a normal distribution with their own
    spread. The global random state is left alone.
    """
    fresh = copy.deepcopy(module)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        drawn: set[int] = set()
        for layer in fresh.modules():
            reset = getattr(layer, "reset_parameters", None) or getattr(layer, "_reset_parameters", None)
            if callable(reset):
                with torch.no_grad():
                    reset()
                drawn.update(id(parameter) for parameter in layer.parameters(recurse=False))
        with torch.no_grad():
            for parameter in fresh.parameters():
                if id(parameter) not in drawn and parameter.is_floating_point():
                    spread = parameter.double().std().item() if parameter.numel() > 1 else 0.0
                    parameter.normal_(0.0, spread if spread > 0 else 0.02)
    fresh.requires_grad_(requires_grad=False)
    return fresh


def _mean_correlation(batch: Batch, seeds: int) -> Tensor:
    if seeds < 1:
        raise ValueError(f"seeds must be at least 1, got {seeds}")
    return torch.stack([spearman(batch.maps, batch.explain_randomized(seed)) for seed in range(seeds)]).mean(dim=0)
