"""Strategies: which images of a class are explained alike, and does a group of them look beside the object?"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from explain_gate.errors import NotApplicable
from explain_gate.metrics.batch import Batch, Panel
from explain_gate.metrics.clustering import as_they_are, clusters_of, on_their_regions

PANEL = 200
"""Images of a class whose maps are clustered; the others belong to the cluster of the map that is nearest to theirs."""

_VIEWS = ("as they are", "on the object")


def outside(relevance: Tensor, region: Tensor, batch: Batch) -> Tensor:
    """Share of images whose cluster of maps lies outside the region (SpRAy, Lapuschkin 2019).

    The maps of a class are clustered twice: as they are, where a mark in one place of the picture is a cluster, and
    cut out around their regions, where what hangs beside every object is one. A cluster lies outside where its maps
    together have less relevance on their regions than even maps would have. The clusters are noted, numbered from the
    largest, and what each image's map has on its region.

    Args:
        relevance: (N, H, W), not negative, not all zero.
        region: (N, H, W), bool, not empty.
        batch: is asked for the maps of up to 200 images of the class.

    Returns:
        (N,), 1 where either cluster of the image lies outside, else 0; lower is better.

    Raises:
        NotApplicable: the region fills the frame, so that nothing lies outside.
    """
    if bool(region.flatten(1).all(dim=1).any()):
        raise NotApplicable("the region fills the frame, so that nothing lies outside of it")
    values = torch.zeros(len(relevance), dtype=torch.float64)
    clusters = torch.zeros(len(relevance), len(_VIEWS), dtype=torch.float64)
    for position, label in enumerate(batch.labels.tolist()):
        panel = batch.panel(position, "class", PANEL)
        own = (relevance[position].cpu(), region[position].cpu())
        if panel.maps is None or not bool(panel.usable.any()):
            # A control's map, which no other image has, stands for itself.
            values[position] = float(_inside(own[0][None], own[1][None]).sum() < _even(own[1][None]).sum())
            continue
        grouped = batch.remember(("strategies", label), functools.partial(_grouped, panel))
        for view, (features, told, beside) in enumerate(grouped):
            mine = _features(view, own[0][None], own[1][None])
            nearest = int(((features - mine) ** 2).sum(dim=1).argmin())
            clusters[position, view] = float(told[nearest])
            values[position] = max(float(values[position]), float(told[nearest] in beside))
    for view, name in enumerate(_VIEWS):
        batch.note(f"cluster {name}", clusters[:, view])
    batch.note("inside", _inside(relevance.cpu(), region.cpu()))
    return values


def _grouped(panel: Panel) -> list[tuple[Tensor, list[int], set[int]]]:
    """By view: what maps are compared by, the cluster of each, and which clusters lie outside."""
    assert panel.maps is not None  # noqa: S101 - asked before
    maps, regions = panel.maps[panel.usable], panel.regions[panel.usable]
    inside, even = _inside(maps, regions), _even(regions)
    grouped = []
    for view in range(len(_VIEWS)):
        features = _features(view, maps, regions)
        told = clusters_of(features)
        beside = set()
        for name in set(told.tolist()):
            mine = torch.from_numpy(told == name)
            if float(inside[mine].sum()) < float(even[mine].sum()):
                beside.add(name)
        grouped.append((features, told.tolist(), beside))
    return grouped


def _features(view: int, maps: Tensor, regions: Tensor) -> Tensor:
    return as_they_are(maps) if view == 0 else on_their_regions(maps, regions)


def _inside(maps: Tensor, regions: Tensor) -> Tensor:
    flat = maps.flatten(1).double()
    share: Tensor = (flat * regions.flatten(1)).sum(dim=1) / flat.sum(dim=1)
    return share


def _even(regions: Tensor) -> Tensor:
    return regions.flatten(1).double().mean(dim=1)
