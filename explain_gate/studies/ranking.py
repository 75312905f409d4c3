"""Ranks of methods out of tests between all pairs of them: who is not told apart from another by chance ties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

ALPHA = 0.05
"""Of false alarms over the whole family of tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One method in one table; `rank` is 1 and as many as are better beyond chance. `interval` is the mean's, 95 %."""

    method: str
    mean: float
    interval: tuple[float, float]
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """`better` and `worse` by their means, paired by image; `p` is two-sided, after Holm. `tie`: not beyond chance."""

    better: str
    worse: str
    difference: float
    interval: tuple[float, float]
    p: float
    tie: bool


def ranked(
    standings: Sequence[Standing], pairs: Sequence[Pair], p_values: Sequence[float]
) -> tuple[tuple[Standing, ...], tuple[Pair, ...]]:
    """The same with what tests say, after what many of them ask for.

    Args:
        standings: of every method.
        pairs: of every two, the better mean first.
        p_values: of the pairs, adjusted.
    """
    decided = tuple(
        replace(pair, p=p, tie=p > ALPHA or pair.difference <= 0) for pair, p in zip(pairs, p_values, strict=True)
    )
    beaten = [pair.worse for pair in decided if not pair.tie]
    return tuple(replace(one, rank=1 + beaten.count(one.method)) for one in standings), decided
