"""Cards of stability: does the same measurement give the same map?"""

from __future__ import annotations

from explain_gate.metrics.cards.card import Family, Metric

FAMILY = Family(
    name="stability",
    question="Does the same measurement give the same map?",
    broken="the same measurement gives different maps",
    norm=True,
)

CARDS = (
    Metric(
        key="stability.rerun_correlation",
        summary="rank correlation with the map measured again with another seed, batch size and thread count",
        better="higher",
        low=-1,
        high=1,
        unit="Spearman",
        cost="one map",
        asks=("explanations",),
        source="explain-gate",
        caveat="says that a measurement can be repeated, not that it is right",
        of_silent=True,
    ),
    Metric(
        key="stability.augmentation_correlation",
        summary="rank correlation with maps of slightly changed images, warped back",
        better="higher",
        low=-1,
        high=1,
        unit="Spearman",
        cost="five maps and five forwards",
        asks=("predictions", "explanations"),
        source="explain-gate",
        caveat="a constant map is perfectly stable; images whose prediction turns are left out",
        broken="minor changes of the image change the map",
    ),
    Metric(
        key="stability.max_sensitivity",
        summary="largest change of the map under tiny noise on the image, relative to the map",
        better="lower",
        low=0,
        high=None,
        unit="ratio of norms",
        cost="one map per draw, and one",
        asks=("explanations",),
        source="Yeh 2019",
        caveat="the largest of few draws, so it grows with their number; a constant map reaches 0",
        broken="minor changes of the image change the map",
        meanings={
            "radius": "of the noise, in units of the normalised input",
            "draws": "noise patterns",
        },
    ),
    Metric(
        key="stability.retrain_correlation",
        summary="rank correlation with the maps of the same version trained with other seeds",
        better="higher",
        low=-1,
        high=1,
        unit="Spearman",
        cost="one map per checkpoint",
        asks=("versions",),
        source="Arun 2021",
        caveat="versions may differ for good reasons; needs checkpoints of the same training",
        broken="another training seed gives other maps",
        meanings={
            "checkpoints": "list of checkpoints to compare with; required",
        },
    ),
    Metric(
        key="stability.device_correlation",
        summary="rank correlation with the map computed on another device or in another precision",
        better="higher",
        low=-1,
        high=1,
        unit="Spearman",
        cost="one map",
        asks=("conversions",),
        source="explain-gate",
        caveat="equal ranks may hide unequal sizes",
        broken="another device or precision gives other maps",
        meanings={
            "device": "cpu, cuda, cuda:N or mps",
            "dtype": "float64, float32, bfloat16 or float16",
        },
    ),
)
