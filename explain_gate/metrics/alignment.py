"""Alignment: does the map lie on the annotated region? Every metric is invariant to the scale of the map."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from itertools import combinations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from explain_gate.errors import NotApplicable, NotMeasurable
from explain_gate.metrics.batch import Among, Batch
from explain_gate.metrics.binarize import binarized
from explain_gate.metrics.specific import permutation_p, specific_share

OTHERS = 9
"""Maps of other images that an image's own is compared with; odd, so that one is the median."""

PANEL = 64
"""Other images whose maps and regions are crossed with an image's own."""

Measure = Callable[[Tensor, Tensor, Tensor | None], Tensor]


def iou(
    relevance: Tensor, region: Tensor, batch: Batch | None = None, *, binarize: str = "half", fraction: float = 0.5
) -> Tensor:
    """Intersection over union of the binarized map and the region (Rajpurkar 2017, Saporta 2022).

    Args:
        relevance: (N, H, W), not negative, not flat.
        region: (N, H, W), bool, not empty.
        batch: takes the answers, where images are counted.
        binarize: "half" cuts at `fraction` of the map's maximum; "otsu" at the threshold that separates the map's
            values best (Otsu 1979); "area" keeps as many pixels as the region has.
        fraction: of the maximum, in (0, 1]; used by "half" only.

    Returns:
        (N,), in [0, 1], higher is better. Chance depends on the region's area.
    """

    def measure(maps: Tensor, regions: Tensor, _: Tensor | None) -> Tensor:
        inside = binarized(maps.flatten(1), regions.flatten(1), binarize, fraction)
        return _overlap(inside, regions.flatten(1))

    return _compared(measure, relevance, region, None, batch)


def pointing_game(relevance: Tensor, region: Tensor, batch: Batch | None = None, *, tolerance: int = 0) -> Tensor:
    """Share of the maximum's pixels that lie inside the region (Zhang 2018).

    Maps often have several equal maxima; counting one of them as a hit would reward flat maps, so the share counts.

    Args:
        relevance: (N, H, W), not negative.
        region: (N, H, W), bool.
        batch: takes the answers, where images are counted.
        tolerance: pixels by which the region is widened in every direction; 0 changes nothing (the paper used 15 at
            full image size).

    Returns:
        (N,), in [0, 1], higher is better.
    """
    if tolerance < 0:
        raise ValueError(f"tolerance must not be negative, got {tolerance}")
    target = region
    if tolerance:
        wide = F.max_pool2d(region[:, None].float(), 2 * tolerance + 1, stride=1, padding=tolerance)
        target = wide[:, 0] > 0

    def measure(maps: Tensor, regions: Tensor, _: Tensor | None) -> Tensor:
        flat = maps.flatten(1)
        peak = flat == flat.amax(dim=1, keepdim=True)
        return (peak & regions.flatten(1)).sum(dim=1).double() / peak.sum(dim=1).double()

    return _compared(measure, relevance, target, None, batch)


def relevance_mass(relevance: Tensor, region: Tensor, batch: Batch | None = None) -> Tensor:
    """Share of the positive relevance that lies inside the region (Arras 2021).

    Shapes: relevance (N, H, W), not negative, not all zero; region (N, H, W), bool. Returns (N,), in [0, 1], higher
    is better; the region's share of the frame is chance. Relevance on pixels to be ignored is 0 when it comes here.
    """
    return _compared(lambda maps, regions, _: _mass(maps, regions), relevance, region, None, batch)


def relevance_rank(
    relevance: Tensor, region: Tensor, counted: Tensor | None = None, batch: Batch | None = None
) -> Tensor:
    """Share of the K strongest pixels that lie inside the region, K its number of pixels (Arras 2021).

    Pixels that tie for the last places share them: whichever of them an arbitrary order would take, the value is the
    mean over all orders. (Peers take the first by position, so flat parts of a map favour the upper left.)

    Shapes: relevance (N, H, W), not negative; region (N, H, W), bool, not empty; counted (N, H, W), bool, False where
    pixels are to be ignored, None where none are. Returns (N,), in [0, 1], higher is better; the region's share of the
    counted pixels is chance. Only the order of the map's values counts.
    """
    return _compared(_rank, relevance, region, counted, batch)


def _rank(relevance: Tensor, region: Tensor, counted: Tensor | None) -> Tensor:
    flat, target = relevance.flatten(1), region.flatten(1)
    counts = target.sum(dim=1, keepdim=True)
    last = flat.sort(dim=1, descending=True).values.gather(1, counts - 1)
    above, tied = flat > last, flat == last
    if counted is not None:
        # Their relevance is 0, and so may be the last place's.
        tied = tied & counted.flatten(1)
    places = (counts - above.sum(dim=1, keepdim=True)).double()
    share = places / tied.sum(dim=1, keepdim=True).double()
    hits = (above & target).sum(dim=1).double() + share[:, 0] * (tied & target).sum(dim=1).double()
    return hits / counts[:, 0].double()


def lift(relevance: Tensor, region: Tensor, counted: Tensor | None = None, batch: Batch | None = None) -> Tensor:
    """Relevance mass over the region's share of the frame, pixels to be ignored left out of both.

    Shapes: relevance and region as in `relevance_mass`; counted (N, H, W), bool, False where pixels are to be ignored,
    None where none are. Returns (N,), not negative, higher is better; 1 is chance.
    """

    def measure(maps: Tensor, regions: Tensor, within: Tensor | None) -> Tensor:
        frame = torch.ones_like(regions) if within is None else within
        share = regions.flatten(1).double().sum(dim=1) / frame.flatten(1).double().sum(dim=1)
        return _mass(maps, regions) / share

    return _compared(measure, relevance, region, counted, batch)


def silent_share(relevance: Tensor, batch: Batch | None = None) -> Tensor:
    """Share of images whose map has no positive part: nothing in them speaks for their class.

    Such a map takes the worst value of every other metric here. The runner gives it to this one, too: 1.

    Shapes: relevance (N, H, W), not negative. Returns (N,), in [0, 1], lower is better.
    """
    silent = (relevance.flatten(1).amax(dim=1) <= 0).double()
    if batch is not None:
        batch.note("evidence", silent)
    return silent


def specificity(relevance: Tensor, region: Tensor, batch: Batch, *, among: Among = "class") -> Tensor:
    """What a map has to do with its own image's region, beyond what it has to do with those of other images.

    Mean over other images j of 1/2 [m_i(R_i) + m_j(R_j) - m_i(R_j) - m_j(R_i)], m_i(R) the share of image i's relevance
    in region R laid on its frame, over what the regions themselves reach. A map that sits in one place in every image
    scores 0 for each image, wherever objects usually lie. The p-value of a permutation test, which deals the regions
    out among the images at random, is noted as `p`: one for each class, the same for all its images.

    Args:
        relevance: (N, H, W), not negative, not all zero.
        region: (N, H, W), bool, not empty.
        batch: is asked for up to 64 other images, the same for all of a class.
        among: compare with images of the "class", or with "others": maps that sit in one place for each class score 0
            within their class only.

    Returns:
        (N,), in [-1, 1], higher is better; 0 is chance, 1 is as specific as the regions.

    Raises:
        NotApplicable: there is no other image to compare with, or their regions are the image's own.
        NotMeasurable: no other image has a map.
    """
    if among not in ("class", "others"):
        raise ValueError(f"among must be class or others, got {among}")
    values, chances = [], []
    for position, label in enumerate(batch.labels.tolist()):
        panel = batch.panel(position, among, PANEL)
        if not bool(panel.others.any()):
            raise NotApplicable("no other image to compare with has a region")
        if bool((panel.regions[panel.others] == region[position].cpu()).flatten(1).all()):
            raise NotApplicable("the other images have the same region")
        if not bool((panel.others & panel.usable).any()):
            raise NotMeasurable("no other image has a map to compare with")
        value = specific_share(relevance[position].cpu(), region[position].cpu(), panel)
        if value is None:
            raise NotMeasurable("the other images that have a map have the same region")
        values.append(value)
        own = panel if among == "class" else batch.panel(position, "class", PANEL)
        others = None if among == "class" else panel
        chance = batch.remember(("permutation", label, among), functools.partial(permutation_p, own, others))
        chances.append(math.nan if chance is None else chance)
    column = torch.tensor(values, dtype=torch.float64)
    batch.note("evidence", (column <= 1e-9).double())
    batch.note("p", torch.tensor(chances, dtype=torch.float64))
    return column


def resolution(region: Tensor, batch: Batch) -> Tensor:
    """Cells of the map's grid that the annotated region covers: its pixels over those of a cell.

    The grid is that of the layer, window or mask that the method makes its maps of; a method that tells none has a
    value for every pixel.

    Shapes: region (N, H, W), bool, not empty. Returns (N,), not negative, higher is better; below 1 the map cannot tell
    the region from what surrounds it.
    """
    areas = region.flatten(1).double().mean(dim=1)
    pixels = float(region[0].numel())
    cells = batch.details.get("cells")
    return areas * (torch.full_like(areas, pixels) if cells is None else cells.to(areas))


def human_ratio(
    relevance: Tensor,
    annotators: Sequence[Tensor],
    batch: Batch,
    *,
    binarize: str = "half",
    fraction: float = 0.5,
) -> Tensor:
    """Mean IoU of the map with each annotator's region over the mean IoU among the annotators (Saporta 2022).

    Both sides are means over single annotators: a map compared with the union of all regions would be judged by
    another measure than the people are. The mean IoU among annotators is noted as `ceiling`.

    Args:
        relevance: (N, H, W), not negative, not flat.
        annotators: per image, (A, H, W), bool, A at least 2: one region per annotator.
        batch: takes the note.
        binarize: as in `iou`; "area" takes each annotator's own area.
        fraction: as in `iou`.

    Returns:
        (N,), not negative, higher is better; 1 is as good as people agree.

    Raises:
        NotApplicable: the annotators of an image have no pixel in common.
    """
    maps, people = [], []
    for one, regions in zip(relevance, annotators, strict=True):
        each = iou(one.expand_as(regions), regions, binarize=binarize, fraction=fraction)
        pairs = [_overlap(a.flatten()[None], b.flatten()[None]) for a, b in combinations(regions, 2)]
        maps.append(each.mean())
        people.append(torch.cat(pairs).mean())
    ceiling = torch.stack(people)
    if bool((ceiling <= 0).any()):
        raise NotApplicable("the annotators' regions do not overlap at all, so there is nothing to compare with")
    batch.note("ceiling", ceiling)
    return torch.stack(maps) / ceiling


def _compared(
    measure: Measure, relevance: Tensor, region: Tensor, counted: Tensor | None, batch: Batch | None
) -> Tensor:
    """The metric's values (N,); where images are counted, one says yes whose map lies no better than those of others.

    What a map gains by lying where objects usually lie, or by being sharp, the maps of other images gain as well: above
    their median on this region is what this image alone explains. No map lies better than the region itself.
    """
    values = measure(relevance, region, counted)
    if batch is not None and batch.counting:
        answers = []
        for position, value in enumerate(values.tolist()):
            others = batch.other_maps(position, OTHERS).to(region.device)
            regions = region[position].expand(others.shape)
            within = None if counted is None else counted[position].expand(others.shape)
            placed = measure(others, regions, within).nan_to_num(nan=-torch.inf)
            best = float(measure(regions[:1].to(relevance.dtype), regions[:1], None if within is None else within[:1]))
            answers.append(value <= float(placed.median()) and value < best)
        batch.note("evidence", torch.tensor(answers, dtype=torch.float64))
    return values


def _mass(relevance: Tensor, region: Tensor) -> Tensor:
    flat = relevance.flatten(1).double()
    return (flat * region.flatten(1)).sum(dim=1) / flat.sum(dim=1)


def _overlap(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of rows (N, M), bool; (N,)."""
    union = (first | second).sum(dim=1).double()
    return (first & second).sum(dim=1).double() / union
