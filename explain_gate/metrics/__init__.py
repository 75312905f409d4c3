"""The table of metrics: unit, range, direction, source. Torch-free; a metric's code is loaded when it is used.

Adding a metric is one function in its family's module, one line here, one test function in checks/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from explain_gate.records import Direction

Applies = Literal["maps", "path", "model"]
"""`maps`: once per attribution method. `path`: only methods with a completeness error. `model`: no method at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One line of the table.

    `code` is "module:function" inside this package, or "package.module:function" of a user. `low` and `high` are the
    ends of the range, None where unbounded. `parameters` name what a rule may set, with the meaning.
    `needs_region`: images without a usable region are unmeasured.
    """

    code: str
    summary: str
    better: Direction
    low: float | None
    high: float | None
    source: str
    unit: str = "share"
    applies: Applies = "maps"
    needs_region: bool = False
    cost: str = "none"
    parameters: Mapping[str, str] = field(default_factory=dict)


METRICS: dict[str, Metric] = {
    "performance.accuracy": Metric(
        code="performance:accuracy",
        summary="share of images whose prediction is an annotated class",
        better="higher",
        low=0,
        high=1,
        source="definition",
        applies="model",
    ),
    "alignment.iou": Metric(
        code="alignment:iou",
        summary="overlap of the map, cut at half its maximum, with the annotated region",
        better="higher",
        low=0,
        high=1,
        source="Rajpurkar 2017, Saporta 2022",
        needs_region=True,
        parameters={
            "binarize": "half (default), otsu, or area: as many pixels as the region",
            "fraction": "with half: the share of the maximum to cut at, default 0.5",
        },
    ),
    "alignment.pointing_game": Metric(
        code="alignment:pointing_game",
        summary="share of the maximum's pixels inside the region",
        better="higher",
        low=0,
        high=1,
        source="Zhang 2018",
        needs_region=True,
        parameters={"tolerance": "pixels by which the region is widened, default 0"},
    ),
    "alignment.relevance_mass": Metric(
        code="alignment:relevance_mass",
        summary="share of the positive relevance inside the region",
        better="higher",
        low=0,
        high=1,
        source="Arras 2021",
        needs_region=True,
    ),
    "alignment.lift": Metric(
        code="alignment:lift",
        summary="relevance mass over the region's share of the frame; 1 is chance",
        better="higher",
        low=0,
        high=None,
        source="relevance_mass over area",
        unit="ratio",
        needs_region=True,
    ),
    "completeness.relative_error": Metric(
        code="completeness:relative_error",
        summary="how far the attributions are from adding up to the change of the score",
        better="lower",
        low=0,
        high=None,
        source="Sundararajan 2017",
        applies="path",
    ),
    "completeness.path_residual": Metric(
        code="completeness:path_residual",
        summary="the same error summed along the path, where it cannot cancel",
        better="lower",
        low=0,
        high=None,
        source="explain-gate",
        applies="path",
    ),
    "randomization.correlation": Metric(
        code="randomization:correlation",
        summary="rank correlation of the map with the map of a re-initialised model",
        better="lower",
        low=-1,
        high=1,
        source="Adebayo 2018",
        unit="Spearman",
        cost="one map per seed",
        parameters={"seeds": "number of re-initialisations, default 1"},
    ),
    "randomization.excess_correlation": Metric(
        code="randomization:excess_correlation",
        summary="that correlation minus the one between maps of different images of the trained model",
        better="lower",
        low=-2,
        high=2,
        source="Arun 2021",
        unit="Spearman",
        cost="one map per seed",
        parameters={"seeds": "number of re-initialisations, default 1", "pairs": "random pairs, default 50"},
    ),
    "stability.rerun_correlation": Metric(
        code="stability:rerun_correlation",
        summary="rank correlation with the map measured again with another seed, batch size and thread count",
        better="higher",
        low=-1,
        high=1,
        source="explain-gate",
        unit="Spearman",
        cost="one map",
    ),
    "reliance.background_gap": Metric(
        code="reliance:background_gap",
        summary="accuracy on backgrounds of the same class minus on backgrounds of other classes",
        better="lower",
        low=-1,
        high=1,
        source="Xiao 2020",
        applies="model",
        needs_region=True,
        cost="10 forwards",
        parameters={"donors": "backgrounds per image and kind, default 5"},
    ),
    "reliance.background_follow": Metric(
        code="reliance:background_follow",
        summary="share of predictions that turn to the class of the background",
        better="lower",
        low=0,
        high=1,
        source="Xiao 2020",
        applies="model",
        needs_region=True,
        cost="shared with background_gap",
        parameters={"donors": "backgrounds per image and kind, default 5"},
    ),
}
