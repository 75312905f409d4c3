"""Means over retrains and images at once: both were drawn, so an interval has to hold for others of either."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from explain_gate.statistics import interval

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean, its 95 % interval, and the two-sided p-value of its being 0; in the values' own unit."""

    value: float
    interval: tuple[float, float]
    p: float


def crossed_mean(values: Values) -> Mean:
    """The mean of a table in which every retrain has every image, as readers have cases in studies of radiologists.

    Variances add up as in Dorfman, Berbaum and Metz 1992 with the correction of Hillis 2007: that of the retrains, and
    that of the images as far as it is more than what is left over. Degrees of freedom after Satterthwaite 1946, so that
    three retrains that agree by chance do not look like certainty.

    Shapes: values (S, N), finite; S retrains and N images, two of each at least.
    """
    retrains, images = values.shape
    if retrains < 2 or images < 2:
        raise ValueError(f"must have at least two retrains and two images, got {retrains} and {images}")
    mean = math.fsum(values.flat) / values.size
    by_retrain, by_image = values.mean(axis=1), values.mean(axis=0)
    rest = values - by_retrain[:, None] - by_image[None] + mean
    of_retrains = images * float(by_retrain.var(ddof=1))
    of_rest = float((rest**2).sum()) / ((retrains - 1) * (images - 1))
    of_images = max(0.0, retrains * float(by_image.var(ddof=1)) - of_rest)
    total = of_retrains + of_images
    if total <= 1e-18 * max(1.0, mean * mean):  # rounding; nothing differs
        # As many coins that all fell alike say no more than this.
        return Mean(value=mean, interval=(mean, mean), p=min(1.0, 2.0 ** (1 - images)) if mean else 1.0)
    freedom = total**2 / (of_retrains**2 / (retrains - 1) + of_images**2 / (images - 1))
    error = math.sqrt(total / values.size)
    half = float(special.stdtrit(freedom, 0.975)) * error
    p = 2 * float(special.stdtr(freedom, -abs(mean) / error))
    return Mean(value=mean, interval=(mean - half, mean + half), p=min(1.0, p))


def crossed_share(right: Values) -> tuple[float, tuple[float, float]]:
    """A share of yes and no with its 95 % interval, in [0, 1]; at least as wide as that of so many images.

    Shapes: right (S, N), of 0 and 1.
    """
    mean = crossed_mean(right)
    low, high = mean.interval
    if low == high:  # every retrain says the same of every image, so that images alone were drawn
        low, high = interval(right.mean(axis=0), "mean")
    return mean.value, (max(0.0, low), min(1.0, high))
