"""Kernel SHAP: Shapley values of image regions, from the scores of images that show only some of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from explain_gate.attribution.base import Probe
from explain_gate.attribution.baselines import baseline_images
from explain_gate.attribution.grid import cells_of_each
from explain_gate.errors import OptionError
from explain_gate.records import Attribution

_ROUNDS = 5


def kernel_shap(
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    *,
    keys: Sequence[str],
    segments: Literal["grid", "superpixels"] = "grid",
    parts: int = 49,
    samples: int = 512,
    baseline: str | Tensor = "mean",
) -> Attribution:
    """Shapley values of regions by weighted least squares (Lundberg 2017, theorem 2).

    The sum is held to f(x) - f(x') exactly. Sizes of the coalitions are drawn in proportion to the Shapley kernel, each
    coalition together with its complement (Covert 2021); where `samples` suffice for all coalitions, all are used and
    the values are exact.

    Args:
        probe: the model.
        images: (N, C, H, W), normalised.
        targets: (N,), int64.
        keys: one digest per image, from which the coalitions are seeded.
        segments: grid, squares; or superpixels, regions of like colour found in the image (SLIC, Achanta 2012).
        parts: regions, at least 2; of a grid the nearest square number is taken.
        samples: passes per image, at least 2 parts.
        baseline: what hidden regions show: mean, black, blur, an image file, or a tensor; see baseline_images.

    Returns:
        Maps (N, H, W), signed, in units of the score: each region's value spread evenly over its pixels, so that the
        map sums to f(x) - f(x').

    Raises:
        OptionError: an option out of range, or a baseline that does not fit.
    """
    if segments not in {"grid", "superpixels"}:
        raise OptionError(f"segments must be grid or superpixels, got {segments}")
    if parts < 2 or samples < 2 * parts:
        raise OptionError(f"parts must be at least 2 and samples at least twice as many, got {parts} and {samples}")
    bases = baseline_images(probe, images, baseline)
    find = _grid if segments == "grid" else _superpixels
    labels = [find(image, parts) for image in images]
    coalitions = [
        _coalitions(int(label.max()) + 1, samples, probe.generator(key, "coalitions"))
        for label, key in zip(labels, keys, strict=True)
    ]
    index = [(row, number) for row, rows in enumerate(coalitions) for number in range(len(rows))]

    def make(start: int, stop: int) -> tuple[Tensor, Tensor]:
        shown = [
            torch.where(coalitions[row][number].to(images.device)[labels[row]], images[row], bases[row])
            for row, number in index[start:stop]
        ]
        return torch.stack(shown), targets[[row for row, _ in index[start:stop]]]

    empty, full = probe.scores(bases, targets).cpu().double(), probe.scores(images, targets).cpu().double()
    scores = torch.split(probe.scores_of(len(index), make).cpu().double(), [len(rows) for rows in coalitions])
    maps = [
        _spread(_shapley(coalitions[row], scores[row], float(empty[row]), float(full[row])), label)
        for row, label in enumerate(labels)
    ]
    cells = cells_of_each([int(label.max()) + 1 for label in labels])
    return Attribution(method="kernel_shap", kind="signed", maps=torch.stack(maps).float(), details=cells)


def _spread(values: Tensor, label: Tensor) -> Tensor:
    """Each region's value, evenly over its pixels. Shapes: values (parts,); label (H, W), int64. Returns (H, W)."""
    sizes = torch.bincount(label.flatten(), minlength=len(values))
    return (values.to(label.device) / sizes.clamp(min=1))[label]


def _coalitions(parts: int, samples: int, draw: torch.Generator) -> Tensor:
    """(S, parts), bool, neither empty nor full: all of them if they are few enough, else pairs of complements."""
    if 2**parts - 2 <= samples:
        return torch.tensor(list(itertools.product([False, True], repeat=parts))[1:-1])
    sizes = torch.arange(1, parts, dtype=torch.float64)
    weights = (parts - 1) / (sizes * (parts - sizes))
    drawn = torch.multinomial(weights, samples // 2, replacement=True, generator=draw) + 1
    ranks = torch.rand(samples // 2, parts, generator=draw).argsort(dim=1).argsort(dim=1)
    half = ranks < drawn[:, None]
    return torch.cat([half, ~half])


def _shapley(coalitions: Tensor, scores: Tensor, empty: float, full: float) -> Tensor:
    """Least squares with the sum held to full - empty: the last part is expressed by the others."""
    shown = coalitions.double()
    if len(coalitions) == 2 ** coalitions.shape[1] - 2:
        parts = coalitions.shape[1]
        sizes = shown.sum(dim=1)
        orders = torch.tensor([math.comb(parts, int(size)) for size in sizes], dtype=torch.float64)
        weights = (parts - 1) / (orders * sizes * (parts - sizes))
    else:
        weights = torch.ones(len(shown), dtype=torch.float64)  # the draw followed the kernel already
    design = shown[:, :-1] - shown[:, -1:]
    answer = scores - empty - shown[:, -1] * (full - empty)
    root = weights.sqrt()
    solved = torch.linalg.lstsq(root[:, None] * design, (root * answer)[:, None], driver="gelsd").solution[:, 0]
    return torch.cat([solved, (full - empty - solved.sum())[None]])


def _grid(image: Tensor, parts: int) -> Tensor:
    """(H, W), the number of each pixel's square."""
    height, width = image.shape[-2:]
    side = min(max(2, round(parts**0.5)), height, width)
    rows = torch.arange(height, device=image.device) * side // height
    columns = torch.arange(width, device=image.device) * side // width
    squares: Tensor = rows[:, None] * side + columns
    return squares


def _superpixels(image: Tensor, parts: int) -> Tensor:
    """(H, W), labels 0..k-1 of about `parts` regions: k-means over colour and place, started on a grid."""
    height, width = image.shape[-2:]
    step = (height * width / parts) ** 0.5
    smooth = avg_pool2d(image[None].float(), 5, stride=1, padding=2, count_include_pad=False)[0]
    colour = (smooth - smooth.mean(dim=(1, 2), keepdim=True)) / smooth.std().clamp(min=1e-6)
    place = torch.stack(
        torch.meshgrid(
            torch.arange(height, device=image.device), torch.arange(width, device=image.device), indexing="ij"
        )
    )
    points = torch.cat([colour, place / step]).flatten(1).T
    start = _grid(image, parts).flatten()
    label = start
    for _ in range(_ROUNDS):
        count = torch.bincount(label, minlength=int(start.max()) + 1).clamp(min=1)
        centres = torch.zeros(len(count), points.shape[1], device=image.device).index_add_(0, label, points)
        label = torch.cdist(points, centres / count[:, None]).argmin(dim=1)
    regions: Tensor = torch.unique(label, return_inverse=True)[1]
    return regions.view(height, width)
