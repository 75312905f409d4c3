"""The path of Integrated Gradients to one image: its nodes, the errors between them, and where the next ones belong."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from explain_gate.attribution.base import in_float64

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


@dataclass(slots=True, eq=False)
class Path:
    """The intervals of one image in order; when it is closed, its map and what is told of it."""

    scale: float
    tolerance: float
    intervals: list[Interval] = field(default_factory=list)
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

    def start(self, nodes: Sequence[Node]) -> None:
        """Take the first nodes, in order."""
        self.intervals = [Interval.between(left, right) for left, right in itertools.pairwise(nodes)]

    def halve(self, nodes: Sequence[Node]) -> None:
        """Take nodes in the middle of intervals."""
        middles = {node.alpha: node for node in nodes}
        intervals = []
        for interval in self.intervals:
            middle = middles.get(interval.middle)
            if middle is None:
                intervals.append(interval)
            else:
                intervals += [Interval.between(interval.left, middle), Interval.between(middle, interval.right)]
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


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """Two neighbouring nodes. `error` is the trapezoid's, exactly; `spread` is length times the map's jump, squared."""

    left: Node
    right: Node
    length: float
    error: float
    steepening: float
    spread: float

    @classmethod
    def between(cls, left: Node, right: Node) -> Interval:
        """The interval from one node to the next."""
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
        """Where a node would halve it."""
        return (self.left.alpha + self.right.alpha) / 2


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One gradient on the path. `slope` is the score's derivative there, `product` (H, W) its share of each pixel."""

    alpha: float
    score: float
    slope: float
    product: Tensor
