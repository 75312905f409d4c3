"""Images counted: how many say yes, how many may, how many find a cheat. Pure; each number can be redone by hand.

Each image answers one yes-or-no question, in one seeded trial. A row breaks when more images say yes than the bound
allows, beyond chance: the exact binomial (Clopper and Pearson 1934). What a rule may spend on false alarms is its own
part; its rows (classes, methods) share it by Holm (1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from scipy import special

POWER = 0.8
"""With which probability a row has to find the share of yes that its rule must catch."""
_MOST_IMAGES = 5000


def tail(yes: int, images: int, share: float) -> float:
    """Probability of at least `yes` of `images` where each says yes with probability `share`."""
    return 1.0 if yes <= 0 else 0.0 if yes > images else float(special.betainc(yes, images - yes + 1, share))


@lru_cache(maxsize=65536)
def fails_from(images: int, bound: float, part: float) -> int | None:
    """The smallest number of yes that a share of `bound` explains with a probability of at most `part`.

    Args:
        images: that answered.
        bound: the worst honest share of yes, in [0, 1).
        part: the false alarms that the row may spend, in (0, 1).

    Returns:
        In [1, images], or None where not even all of them would be beyond chance.
    """
    if images == 0:
        return None
    if tail(images, images, bound) > part:
        return None
    least, most = 1, images
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if tail(middle, images, bound) <= part else (middle + 1, most)
    return most


def power(images: int, bound: float, part: float, share: float) -> float:
    """Probability that a row fails where each image says yes with probability `share`; from its number alone."""
    least = fails_from(images, bound, part)
    return 0.0 if least is None else tail(least, images, share)


@lru_cache(maxsize=65536)
def images_needed(bound: float, part: float, share: float) -> int | None:
    """The smallest number from which every larger one finds `share` with a probability of at least POWER.

    Power is a saw over the number of images, so the first number that reaches it is not enough.

    Returns:
        None where 5,000 images would not do, as for a share at or below the bound.
    """
    if share <= bound:
        return None
    high = 8
    while high < _MOST_IMAGES and any(power(n, bound, part, share) < POWER for n in range(high, high + 40)):
        high *= 2
    if high >= _MOST_IMAGES:
        return None
    for images in range(high, 0, -1):
        if power(images, bound, part, share) < POWER:
            return images + 1
    return 1


def finds(images: int, bound: float, part: float) -> float | None:
    """The smallest true share of yes, to 0.01, that a row finds with a probability of POWER; None where none."""
    for hundredth in range(int(bound * 100) + 1, 101):
        if power(images, bound, part, hundredth / 100) >= POWER:
            return hundredth / 100
    return None


def limits(yes: int, images: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided exact limits of the true share of yes (Clopper and Pearson 1934)."""
    rest = (1 - confidence) / 2
    low = 0.0 if yes == 0 else float(special.betaincinv(yes, images - yes + 1, rest))
    high = 1.0 if yes == images else float(special.betaincinv(yes + 1, images - yes, 1 - rest))
    return low, high


def upper_limit(yes: int, images: int, *, confidence: float = 0.95) -> float:
    """One-sided exact upper limit of the true share of yes."""
    return 1.0 if yes == images else float(special.betaincinv(yes + 1, images - yes, confidence))


def broken_rows(p_values: Sequence[float], part: float) -> list[bool]:
    """Which rows of one rule break: Holm's step-down over their p-values, together at most `part` false alarms.

    A row's answer does not depend on the order of the rows.
    """
    order = sorted(range(len(p_values)), key=lambda row: p_values[row])
    broken = [False] * len(p_values)
    for rank, row in enumerate(order):
        if p_values[row] > part / (len(p_values) - rank):
            break
        broken[row] = True
    return broken


def more_images(yes: int, images: int, bound: float, part: float) -> int | None:
    """About how many more images would decide, if they said yes as often as these did; None where no number would."""
    share = yes / images if images else 0.0
    needed = images_needed(bound, part, share)
    return None if needed is None else max(1, needed - images)
