"""The table of metrics: unit, range, direction, source. Torch-free; a metric's code is loaded when it is used.

Adding a metric is one function in its family's module, one line here, one test function in checks/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from explain_gate.records import Direction

Applies = Literal["maps", "path", "pairs", "model"]
"""What a metric is measured on.

`maps`: every attribution method. `path`: methods with a completeness error. `pairs`: every two methods, written
"grad_cam+occlusion". `model`: the model alone, no method.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One line of the table.

    `code` is "module:function" inside this package, or "package.module:function" of a user. `low` and `high` are the
    ends of the range, None where unbounded. `parameters` name what a rule may set, with the meaning.
    `needs_reference`: measured after both versions. `needs_region`: the rule is judged on images with a usable region.

    `question` completes "3 of 20 images ...": what each image is asked, yes or no, in one seeded trial, where rules
    count images; a yes speaks against the model, and the metric notes the answers as "evidence". Empty: there is none.
    `of_others`: images of other classes are asked, that were given something of the class that the answer is about,
    which the question calls {whom}. `worst` is the value of an image whose map has no positive part, for metrics of
    where maps lie.
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
    needs_reference: bool = False
    cost: str = "none"
    question: str = ""
    of_others: bool = False
    worst: float | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


REGION = "region"
"""A parameter of every metric that needs a region: the annotated part that takes the place of the whole object."""

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
    "performance.balanced_accuracy": Metric(
        code="performance:balanced_accuracy",
        summary="mean over classes of the share of right predictions; each image weighs what its class lacks",
        better="higher",
        low=0,
        high=None,
        source="Brodersen 2010",
        unit="weighted share",
        applies="model",
    ),
    "performance.latency_ratio": Metric(
        code="performance:latency_ratio",
        summary="time of one explanation over the time of one forward pass",
        better="lower",
        low=0,
        high=None,
        source="definition",
        unit="forward passes",
        cost="one map and 3 forwards",
    ),
    "alignment.iou": Metric(
        code="alignment:iou",
        question="have a map that lies on their region no better than maps of other images do",
        worst=0,
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
        question="have a map that lies on their region no better than maps of other images do",
        worst=0,
        summary="share of the maximum's pixels inside the region",
        better="higher",
        low=0,
        high=1,
        source="Zhang 2018",
        needs_region=True,
        parameters={
            "tolerance": "pixels by which the region is widened, default 0",
        },
    ),
    "alignment.relevance_mass": Metric(
        code="alignment:relevance_mass",
        question="have a map that lies on their region no better than maps of other images do",
        worst=0,
        summary="share of the positive relevance inside the region",
        better="higher",
        low=0,
        high=1,
        source="Arras 2021",
        needs_region=True,
    ),
    "alignment.relevance_rank": Metric(
        code="alignment:relevance_rank",
        question="have a map that lies on their region no better than maps of other images do",
        worst=0,
        summary="share of the strongest pixels, as many as the region has, that lie inside the region",
        better="higher",
        low=0,
        high=1,
        source="Arras 2021",
        needs_region=True,
    ),
    "alignment.lift": Metric(
        code="alignment:lift",
        question="have a map that lies on their region no better than maps of other images do",
        worst=0,
        summary="relevance mass over the region's share of the frame; 1 is chance",
        better="higher",
        low=0,
        high=None,
        source="relevance_mass over area",
        unit="ratio",
        needs_region=True,
    ),
    "alignment.human_ratio": Metric(
        code="alignment:human_ratio",
        worst=0,
        summary="overlap of the map with the annotators' regions over the overlap among the annotators",
        better="higher",
        low=0,
        high=None,
        source="Saporta 2022",
        unit="ratio",
        needs_region=True,
        parameters={
            "binarize": "as in iou",
            "fraction": "as in iou",
        },
    ),
    "alignment.silent_share": Metric(
        code="alignment:silent_share",
        summary="share of images whose map has no positive part: nothing in them speaks for their class",
        better="lower",
        low=0,
        high=1,
        source="explain-gate",
        question="have a map without any positive part",
        worst=1,
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
    "completeness.gradient_error": Metric(
        code="completeness:gradient_error",
        summary="how far the gradient's promises are from what the score does when the image is moved a little",
        better="lower",
        low=0,
        high=None,
        source="finite differences",
        applies="model",
        cost="1 gradient and 12 forwards in double precision",
        parameters={
            "directions": "seeded directions per image, default 5",
        },
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
        parameters={
            "seeds": "number of re-initialisations, default 1",
        },
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
        parameters={
            "seeds": "number of re-initialisations, default 1",
            "pairs": "random pairs, default 50",
        },
    ),
    "randomization.cascade": Metric(
        code="randomization:cascade",
        summary="mean rank correlation while blocks are re-initialised from the output down, one more at every step",
        better="lower",
        low=-1,
        high=1,
        source="Adebayo 2018",
        unit="Spearman",
        cost="one map per step and seed, what lies below the cut reused",
        parameters={
            "seeds": "number of re-initialisations, default 1",
            "steps": "cuts from the output to the input, default 6",
        },
    ),
    "randomization.complexity_rise": Metric(
        code="randomization:complexity_rise",
        summary="how much the map's entropy rises when all parameters are re-initialised",
        better="higher",
        low=-1,
        high=None,
        source="Hedstrom 2023",
        unit="share of the entropy",
        cost="one map per seed",
        parameters={
            "seeds": "number of re-initialisations, default 1",
            "bins": "bins of the histogram, default 100",
        },
    ),
    "randomization.labels": Metric(
        code="randomization:labels",
        summary="rank correlation of the map with the map of a model trained on permuted labels",
        better="lower",
        low=-1,
        high=1,
        source="Adebayo 2018",
        unit="Spearman",
        cost="one map",
        parameters={
            "checkpoint": "weights of the model trained on permuted labels; required",
        },
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
    "stability.augmentation_correlation": Metric(
        code="stability:augmentation_correlation",
        summary="rank correlation with maps of slightly changed images, warped back",
        better="higher",
        low=-1,
        high=1,
        source="explain-gate",
        unit="Spearman",
        cost="five maps and five forwards",
    ),
    "stability.max_sensitivity": Metric(
        code="stability:max_sensitivity",
        summary="largest change of the map under tiny noise on the image, relative to the map",
        better="lower",
        low=0,
        high=None,
        source="Yeh 2019",
        unit="ratio of norms",
        cost="one map per draw, and one",
        parameters={
            "radius": "of the noise, in units of the normalised input, default 0.02",
            "draws": "noise patterns, default 10",
        },
    ),
    "stability.retrain_correlation": Metric(
        code="stability:retrain_correlation",
        summary="rank correlation with the maps of the same version trained with other seeds",
        better="higher",
        low=-1,
        high=1,
        source="Arun 2021",
        unit="Spearman",
        cost="one map per checkpoint",
        parameters={
            "checkpoints": "list of checkpoints to compare with; required",
        },
    ),
    "stability.device_correlation": Metric(
        code="stability:device_correlation",
        summary="rank correlation with the map computed on another device or in another precision",
        better="higher",
        low=-1,
        high=1,
        source="explain-gate",
        unit="Spearman",
        cost="one map",
        parameters={
            "device": "cpu (default), cuda, cuda:N or mps",
            "dtype": "float64 (default), float32, bfloat16 or float16",
        },
    ),
    "faithfulness.deletion_auc": Metric(
        code="faithfulness:deletion_auc",
        summary="probability that is left while pixels vanish, the most relevant first; area under the curve",
        better="lower",
        low=0,
        high=1,
        source="Petsiuk 2018",
        unit="area",
        cost="one forward per step",
        parameters={
            "steps": "points of the curve, default 16",
            "fill": "what pixels become: blur (default) or mean",
        },
    ),
    "faithfulness.insertion_auc": Metric(
        code="faithfulness:insertion_auc",
        summary="probability that returns while pixels appear, the most relevant first; area under the curve",
        better="higher",
        low=0,
        high=1,
        source="Petsiuk 2018",
        unit="area",
        cost="one forward per step",
        parameters={
            "steps": "points of the curve, default 16",
            "fill": "what pixels come from: blur (default) or mean",
        },
    ),
    "faithfulness.deletion_gain": Metric(
        code="faithfulness:deletion_gain",
        summary="deletion area of the map moved elsewhere at random minus the map's own",
        better="higher",
        low=-1,
        high=1,
        source="Hooker 2019, Petsiuk 2018",
        unit="area",
        cost="one forward per step and draw, and the steps of deletion_auc",
        parameters={
            "steps": "points of the curve, default 16",
            "fill": "what pixels become: blur (default) or mean",
            "draws": "random moves, default 2",
        },
    ),
    "faithfulness.road": Metric(
        code="faithfulness:road",
        summary="probability kept when the least relevant pixels are imputed minus when the most relevant are",
        better="higher",
        low=-1,
        high=1,
        source="Rong 2022",
        unit="probability",
        cost="10 forwards and 10 imputations",
        parameters={
            "shares": "shares of pixels to impute, default [0.1, 0.3, 0.5, 0.7, 0.9]",
        },
    ),
    "faithfulness.sensitivity_n": Metric(
        code="faithfulness:sensitivity_n",
        summary="correlation between the relevance of random sets of pixels and the score lost without them",
        better="higher",
        low=-1,
        high=1,
        source="Ancona 2018",
        unit="Pearson",
        cost="one forward per draw",
        parameters={
            "share": "of the cells of the grid in a set, default 0.1",
            "draws": "random sets, default 40",
            "grid": "cells along each side, default 14",
        },
    ),
    "agreement.jaccard_top10": Metric(
        code="agreement:jaccard_top10",
        summary="overlap of the strongest tenth of the pixels of two methods",
        better="higher",
        low=0,
        high=1,
        source="Krishna 2022",
        unit="Jaccard",
        applies="pairs",
        parameters={
            "share": "of the pixels, default 0.1",
        },
    ),
    "agreement.correlation": Metric(
        code="agreement:correlation",
        summary="rank correlation between the maps of two methods",
        better="higher",
        low=-1,
        high=1,
        source="Krishna 2022",
        unit="Spearman",
        applies="pairs",
    ),
    "discrimination.class_correlation": Metric(
        code="discrimination:class_correlation",
        summary="mean rank correlation between the maps of the three most probable classes",
        better="lower",
        low=-1,
        high=1,
        source="Kindermans 2019, explain-gate",
        unit="Spearman",
        cost="three maps",
        parameters={
            "classes": "how many of the most probable classes, default 3",
        },
    ),
    "reliance.background_gap": Metric(
        code="reliance:background_gap",
        question="are right on a background of their own class and wrong on one of another class",
        summary="accuracy on backgrounds of the same class minus on backgrounds of other classes",
        better="lower",
        low=-1,
        high=1,
        source="Xiao 2020",
        applies="model",
        needs_region=True,
        cost="10 forwards",
        parameters={
            "donors": "backgrounds per image and kind, default 5",
        },
    ),
    "reliance.background_follow": Metric(
        code="reliance:background_follow",
        question="turn to {whom} on one of its backgrounds",
        of_others=True,
        summary="share of predictions that turn to the class of the background",
        better="lower",
        low=0,
        high=1,
        source="Xiao 2020",
        applies="model",
        needs_region=True,
        cost="shared with background_gap",
        parameters={
            "donors": "backgrounds per image and kind, default 5",
        },
    ),
    "reliance.background_margin": Metric(
        code="reliance:background_margin",
        summary="probability of the true class on backgrounds of the same class minus on backgrounds of other classes",
        better="lower",
        low=-1,
        high=1,
        source="Xiao 2020",
        unit="probability",
        applies="model",
        needs_region=True,
        cost="shared with background_gap",
        parameters={
            "donors": "backgrounds per image and kind, default 5",
        },
    ),
    "reliance.background_only": Metric(
        code="reliance:background_only",
        question="are called by their class without their object, as an emptied picture of another class is not",
        summary="how much more often the class is predicted without its object than on backgrounds of other classes",
        better="lower",
        low=-1,
        high=1,
        source="Xiao 2020",
        applies="model",
        needs_region=True,
        cost="6 forwards",
        parameters={
            "donors": "backgrounds of other classes per image, default 5",
        },
    ),
    "reliance.object_only": Metric(
        code="reliance:object_only",
        question="are right as they are and wrong with their object alone",
        summary="accuracy that is left with the background removed",
        better="higher",
        low=0,
        high=1,
        source="Xiao 2020",
        applies="model",
        needs_region=True,
        cost="2 forwards",
    ),
    "reliance.occlusion_share": Metric(
        code="reliance:occlusion_share",
        summary="what hiding the region costs, as a share of that and of hiding as much elsewhere; 0.5 is chance",
        better="higher",
        low=0,
        high=1,
        source="explain-gate",
        unit="share of the log odds lost",
        applies="model",
        needs_region=True,
        cost="2 forwards per draw",
        parameters={
            "draws": "pairs of hidden areas, default 3",
        },
    ),
    "reliance.transplant_follow": Metric(
        code="reliance:transplant_follow",
        summary="share of other images that turn to the class when given a patch from its most telling place",
        better="lower",
        low=0,
        high=1,
        source="explain-gate",
        applies="model",
        needs_region=True,
        cost="25 forwards, one per target, and a search",
        parameters={
            "place": "outside (default) the annotated region, or inside",
            "targets": "other images per image, default 6",
        },
    ),
    "complexity.gini": Metric(
        code="complexity:gini",
        summary="how unequally the relevance is shared out; 1 is a single pixel",
        better="higher",
        low=0,
        high=1,
        source="Chalasani 2020",
        unit="Gini",
    ),
    "complexity.entropy": Metric(
        code="complexity:entropy",
        summary="how widely the relevance is spread, as a share of the most there can be",
        better="lower",
        low=0,
        high=1,
        source="Bhatt 2020",
        unit="share of the entropy",
    ),
    "drift.map_correlation": Metric(
        code="drift:map_correlation",
        summary="rank correlation with the reference's map of the same image",
        better="higher",
        low=-1,
        high=1,
        source="explain-gate",
        unit="Spearman",
        applies="maps",
        needs_reference=True,
    ),
    "drift.changed_reason": Metric(
        code="drift:changed_reason",
        summary="share of images with the reference's prediction for another reason: the map is different",
        better="lower",
        low=0,
        high=1,
        source="explain-gate",
        needs_reference=True,
        parameters={"below": "correlation under which maps count as different, default 0.5"},
    ),
    "drift.changed_prediction": Metric(
        code="drift:changed_prediction",
        summary="share of images whose prediction is not the reference's",
        better="lower",
        low=0,
        high=1,
        source="explain-gate",
        applies="model",
        needs_reference=True,
    ),
}


FAMILIES: Mapping[str, str] = {
    "alignment": "Does the map lie on the annotated region?",
    "reliance": "Do the predictions depend on what is not the object?",
    "performance": "Are the predictions right?",
    "drift": "Has the reason changed since the approved version?",
    "randomization": "Do the maps depend on what the model has learned?",
    "completeness": "Do the attributions add up to the score?",
    "stability": "Does the same measurement give the same map?",
    "faithfulness": "Does the score change where the map says it should?",
    "agreement": "Do the methods tell the same story?",
    "discrimination": "Do maps for different classes differ?",
    "complexity": "Is the map concentrated or spread out?",
}
"""Every family's question, in the order in which a reviewer wants the answers."""


def family(check: str) -> str:
    """`alignment` of `alignment.iou/strict`."""
    return check.partition(".")[0]


def metric_of(check: str) -> Metric | None:
    """The metric's line in the table; None for a user's own metric."""
    return METRICS.get(check.partition("/")[0])


def better(check: str, bound: Mapping[str, float]) -> Direction:
    """Which direction is good: from the table, else from the bound."""
    metric = metric_of(check)
    if metric is not None:
        return metric.better
    return "lower" if "at_most" in bound or "max_rise" in bound else "higher"


def family_rank(check: str) -> tuple[int, str]:
    """Sort key: the families in the reviewer's order, a user's own families behind them by name."""
    name = family(check)
    names = list(FAMILIES)
    return (names.index(name) if name in FAMILIES else len(names), check)
