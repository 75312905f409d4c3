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
"""

from __future__ import annotations

import itertools
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
_MAP_SLACK = 5.0
"""How far the map's error may lie above the tolerance that its sum has to meet."""
_BY_CHANCE = 2.0
"""Standard deviations of the sum's error that moving weights may take away: what is more has another reason."""
_LUCK = 10.0
"""How much smaller than expected the sum's squared errors may be by luck: a few large jumps decide them."""
_SURPRISING = 3.0
"""Standard deviations beyond which an interval's own error tells of jumps that its ends do not show."""
_UNIFORM = 12.0
"""A jump anywhere in an interval of length h is off by up to h/2 either way; the variance of that is h^2 / 12."""
_HALVED = 0.6
"""Share of its expected squared error that an interval loses when it is halved: 1/2 with many jumps, 3/4 with one."""
_SHORTEST = 2.0**-16
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
    paths: list[_Path] = []
    for start in range(0, len(images), together):
        part = slice(start, start + together)
        group = [_Path(scale=scale, tolerance=tolerance) for scale in scales[part]]
        _integrate(probe, images[part], bases[part], targets[part], group, max_steps)
        paths.extend(group)
    return Attribution(
        method="integrated_gradients",
        kind="signed",
        maps=torch.stack([path.result for path in paths]).float().to(images.device),
        details=_details(paths),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    """One gradient on the path. `slope` is the score's derivative there, `product` (H, W) its share of each pixel."""

    alpha: float
    score: float
    slope: float
    product: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class _Interval:
    """Two neighbouring nodes. `error` is the trapezoid's, exactly; `spread` is length times the map's jump, squared."""

    left: _Node
    right: _Node
    length: float
    error: float
    steepening: float
    spread: float

    @classmethod
    def between(cls, left: _Node, right: _Node) -> _Interval:
        length = right.alpha - left.alpha
        jump = in_float64((right.product - left.product).flatten())
        return cls(
            left=left,
            right=right,
            length=length,
            error=length * (left.slope + right.slope) / 2 - (right.score - left.score),
            steepening=length * (right.slope - left.slope),
            spread=length * length * float(jump @ jump),
        )

    @property
    def middle(self) -> float:
        return (self.left.alpha + self.right.alpha) / 2


@dataclass(slots=True, eq=False)
class _Path:
    """The intervals of one image in order; when it is closed, its map and what is told of it."""

    scale: float
    tolerance: float
    intervals: list[_Interval] = field(default_factory=list)
    result: Tensor = field(default_factory=lambda: torch.empty(0))
    details: dict[str, float] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Gradients used."""
        return len(self.intervals) + 1 if self.intervals else 0

    @property
    def difference(self) -> float:
        """What the score changes from the first node to the last."""
        return self.intervals[-1].right.score - self.intervals[0].left.score

    def start(self, nodes: Sequence[_Node]) -> None:
        """Take the first nodes, in order."""
        self.intervals = [_Interval.between(left, right) for left, right in itertools.pairwise(nodes)]

    def halve(self, nodes: Sequence[_Node]) -> None:
        """Take nodes in the middle of intervals."""
        middles = {node.alpha: node for node in nodes}
        intervals = []
        for interval in self.intervals:
            middle = middles.get(interval.middle)
            if middle is None:
                intervals.append(interval)
            else:
                intervals += [_Interval.between(interval.left, middle), _Interval.between(middle, interval.right)]
        self.intervals = intervals

    def wanted(self, max_steps: int) -> list[float]:
        """Where the next gradients belong; none where the path is good enough or can get no better."""
        if not self.intervals:
            intervals = min(_FIRST_INTERVALS, max_steps - 1)
            return [step / intervals for step in range(intervals + 1)]
        excess = self.excess()
        if not math.isfinite(excess) or excess <= 1:
            return []
        weights = self._weights()
        whole = math.fsum(weights)
        enough = _SPLIT_SHARE * whole
        if self.map_excess() > 1:
            # The last round halves no more than what is still missing.
            enough = min(enough, whole * (1 - 0.9 / self.map_excess() ** 2) / _HALVED)
        covered = 0.0
        alphas: list[float] = []
        largest = max(weights)
        order = sorted(range(len(weights)), key=lambda index: -weights[index])
        for index in order[: max_steps - self.steps]:
            if covered >= enough and (len(alphas) >= _FEWEST or weights[index] < _WORTH_IT * largest):
                break
            if self.intervals[index].length > _SHORTEST:
                alphas.append(self.intervals[index].middle)
            covered += weights[index]
        return alphas

    def excess(self) -> float:
        """By what factor the errors are above what is asked for; 1 or less is enough, NaN is a score that is none."""
        total = math.fsum(interval.error for interval in self.intervals)
        left = abs(total + self._moved(self._shares()))
        return max(self.map_excess(), self._relative(left) / self.tolerance)

    def map_excess(self) -> float:
        """The same of the map alone."""
        return self.map_error() / (_MAP_SLACK * self.tolerance)

    def map_error(self) -> float:
        """Estimated distance of the map from the exact one over its length.

        An interval's error is a sum of jumps J_j, each off by a chance share of the length: its square is h^2 / 12
        sum |J_j|^2 in expectation, and so is that of h (g_right - g_left) / sqrt(12), because chance signs do not
        correlate. The same holds for the sums over the pixels, whose errors are known: their ratio corrects the
        estimate, upwards where the gradient moves more than the nodes tell, downwards where it is so smooth that
        chance cannot be the reason.
        """
        spread = math.fsum(interval.spread for interval in self.intervals) / _UNIFORM
        expected = math.fsum(interval.steepening**2 for interval in self.intervals) / _UNIFORM
        measured = math.fsum(interval.error**2 for interval in self.intervals)
        ratio = measured / expected if expected else 1.0
        error = math.sqrt(spread * max(ratio, min(1.0, _LUCK * ratio)))
        if error == 0:
            return 0.0
        length = float(in_float64(self._trapezoid()).norm())
        return error / length if length else math.inf

    def close(self) -> None:
        """Sum the nodes up and let them go."""
        shares = self._shares()
        self.result = self._trapezoid()
        for interval, share in zip(self.intervals, shares, strict=True):
            self.result.add_(interval.right.product - interval.left.product, alpha=share * interval.length)
        errors = [interval.error for interval in self.intervals]
        total = float(in_float64(self.result).sum())
        excess = self.excess()
        needed = math.ceil(self.steps * excess) if math.isfinite(excess) and excess > 1 else self.steps
        self.details = {
            "completeness_error": self._relative(abs(total - self.difference)),
            "path_residual": self._relative(math.fsum(map(abs, errors))),
            "path_error": self._relative(math.hypot(*errors)),
            "map_error": self.map_error(),
            "steps": self.steps,
            "steps_needed": needed,
            "attribution_sum": total,
            "score_difference": self.difference,
        }
        self.intervals = []

    def _trapezoid(self) -> Tensor:
        """The plain sum over the nodes, (H, W), float64."""
        whole = in_float64(torch.zeros_like(self.intervals[0].left.product))
        for interval in self.intervals:
            whole.add_(interval.left.product, alpha=interval.length / 2)
            whole.add_(interval.right.product, alpha=interval.length / 2)
        return whole

    def _shares(self) -> list[float]:
        """Share of each interval's length by which its right node weighs more than half, within -1/2..1/2.

        The smallest such shares (least squares) that make the sum exact; they follow the regression of the error on
        the jumps, so what they take from the sum's error they take from the map's as well. An error that chance does
        not explain (a gradient that does not belong to the score) stays, and is told.
        """
        steepness = math.fsum(interval.steepening**2 for interval in self.intervals)
        if not steepness > 0:
            return [0.0] * len(self.intervals)
        total = math.fsum(interval.error for interval in self.intervals)
        chance = _BY_CHANCE * math.hypot(*(interval.error for interval in self.intervals))
        factor = max(-chance, min(chance, total)) / steepness
        return [max(-0.5, min(0.5, -factor * interval.steepening)) for interval in self.intervals]

    def _moved(self, shares: Sequence[float]) -> float:
        """What such shares add to the sum of the map."""
        return math.fsum(share * interval.steepening for share, interval in zip(shares, self.intervals, strict=True))

    def _weights(self) -> list[float]:
        """The expected squared error of each interval's map, or what its own error tells where that is a surprise."""
        spread = math.fsum(interval.spread for interval in self.intervals)
        steepness = math.fsum(interval.steepening**2 for interval in self.intervals)
        if not spread > 0 or not steepness > 0:
            return [interval.error**2 for interval in self.intervals]
        per_error = spread / steepness / _SURPRISING**2
        return [max(interval.spread / _UNIFORM, interval.error**2 * per_error) for interval in self.intervals]

    def _relative(self, error: float) -> float:
        """An error in units of the score, relative to the change of the score."""
        if error == 0:
            return 0.0
        return error / self.scale if self.scale else math.inf


def _integrate(
    probe: Probe, images: Tensor, bases: Tensor, targets: Tensor, paths: list[_Path], max_steps: int
) -> None:
    """Refine all paths in rounds. Points of all images share the chunks, so a finished image frees its place."""
    while True:
        points = [(row, alpha) for row, path in enumerate(paths) for alpha in path.wanted(max_steps)]
        if not points:
            break
        nodes_of: dict[int, list[_Node]] = {}
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
    alike = targets.ndim == 1 and bool((bases == bases[:1]).all()) and not probe.target_wants_targets
    nothing = in_float64(probe.logits(bases[:1]) if alike else probe.logits(bases, targets))
    change = (there - nothing).abs()
    own = (probe.explained(there, targets) - probe.explained(nothing.expand_as(there), targets)).abs()
    rounding = _NOTHING * torch.maximum(there.abs(), nothing.abs()).amax(dim=1)
    return torch.stack([own, _FLOOR * change.amax(dim=1), rounding]).amax(dim=0).tolist()


def _details(paths: Sequence[_Path]) -> dict[str, Tensor]:
    exact = {"attribution_sum", "score_difference"}
    return {
        name: torch.tensor([path.details[name] for path in paths], dtype=torch.float64 if name in exact else None)
        for name in paths[0].details
    }
