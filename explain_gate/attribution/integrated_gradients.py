"""Integrated Gradients that refines its path where completeness says that it is wrong.

The score at the nodes gives the exact integral of the gradient along each interval between them, f(b) - f(a), so the
trapezoid's error is known interval by interval without more passes. Each round halves the worst intervals, which hold
half of the sum of squared errors; every gradient is used in the end. On ReLU networks the gradient jumps along the
path, so that rules of higher order gain nothing and error estimates from two step counts mislead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from explain_gate.attribution.base import Probe, in_float64
from explain_gate.attribution.baselines import baseline_images
from explain_gate.errors import OptionError
from explain_gate.records import Attribution

_FIRST_INTERVALS = 8
_SPLIT_SHARE = 0.5
_FEWEST = 4
"""Intervals halved per round and image where so many are worth it: a pass of fewer images costs nearly as much, and
hundreds of rounds would chase one kink after the other."""
_WORTH_IT = 0.01
_SLACK = 1.5
"""How far the root of the squared interval errors may lie above the tolerance that the total has to meet. On ten
photographs 1.5 takes a quarter of the gradients off, and the maps stay as close to 768 uniform steps as with 1."""
_SHORTEST = 2.0**-16
_FLOOR = 0.1
_NOTHING = 1e-4
_STORE_SHARE = 0.25


def integrated_gradients(
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    *,
    keys: Sequence[str],  # noqa: ARG001
    baseline: str | Tensor = "mean",
    tolerance: float = 0.01,
    max_steps: int = 512,
) -> Attribution:
    """Integrated Gradients (Sundararajan 2017, equation 1), summed over the channels.

    An image stops when the relative completeness error is at most `tolerance`, and the root of the sum of the squared
    interval errors, what the total error would be if their signs were drawn by chance, at most 1.5 times that. The
    second half keeps an image from stopping because large errors happen to cancel.

    Args:
        probe: the model.
        images: (N, C, H, W), normalised.
        targets: (N,), int64.
        keys: one digest per image; nothing is drawn here.
        baseline: mean, black, blur, an image file, or a tensor; see baseline_images.
        tolerance: relative error to reach, above 0.
        max_steps: most gradients per image, at least 2; what is not reached by then is reported as it is.

    Returns:
        Maps (N, H, W), signed, in units of the score. Details (N,): `completeness_error`, `path_residual` (the
        interval errors' magnitudes, summed) and `path_error` (the root above), all relative to
        max(|D|, 0.1 max_c |D_c|), or to 1e-4 of the largest score where that is more; `steps`, gradients used;
        `attribution_sum`; `score_difference` D = f(x) - f(x').

    Raises:
        OptionError: an option out of range, or a baseline that does not fit.
    """
    if not tolerance > 0 or max_steps < 2:
        raise OptionError(f"tolerance must be above 0 and max_steps at least 2, got {tolerance} and {max_steps}")
    bases = baseline_images(probe, images, baseline)
    scales = _scales(probe, images, bases, targets)
    largest_path = max_steps * images.shape[-2] * images.shape[-1] * 4
    together = max(1, int(_STORE_SHARE * probe.memory_budget) // largest_path)
    paths: list[_Path] = []
    for start in range(0, len(images), together):
        part = slice(start, start + together)
        group = [_Path(scale=scale) for scale in scales[part]]
        _integrate(probe, images[part], bases[part], targets[part], group, tolerance, max_steps)
        paths.extend(group)
    return Attribution(
        method="integrated_gradients",
        kind="signed",
        maps=torch.stack([path.result for path in paths]).float().to(images.device),
        details=_details(paths),
    )


@dataclass(slots=True, eq=False)
class _Node:
    """One gradient on the path. `slope` is the score's derivative there, `product` (H, W) its share of each pixel."""

    alpha: float
    score: float
    slope: float
    product: Tensor


@dataclass(slots=True, eq=False)
class _Path:
    """The nodes of one image in order, and the errors of the intervals between them."""

    scale: float
    nodes: list[_Node] = field(default_factory=list)
    steps: int = 0
    result: Tensor = field(default_factory=lambda: torch.empty(0))
    errors: tuple[float, ...] = ()
    total: float = 0.0
    difference: float = 0.0

    def wanted(self, tolerance: float, max_steps: int) -> list[float]:
        """Where the next gradients belong; none where the path is good enough or can get no better."""
        if not self.nodes:
            intervals = min(_FIRST_INTERVALS, max_steps - 1)
            return [step / intervals for step in range(intervals + 1)]
        errors = self.interval_errors()
        total = math.fsum(errors)
        if not math.isfinite(total):
            return []
        weights = [error * error for error in errors]
        if self.relative(math.hypot(*errors)) <= _SLACK * tolerance:
            if self.relative(abs(total)) <= tolerance:
                return []
            # Many small errors of one sign are left: those of the other sign are not in the way.
            weights = [weight if error * total > 0 else 0.0 for weight, error in zip(weights, errors, strict=True)]
        enough = _SPLIT_SHARE * math.fsum(weights)
        covered = 0.0
        alphas: list[float] = []
        largest = max(weights)
        for index in sorted(range(len(errors)), key=lambda index: -weights[index])[: max_steps - len(self.nodes)]:
            if covered >= enough and (len(alphas) >= _FEWEST or weights[index] < _WORTH_IT * largest):
                break
            low, high = self.nodes[index].alpha, self.nodes[index + 1].alpha
            if high - low > _SHORTEST:
                alphas.append((low + high) / 2)
            covered += weights[index]
        return alphas

    def interval_errors(self) -> list[float]:
        """The trapezoid's error on each interval, exactly: its sum minus f(b) - f(a)."""
        return [
            (right.alpha - left.alpha) * (left.slope + right.slope) / 2 - (right.score - left.score)
            for left, right in zip(self.nodes, self.nodes[1:], strict=False)
        ]

    def close(self) -> None:
        """Sum the nodes up and let them go."""
        alphas = [node.alpha for node in self.nodes]
        ends = [alphas[0], *alphas, alphas[-1]]
        self.result = torch.zeros_like(self.nodes[0].product)
        for index, node in enumerate(self.nodes):
            self.result.add_(node.product, alpha=(ends[index + 2] - ends[index]) / 2)
        self.errors = tuple(self.interval_errors())
        self.steps = len(self.nodes)
        self.total = float(in_float64(self.result).sum())
        self.difference = self.nodes[-1].score - self.nodes[0].score
        self.nodes = []

    def relative(self, error: float) -> float:
        """An error in units of the score, relative to the change of the score."""
        if error == 0:
            return 0.0
        return error / self.scale if self.scale else math.inf


def _integrate(
    probe: Probe,
    images: Tensor,
    bases: Tensor,
    targets: Tensor,
    paths: list[_Path],
    tolerance: float,
    max_steps: int,
) -> None:
    """Refine all paths in rounds. Points of all images share the chunks, so a finished image frees its place."""
    while True:
        points = [(row, alpha) for row, path in enumerate(paths) for alpha in path.wanted(tolerance, max_steps)]
        if not points:
            break
        for (row, _), node in zip(points, _nodes(probe, images, bases, targets, points), strict=True):
            paths[row].nodes.append(node)
        for path in paths:
            path.nodes.sort(key=lambda node: node.alpha)
    for path in paths:
        path.close()


def _nodes(
    probe: Probe, images: Tensor, bases: Tensor, targets: Tensor, points: Sequence[tuple[int, float]]
) -> list[_Node]:
    """The gradients at (row, alpha) points, in their order."""
    rows = torch.tensor([row for row, _ in points], device=images.device)
    alphas = torch.tensor([alpha for _, alpha in points], dtype=images.dtype, device=images.device)
    nodes: list[_Node] = []

    def make(start: int, stop: int) -> tuple[Tensor, Tensor]:
        chosen = rows[start:stop]
        return torch.lerp(bases[chosen], images[chosen], alphas[start:stop, None, None, None]), targets[chosen]

    def take(start: int, stop: int, scores: Tensor, grads: Tensor) -> None:
        chosen = rows[start:stop]
        products = (grads * (images[chosen] - bases[chosen]).to(grads)).sum(dim=1)
        slopes = in_float64(products.flatten(1)).sum(dim=1)
        for offset, (score, slope) in enumerate(zip(scores.tolist(), slopes.tolist(), strict=True)):
            product = products[offset].clone()
            nodes.append(_Node(alpha=points[start + offset][1], score=score, slope=slope, product=product))

    probe.gradients_of(len(points), make, take)
    return nodes


def _scales(probe: Probe, images: Tensor, bases: Tensor, targets: Tensor) -> list[float]:
    """max(|D|, 0.1 max_c |D_c|) of each image: what its errors are relative to.

    An image that equals its baseline changes nothing but rounding, which must not look like a large relative error.
    """
    there = in_float64(probe.logits(images, targets))
    targets = targets.to(there.device)
    alike = bool((bases == bases[:1]).all()) and not probe.target_wants_targets
    nothing = in_float64(probe.logits(bases[:1]) if alike else probe.logits(bases, targets))
    change = (there - nothing).abs()
    own = change[:, 0] if change.shape[1] == 1 else change.gather(1, targets[:, None])[:, 0]
    rounding = _NOTHING * torch.maximum(there.abs(), nothing.abs()).amax(dim=1)
    return torch.stack([own, _FLOOR * change.amax(dim=1), rounding]).amax(dim=0).tolist()


def _details(paths: Sequence[_Path]) -> dict[str, Tensor]:
    return {
        "completeness_error": torch.tensor([path.relative(abs(path.total - path.difference)) for path in paths]),
        "path_residual": torch.tensor([path.relative(math.fsum(map(abs, path.errors))) for path in paths]),
        "path_error": torch.tensor([path.relative(math.hypot(*path.errors)) for path in paths]),
        "steps": torch.tensor([path.steps for path in paths]),
        "attribution_sum": torch.tensor([path.total for path in paths], dtype=torch.float64),
        "score_difference": torch.tensor([path.difference for path in paths], dtype=torch.float64),
    }
