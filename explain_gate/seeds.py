"""Every draw and every seed. Pure: a draw depends on what is drawn from, never on the order it is listed in.

A candidate is drawn where the hash of (seed, own digest, candidate's digest, purpose) is among the lowest. So one added
image changes a draw only where it is drawn itself, and whoever draws more keeps what a smaller draw took.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")
Name = Callable[[T], str]


def seed_of(seed: int, own: str, purpose: str) -> int:
    """Seed of a generator, in [0, 2^63): what one image, `own` its digest, draws for one purpose."""
    return _hash(str(seed), own, purpose) >> 1


def lowest(
    candidates: Iterable[T],
    count: int | None = None,
    *,
    digest: Name[T],
    name: Name[T],
    seed: int,
    own: str = "",
    purpose: str,
) -> list[T]:
    """At most `count` candidates of lowest hash, lowest first; all of them in the order of their hash without a count.

    Args:
        candidates: in any order.
        count: not negative.
        digest: a candidate's digest.
        name: tells candidates of one digest apart, such as two copies of one file.
        seed: of the run.
        own: digest of the image that draws; empty where the whole run does.
        purpose: what the draw is for, so that two draws of one image have nothing to do with each other.
    """

    def place(candidate: T) -> tuple[int, str]:
        return _hash(str(seed), own, digest(candidate), purpose), name(candidate)

    return sorted(candidates, key=place) if count is None else heapq.nsmallest(count, candidates, key=place)


def lowest_of_each(
    candidates: Iterable[T],
    limit: int,
    *,
    group: Callable[[T], str],
    digest: Name[T],
    name: Name[T],
    seed: int,
    purpose: str,
) -> list[T]:
    """At most `limit` candidates, as evenly over the groups as they allow, each group's of lowest hash."""
    waiting: dict[str, list[T]] = {}
    for candidate in candidates:
        waiting.setdefault(group(candidate), []).append(candidate)
    turns = lowest(waiting, digest=str, name=str, seed=seed, purpose=f"{purpose}: turns")
    ordered = {
        key: iter(lowest(waiting[key], limit, digest=digest, name=name, seed=seed, purpose=purpose)) for key in turns
    }
    chosen: list[T] = []
    while ordered and len(chosen) < limit:
        for key in list(ordered):
            one = next(ordered[key], None)
            if one is None:
                del ordered[key]
            elif len(chosen) < limit:
                chosen.append(one)
    return chosen


def pairs(
    candidates: Sequence[T], count: int, *, digest: Name[T], name: Name[T], content: Name[T], seed: int, purpose: str
) -> list[tuple[T, T]]:
    """`count` pairs of candidates that differ in `content`, each drawn by itself; empty where no two differ."""
    drawn = []
    for trial in range(count):
        for first in lowest(candidates, 1, digest=digest, name=name, seed=seed, own=str(trial), purpose=purpose):
            others = (candidate for candidate in candidates if content(candidate) != content(first))
            own, what = digest(first), f"{purpose} {trial}"
            partner = lowest(others, 1, digest=digest, name=name, seed=seed, own=own, purpose=what)
            drawn += [(first, second) for second in partner]
    return drawn


def _hash(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8], "big")
