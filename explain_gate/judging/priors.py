"""What is known before a team has measured anything: the package's bounds of behaviour, and how far versions differ.

`BEHAVIOUR` is what thresholds.yaml asks for as `init` writes it; how it was chosen stands in benchmarks/detection.
`SPREADS` is what benchmarks/detection/spreads.py measured; `python -m benchmarks.detection.spreads --table` prints it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

BEHAVIOUR: Mapping[str, Mapping[str, float]] = {
    "reliance.background_gap": {"at_most": 0.10, "must_catch": 0.6},
    "reliance.background_follow": {"at_most": 0.10, "must_catch": 0.6},
    "reliance.background_only": {"at_most": 0.30, "must_catch": 0.85},
    "reliance.object_only": {"at_most": 0.05, "must_catch": 0.5},
    "reliance.operation_follow": {"at_most": 0.05, "must_catch": 0.5},
    "reliance.signature_follow": {"at_most": 0.05, "must_catch": 0.5},
    "reliance.style_follow": {"at_most": 0.20, "must_catch": 0.75},
    "reliance.transplant_follow": {"at_most": 0.20, "must_catch": 0.8},
    "reliance.transplant_follow/inside": {"at_most": 0.30, "must_catch": 0.8},
    "reliance.background_margin": {"at_most": 0.15},
    "reliance.core_sensitivity": {"at_least": 0.0},
    "reliance.occlusion_share": {"at_least": 0.60},
}
"""By check: with `must_catch` shares of images that are counted, without it bounds on the mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """How far honest versions differ on a row: standard deviation of its mean, and its degrees of freedom.

    `shift` is the part of the spread that more images do not reduce.
    """

    spread: float
    shift: float
    freedom: float


FREEDOM = 3
"""How alike the groups are that the spreads were measured on: degrees of freedom of a scaled inverse chi-square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Standard deviations between honest versions of one metric, and on how many versions of how many groups.

    `shift` is of what a whole class, or the whole set, moves by; `jitter` of what one image moves by besides, so that
    the mean of N images varies by the root of shift^2 + jitter^2 / N.
    """

    shift: float
    jitter: float
    groups: int
    versions: int


SPREADS: Mapping[str, tuple[Spread, Spread]] = {
    "alignment.iou": (
        Spread(shift=0.017, jitter=0.03, groups=7, versions=15),
        Spread(shift=0.014, jitter=0.06, groups=7, versions=15),
    ),
    "alignment.lift": (
        Spread(shift=0.064, jitter=0.07, groups=7, versions=15),
        Spread(shift=0.018, jitter=0.13, groups=7, versions=15),
    ),
    "alignment.pointing_game": (
        Spread(shift=0.046, jitter=0.22, groups=7, versions=15),
        Spread(shift=0.008, jitter=0.19, groups=7, versions=15),
    ),
    "alignment.relevance_mass": (
        Spread(shift=0.015, jitter=0.03, groups=7, versions=15),
        Spread(shift=0.002, jitter=0.05, groups=7, versions=15),
    ),
    "alignment.relevance_rank": (
        Spread(shift=0.031, jitter=0.07, groups=7, versions=15),
        Spread(shift=0.010, jitter=0.09, groups=7, versions=15),
    ),
    "alignment.silent_share": (
        Spread(shift=0.008, jitter=0.06, groups=7, versions=15),
        Spread(shift=0.007, jitter=0.07, groups=7, versions=15),
    ),
    "alignment.specificity": (
        Spread(shift=0.026, jitter=0.07, groups=7, versions=15),
        Spread(shift=0.014, jitter=0.11, groups=7, versions=15),
    ),
    "complexity.entropy": (
        Spread(shift=0.005, jitter=0.01, groups=7, versions=15),
        Spread(shift=0.002, jitter=0.01, groups=7, versions=15),
    ),
    "complexity.gini": (
        Spread(shift=0.035, jitter=0.07, groups=7, versions=15),
        Spread(shift=0.022, jitter=0.09, groups=7, versions=15),
    ),
    "discrimination.class_correlation": (
        Spread(shift=0.059, jitter=0.06, groups=7, versions=15),
        Spread(shift=0.043, jitter=0.06, groups=7, versions=15),
    ),
    "performance.accuracy": (
        Spread(shift=0.010, jitter=0.14, groups=7, versions=15),
        Spread(shift=0.006, jitter=0.15, groups=7, versions=15),
    ),
    "reliance.background_follow": (
        Spread(shift=0.013, jitter=0.06, groups=7, versions=15),
        Spread(shift=0.011, jitter=0.04, groups=7, versions=15),
    ),
    "reliance.background_gap": (
        Spread(shift=0.022, jitter=0.08, groups=7, versions=15),
        Spread(shift=0.016, jitter=0.08, groups=7, versions=15),
    ),
    "reliance.background_margin": (
        Spread(shift=0.013, jitter=0.02, groups=7, versions=15),
        Spread(shift=0.010, jitter=0.04, groups=7, versions=15),
    ),
    "reliance.background_only": (
        Spread(shift=0.056, jitter=0.23, groups=7, versions=15),
        Spread(shift=0.044, jitter=0.30, groups=7, versions=15),
    ),
    "reliance.object_only": (
        Spread(shift=0.018, jitter=0.13, groups=7, versions=15),
        Spread(shift=0.005, jitter=0.11, groups=7, versions=15),
    ),
    "reliance.occlusion_share": (
        Spread(shift=0.032, jitter=0.13, groups=7, versions=15),
        Spread(shift=0.005, jitter=0.12, groups=7, versions=15),
    ),
    "reliance.operation_follow": (
        Spread(shift=0.019, jitter=0.06, groups=7, versions=15),
        Spread(shift=0.012, jitter=0.08, groups=7, versions=15),
    ),
    "reliance.signature_follow": (
        Spread(shift=0.001, jitter=0.02, groups=7, versions=15),
        Spread(shift=0.001, jitter=0.02, groups=7, versions=15),
    ),
    "reliance.style_follow": (
        Spread(shift=0.017, jitter=0.13, groups=7, versions=15),
        Spread(shift=0.017, jitter=0.15, groups=7, versions=15),
    ),
    "reliance.transplant_follow/inside": (
        Spread(shift=0.028, jitter=0.07, groups=7, versions=15),
        Spread(shift=0.029, jitter=0.09, groups=7, versions=15),
    ),
    "reliance.transplant_follow": (
        Spread(shift=0.028, jitter=0.14, groups=7, versions=15),
        Spread(shift=0.015, jitter=0.14, groups=7, versions=15),
    ),
}
"""By check: of a row of one class, and of the row of all classes."""


def prior_of(check: str, images: int, *, one_class: bool) -> Prior | None:
    """What is known of the spread of a row's mean over so many images; None where nothing was measured."""
    known = SPREADS.get(check) or SPREADS.get(check.partition("/")[0])
    if known is None:
        return None
    own = known[0 if one_class else 1]
    spread = math.sqrt(own.shift**2 + own.jitter**2 / images)
    return Prior(spread=spread, shift=own.shift, freedom=FREEDOM)
