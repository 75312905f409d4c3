"""What is known before a team has measured anything: the package's bounds of behaviour, and how far versions differ.

`BEHAVIOUR` is what thresholds.yaml asks for as `init` writes it; how it was chosen stands in benchmarks/detection.
`SPREADS` is what benchmarks/detection/spreads.py measured; `python -m benchmarks.detection.spreads --table` prints it.
Twenty honest versions of seven groups, 20 images a class, Grad-CAM where a metric is of maps: MobileNetV2 on pets by
masks (3 versions with other last blocks, 3 with another head alone), on pets by boxes of their heads (3) and on blood
cells (3); EfficientNet-lite0 on pets by masks (2) and on blood cells (3); the demo's network on drawn digits (3).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

BEHAVIOUR: Mapping[str, Mapping[str, float]] = {
    "reliance.background_gap": {"at_most": 0.10, "must_catch": 0.7},
    "reliance.background_follow": {"at_most": 0.10, "must_catch": 0.7},
    "reliance.background_only": {"at_most": 0.30, "must_catch": 0.95},
    "reliance.object_only": {"at_most": 0.05, "must_catch": 0.6},
    "reliance.operation_follow": {"at_most": 0.05, "must_catch": 0.5},
    "reliance.signature_follow": {"at_most": 0.05, "must_catch": 0.5},
    "reliance.style_follow": {"at_most": 0.20, "must_catch": 0.8},
    "reliance.transplant_follow": {"at_most": 0.20, "must_catch": 0.8},
    "reliance.transplant_follow/inside": {"at_most": 0.30, "must_catch": 0.9},
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

    Both are in units of the standard deviation between the images of a row, in which data sets are more alike than in
    the metric's own. `shift` is of what a whole class, or the whole set, moves by; `jitter` of what one image moves by
    besides, so that the mean of N images varies by the root of shift^2 + jitter^2 / N.
    """

    shift: float
    jitter: float
    groups: int
    versions: int


SPREADS: Mapping[str, tuple[Spread, Spread]] = {
    "alignment.iou": (
        Spread(shift=0.09, jitter=0.19, groups=7, versions=20),
        Spread(shift=0.06, jitter=0.35, groups=7, versions=20),
    ),
    "alignment.lift": (
        Spread(shift=0.27, jitter=0.34, groups=7, versions=20),
        Spread(shift=0.10, jitter=0.43, groups=7, versions=20),
    ),
    "alignment.pointing_game": (
        Spread(shift=0.16, jitter=0.59, groups=7, versions=20),
        Spread(shift=0.06, jitter=0.67, groups=7, versions=20),
    ),
    "alignment.relevance_mass": (
        Spread(shift=0.07, jitter=0.12, groups=7, versions=20),
        Spread(shift=0.01, jitter=0.24, groups=7, versions=20),
    ),
    "alignment.relevance_rank": (
        Spread(shift=0.12, jitter=0.32, groups=7, versions=20),
        Spread(shift=0.04, jitter=0.32, groups=7, versions=20),
    ),
    "alignment.silent_share": (
        Spread(shift=0.02, jitter=0.28, groups=7, versions=20),
        Spread(shift=0.03, jitter=0.42, groups=7, versions=20),
    ),
    "alignment.specificity": (
        Spread(shift=0.12, jitter=0.23, groups=7, versions=20),
        Spread(shift=0.09, jitter=0.55, groups=7, versions=20),
    ),
    "complexity.entropy": (
        Spread(shift=0.02, jitter=0.03, groups=7, versions=20),
        Spread(shift=0.01, jitter=0.12, groups=7, versions=20),
    ),
    "complexity.gini": (
        Spread(shift=0.16, jitter=0.27, groups=7, versions=20),
        Spread(shift=0.16, jitter=0.64, groups=7, versions=20),
    ),
    "discrimination.class_correlation": (
        Spread(shift=0.19, jitter=0.26, groups=7, versions=20),
        Spread(shift=0.21, jitter=0.54, groups=7, versions=20),
    ),
    "performance.accuracy": (
        Spread(shift=0.08, jitter=0.46, groups=7, versions=20),
        Spread(shift=0.06, jitter=0.51, groups=7, versions=20),
    ),
    "reliance.background_follow": (
        Spread(shift=0.05, jitter=0.28, groups=7, versions=20),
        Spread(shift=0.06, jitter=0.47, groups=7, versions=20),
    ),
    "reliance.background_gap": (
        Spread(shift=0.12, jitter=0.39, groups=7, versions=20),
        Spread(shift=0.09, jitter=0.58, groups=7, versions=20),
    ),
    "reliance.background_margin": (
        Spread(shift=0.07, jitter=0.14, groups=7, versions=20),
        Spread(shift=0.05, jitter=0.31, groups=7, versions=20),
    ),
    "reliance.background_only": (
        Spread(shift=0.17, jitter=0.65, groups=7, versions=20),
        Spread(shift=0.15, jitter=0.86, groups=7, versions=20),
    ),
    "reliance.object_only": (
        Spread(shift=0.14, jitter=0.36, groups=7, versions=20),
        Spread(shift=0.11, jitter=0.43, groups=7, versions=20),
    ),
    "reliance.occlusion_share": (
        Spread(shift=0.13, jitter=0.54, groups=7, versions=20),
        Spread(shift=0.02, jitter=0.60, groups=7, versions=20),
    ),
    "reliance.operation_follow": (
        Spread(shift=0.07, jitter=0.21, groups=7, versions=20),
        Spread(shift=0.05, jitter=0.35, groups=7, versions=20),
    ),
    "reliance.signature_follow": (
        Spread(shift=0.02, jitter=0.14, groups=7, versions=20),
        Spread(shift=0.02, jitter=0.16, groups=7, versions=20),
    ),
    "reliance.style_follow": (
        Spread(shift=0.06, jitter=0.52, groups=7, versions=20),
        Spread(shift=0.08, jitter=0.59, groups=7, versions=20),
    ),
    "reliance.transplant_follow/inside": (
        Spread(shift=0.12, jitter=0.31, groups=7, versions=20),
        Spread(shift=0.16, jitter=0.62, groups=7, versions=20),
    ),
    "reliance.transplant_follow": (
        Spread(shift=0.17, jitter=0.45, groups=7, versions=20),
        Spread(shift=0.18, jitter=0.73, groups=7, versions=20),
    ),
}
"""By check: of a row of one class, and of the row of all classes."""


def prior_of(check: str, images: int, differ: float, *, one_class: bool) -> Prior | None:
    """What is known of the spread of a row's mean; None where nothing was measured.

    Args:
        check: the rule's; one with a name behind its metric has the metric's own where it has none itself.
        images: of the row.
        differ: standard deviation between them, in the metric's unit.
        one_class: whether the row is of one class, or of all.
    """
    known = SPREADS.get(check) or SPREADS.get(check.partition("/")[0])
    if known is None:
        return None
    own = known[0 if one_class else 1]
    spread = math.sqrt(own.shift**2 + own.jitter**2 / images)
    return Prior(spread=spread * differ, shift=own.shift * differ, freedom=FREEDOM)
