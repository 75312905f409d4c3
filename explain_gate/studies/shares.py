"""The share of one sum in another over images, with its interval."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from explain_gate.statistics import RESAMPLES

Values = NDArray[np.float64]


def share_of(part: Values, whole: Values, *, seed: int) -> tuple[float | None, tuple[float, float] | None]:
    """Ratio of sums and its 95 % interval: a percentile bootstrap over images (Efron 1979).

    Of sums, since one image on which the whole is nearly nothing would make a mean of ratios anything. None where the
    whole is not above nothing, also in one of the resamples that the interval is made of.

    Shapes: part, whole (N,).
    """
    if not len(part) or whole.sum() <= 0:
        return None, None
    drawn = np.random.default_rng(seed).integers(0, len(part), (RESAMPLES, len(part)))
    parts, wholes = part[drawn].sum(axis=1), whole[drawn].sum(axis=1)
    usable = wholes > 0
    value = float(part.sum() / whole.sum())
    if usable.mean() < 0.975:
        return value, None
    low, high = np.percentile(parts[usable] / wholes[usable], [2.5, 97.5])
    return value, (float(low), float(high))
