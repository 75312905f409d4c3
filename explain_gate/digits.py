"""Numbers as people read them: two decimals, and more where it takes more to see which of two is larger."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

NONE = "\u2013"
"""What stands where there is no number: an en dash."""

_MOST_DIGITS = 18
_ROUNDING = 1e-9
"""Relative; ends of an interval that are closer than this differ by rounding only."""


def number(value: float | None, *, against: float | Iterable[float] | None = None) -> str:
    """The value with two decimals, or with as many as show on which side of `against` it lies.

    Args:
        value: None and what is not finite become an en dash.
        against: the bound or bounds that stand beside it, written as `exact` writes them.
    """
    if value is None or not math.isfinite(value):
        return NONE
    others = () if against is None else (against,) if isinstance(against, int | float) else tuple(against)
    for digits in range(2, _MOST_DIGITS):
        text = _written(value, digits)
        read = _read(text)
        if all((read > other) == (value > other) and (read < other) == (value < other) for other in others):
            return text
    return repr(value)


def numbers(values: Sequence[float]) -> list[str]:
    """Finite values that stand beside each other, with as many digits as it takes to tell unequal ones apart."""
    for digits in range(2, _MOST_DIGITS):
        texts = [_written(value, digits) for value in values]
        read = [_read(text) for text in texts]
        if all(
            (read[one] < read[two]) == (values[one] < values[two]) or _is_rounding(values[one], values[two])
            for one in range(len(values))
            for two in range(len(values))
        ):
            return texts
    return [repr(value) for value in values]


def exact(value: float) -> str:
    """A bound as it was written, with two decimals at least: `0.40`, `0.405`."""
    if not math.isfinite(value):
        return NONE
    return next(
        (text for text in (_written(value, digits) for digits in range(2, _MOST_DIGITS)) if _read(text) == value),
        repr(value),
    )


def _written(value: float, digits: int) -> str:
    if value != 0 and abs(value) < 0.005:
        return f"{value:.{digits}g}"
    return f"{value:,.{digits - 2 if abs(value) >= 1000 else digits}f}"


def _read(text: str) -> float:
    return float(text.replace(",", ""))


def _is_rounding(one: float, two: float) -> bool:
    return abs(one - two) <= _ROUNDING * max(abs(one), abs(two))


def plural(count: int, noun: str) -> str:
    """`1 image`, `2,000 images`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


_WHOLE = 0.02
"""How far a share's inverse may be from a whole number that stands for it."""


def one_in(share: float) -> str:
    """A share as people say it: `1 in 4`, or `15 in 100` where that is no whole number."""
    if share <= 0:
        return "none"
    whole = round(1 / share)
    return f"1 in {whole}" if abs(1 / share - whole) < _WHOLE * whole else f"{100 * share:.0f} in 100"
