"""Statistics of per-image values: summaries and their intervals. Numbers in, numbers out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

Values = NDArray[np.float64]

RESAMPLES = 2000

_MOST_AT_ONCE = 4_000_000
"""Values that are resampled in one piece."""


def summarize(values: Values, statistic: str) -> float:
    """One number for many images, the same to the last digit in whatever order they come.

    Args:
        values: (N,), finite, N >= 1.
        statistic: mean, median, p05, p95, min or max; percentiles are interpolated linearly.
    """
    if values.size == 0 or not np.isfinite(values).all():
        raise ValueError(f"must have at least one value, all finite, got {values.size} values")
    if statistic == "mean":
        return math.fsum(values) / values.size
    return float(along_last(values, statistic))


def interval(values: Values, statistic: str, *, confidence: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Two-sided confidence interval of a statistic over images.

    Percentile bootstrap over images (Efron 1979), 2,000 resamples, seeded, of the sorted values: which image stands
    where in a list must not move a bound. Shares of yes and no use Wilson's interval instead: the bootstrap of sixty
    times yes has no width although sixty images do not prove certainty.
    """
    if statistic == "mean" and np.isin(values, (0.0, 1.0)).all():
        return _wilson(int(values.sum()), values.size, confidence)
    if values.size < 2 or np.ptp(values) == 0:
        return float(values.min()), float(values.max())
    ordered, rng = np.sort(values), np.random.default_rng(seed)
    batch = max(1, _MOST_AT_ONCE // values.size)
    resampled = [
        along_last(ordered[rng.integers(0, values.size, (min(batch, RESAMPLES - start), values.size))], statistic)
        for start in range(0, RESAMPLES, batch)
    ]
    rest = (1 - confidence) / 2
    low, high = np.percentile(np.concatenate(resampled), [100 * rest, 100 * (1 - rest)])
    return float(low), float(high)


def along_last(values: Values, statistic: str) -> Values:
    """The statistic over the last axis; see `summarize`."""
    match statistic:
        case "mean":
            result = values.mean(axis=-1)
        case "median":
            result = np.median(values, axis=-1)
        case "p05":
            result = np.percentile(values, 5, axis=-1)
        case "p95":
            result = np.percentile(values, 95, axis=-1)
        case "min":
            result = values.min(axis=-1)
        case "max":
            result = values.max(axis=-1)
        case _:
            raise ValueError(f"must be mean, median, p05, p95, min or max, got {statistic}")
    return np.asarray(result)


def _wilson(yes: int, count: int, confidence: float) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927)."""
    z = float(special.ndtri((1 + confidence) / 2))
    share, weight = yes / count, z * z / count
    centre, half = share + weight / 2, z * math.sqrt(share * (1 - share) / count + weight / (4 * count))
    # Rounding must not leave a little where nobody, or everybody, said yes.
    low = 0.0 if yes == 0 else (centre - half) / (1 + weight)
    high = 1.0 if yes == count else (centre + half) / (1 + weight)
    return low, high
