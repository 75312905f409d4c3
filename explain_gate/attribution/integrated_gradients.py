"""Integrated Gradients that puts its nodes where the gradient jumps and lets completeness say how wrong the map is.

Between two nodes the map's error is unknown, but its sum is not: the score at the nodes gives the exact integral of the
gradient's sum over the interval, f(b) - f(a). On ReLU networks the gradient jumps at thousands of places along the
path; rules of higher order gain nothing there, and the interval errors are drawn by chance. So

- intervals are halved by length times the jump of the gradient *map* over them, what the error is in expectation. The
  interval's own error of the sum is one draw of chance: halving the unlucky intervals leaves the lucky ones as wrong as
  they are and makes the measured error smaller than the map's;
- that draw, taken over all intervals, says how large the map's error is: its scale is measured, not assumed;
- the sum of the map is made exact by moving weight between the two ends of each interval, as little as it takes and
  no further than chance explains. This matters where the score hardly changes (f(x) - f(x') is a small difference of
  large positive and negative parts): there a map that is right to 1 % may miss the small sum by 20 %.

`path` holds these rules for one image; here they meet the model.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from explain_gate.attribution.base import Probe, in_float64
from explain_gate.attribution.baselines import baseline_images
from explain_gate.attribution.path import Node, Path
from explain_gate.errors import OptionError
from explain_gate.records import Attribution

_FLOOR = 0.1
_NOTHING = 1e-4
_STORE_SHARE = 0.25


def integrated_gradients(
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    *,
    keys: Sequence[str],
    baseline: str | Tensor = "mean",
    tolerance: float = 0.01,
    max_steps: int = 512,
) -> Attribution:
    """Integrated Gradients (Sundararajan 2017, equation 1), summed over the channels.

    An image stops when the relative completeness error is at most `tolerance` and the estimated error of its map at
    most 5 times that. One that reaches `max_steps` before has `steps_needed` above `steps`; its map is not to be used.

    Args:
        probe: the model.
        images: (N, C, H, W), normalised.
        targets: (N,), int64.
        keys: one digest per image; nothing is drawn here.
        baseline: mean, black, blur, an image file, or a tensor; see baseline_images.
        tolerance: relative error to reach, above 0.
        max_steps: budget of gradients per image, at least 2.

    Returns:
        Maps (N, H, W), signed, in units of the score. Details (N,):

        - `completeness_error`: |sum of the map - D| over max(|D|, 0.1 max_c |D_c|), or over 1e-4 of the largest score
          where that is more. D = f(x) - f(x').
        - `path_residual`: the trapezoid's errors on the intervals, their magnitudes summed, over the same denominator;
          `path_error`: the root of the sum of their squares. Neither knows of the moved weights.
        - `map_error`: estimated distance from the exact map over its length (L2 over the pixels).
        - `steps`: gradients used; `steps_needed`: the same where the tolerances were met, else an estimate of what it
          takes, above `steps`. An estimate, because errors fall with the number of steps, not faster.
        - `attribution_sum`; `score_difference` D.

    Raises:
        OptionError: an option out of range, or a baseline that does not fit.
    """
    if not tolerance > 0 or max_steps < 2:
        raise OptionError(f"tolerance must be above 0 and max_steps at least 2, got {tolerance} and {max_steps}")
    bases = baseline_images(probe, images, baseline)
    scales = _scales(probe, images, bases, targets)
    largest_path = max_steps * images.shape[-2] * images.shape[-1] * 4
    together = max(1, int(_STORE_SHARE * probe.memory_budget) // largest_path)
    paths: list[Path] = []
    for start in range(0, len(images), together):
        part = slice(start, start + together)
        group = [Path(scale=scale, tolerance=tolerance) for scale in scales[part]]
        _integrate(probe, images[part], bases[part], targets[part], group, max_steps)
        paths.extend(group)
    return Attribution(
        method="integrated_gradients",
        kind="signed",
        maps=torch.stack([path.result for path in paths]).float().to(images.device),
        details=_details(paths),
    )


def _integrate(probe: Probe, images: Tensor, bases: Tensor, targets: Tensor, paths: list[Path], max_steps: int) -> None:
    """Refine all paths in rounds. Points of all images share the chunks, so a finished image frees its place."""
    while True:
        points = [(row, alpha) for row, path in enumerate(paths) for alpha in path.wanted(max_steps)]
        if not points:
            break
        nodes_of: dict[int, list[Node]] = {}
        for (row, _), node in zip(points, _nodes(probe, images, bases, targets, points), strict=True):
            nodes_of.setdefault(row, []).append(node)
        for row, nodes in nodes_of.items():
            if paths[row].intervals:
                paths[row].halve(nodes)
            else:
                paths[row].start(nodes)
    for path in paths:
        path.close()


def _nodes(
    probe: Probe, images: Tensor, bases: Tensor, targets: Tensor, points: Sequence[tuple[int, float]]
) -> list[Node]:
    """The gradients at (row, alpha) points, in their order."""
    rows = torch.tensor([row for row, _ in points], device=images.device)
    alphas = torch.tensor([alpha for _, alpha in points], dtype=images.dtype, device=images.device)
    nodes: list[Node] = []

    def make(start: int, stop: int) -> tuple[Tensor, Tensor]:
        chosen = rows[start:stop]
        return torch.lerp(bases[chosen], images[chosen], alphas[start:stop, None, None, None]), targets[chosen]

    def take(start: int, stop: int, scores: Tensor, grads: Tensor) -> None:
        chosen = rows[start:stop]
        products = (grads * (images[chosen] - bases[chosen]).to(grads)).sum(dim=1)
        slopes = in_float64(products.flatten(1)).sum(dim=1)
        for offset, (score, slope) in enumerate(zip(scores.tolist(), slopes.tolist(), strict=True)):
            product = products[offset].clone()
            nodes.append(Node(alpha=points[start + offset][1], score=score, slope=slope, product=product))

    probe.gradients_of(len(points), make, take)
    return nodes


def _scales(probe: Probe, images: Tensor, bases: Tensor, targets: Tensor) -> list[float]:
    """max(|D|, 0.1 max_c |D_c|) of each image: what its errors are relative to.

    An image that equals its baseline changes nothing but rounding, which must not look like a large relative error.
    """
    there = in_float64(probe.logits(images, targets))
    targets = targets.to(there.device)
    alike = targets.ndim == 1 and bool((bases == bases[:1]).all()) and not probe.target_wants_targets
    nothing = in_float64(probe.logits(bases[:1]) if alike else probe.logits(bases, targets))
    change = (there - nothing).abs()
    own = (probe.explained(there, targets) - probe.explained(nothing.expand_as(there), targets)).abs()
    rounding = _NOTHING * torch.maximum(there.abs(), nothing.abs()).amax(dim=1)
    return torch.stack([own, _FLOOR * change.amax(dim=1), rounding]).amax(dim=0).tolist()


def _details(paths: Sequence[Path]) -> dict[str, Tensor]:
    exact = {"attribution_sum", "score_difference"}
    return {
        name: torch.tensor([path.details[name] for path in paths], dtype=torch.float64 if name in exact else None)
        for name in paths[0].details
    }
