"""Does a map belong to its own image? Maps and regions of different images, crossed and permuted."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from explain_gate.metrics.batch import Panel

ROUNDS = 999
"""Permutations; with as many, the smallest p-value is 0.001."""


def specific_share(relevance: Tensor, region: Tensor, panel: Panel) -> float | None:
    """What one image's map and region have to do with each other, of what the regions themselves would have.

    Mean over others j of 1/2 [m_i(R_i) + m_j(R_j) - m_i(R_j) - m_j(R_i)], over the same with regions in place of maps;
    m_i(R) is the share of image i's relevance in region R. Maps that sit in one place cancel, image by image. Without
    maps of others, the half that needs none: m_i(R_i) - m_i(R_j).

    Shapes: relevance (H, W), not negative, not all zero; region (H, W), bool. Returns a value in [-1, 1], or None where
    all other regions are this one.
    """
    chosen = panel.others & panel.usable
    own = relevance.flatten().double() / relevance.double().sum()
    mine, theirs = region.flatten().double(), panel.regions[chosen].flatten(1).double()
    inside, elsewhere = float(own @ mine), theirs @ own
    shared = theirs @ mine
    ceilings = 1 - shared / mine.sum()
    values = inside - elsewhere
    if panel.maps is not None:
        maps = _shares(panel.maps[chosen])
        values = (values + (maps * theirs).sum(dim=1) - maps @ mine) / 2
        ceilings = (ceilings + 1 - shared / theirs.sum(dim=1)) / 2
    # Sums in order of size, so that the order of the panel moves no digit.
    ceiling = math.fsum(ceilings.tolist())
    if not ceiling > 1e-9:
        return None
    return max(-1.0, min(1.0, math.fsum(values.tolist()) / ceiling))


def permutation_p(own: Panel, others: Panel | None = None) -> float | None:
    """How often maps lie on regions dealt out at random as well as on their own: a permutation test.

    Args:
        own: the images whose maps are asked about.
        others: images whose regions are dealt out with theirs.

    Returns:
        A p-value in (0, 1]; None where there are fewer than two maps, or two regions.
    """
    if own.maps is None or int(own.usable.sum()) < 2:
        return None
    # In one order, whatever the set's, so that the draws are the same.
    order = sorted(torch.nonzero(own.usable)[:, 0].tolist(), key=lambda place: own.digests[place])
    regions = own.regions[order]
    if others is not None:
        rest = sorted(range(len(others.digests)), key=lambda place: others.digests[place])
        regions = torch.cat([regions, others.regions[rest]]) if rest else regions
    masses = (_shares(own.maps[order]) @ regions.flatten(1).double().T).numpy()
    mine = np.arange(len(order))
    reached = math.fsum(masses[mine, mine]) - 1e-9  # rounding must not tell equal deals apart
    rng = np.random.default_rng(own.seed)
    deals = (rng.permutation(masses.shape[1])[: len(order)] for _ in range(ROUNDS))
    as_good = sum(math.fsum(masses[mine, deal]) >= reached for deal in deals)
    return (1 + as_good) / (1 + ROUNDS)


def _shares(maps: Tensor) -> Tensor:
    flat = maps.flatten(1).double()
    return flat / flat.sum(dim=1, keepdim=True)
