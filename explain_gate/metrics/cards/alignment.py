"""Cards of alignment: does the map lie on the annotated region?"""

from __future__ import annotations

from explain_gate.metrics.cards.card import Family, Metric

FAMILY = Family(
    name="alignment",
    question="Does the map lie on the annotated region?",
    broken="the model looks outside the annotated region",
    looks=True,
)

_PLACED = "have a map that lies on their region no better than maps of other images do"

CARDS = (
    Metric(
        key="alignment.iou",
        summary="overlap of the map, cut at half its maximum, with the annotated region",
        better="higher",
        low=0,
        high=1,
        needs=("region",),
        asks=("other_maps",),
        source="Rajpurkar 2017, Saporta 2022",
        caveat="measures sharpness as much as place: the same map squared has another value",
        question=_PLACED,
        worst=0,
        meanings={
            "binarize": "half, otsu, or area: as many pixels as the region",
            "fraction": "with half: the share of the maximum to cut at",
        },
    ),
    Metric(
        key="alignment.pointing_game",
        summary="share of the maximum's pixels inside the region",
        better="higher",
        low=0,
        high=1,
        needs=("region",),
        asks=("other_maps",),
        source="Zhang 2018",
        caveat="looks at the highest point only; a large region is hit by chance",
        question=_PLACED,
        worst=0,
        meanings={
            "tolerance": "pixels by which the region is widened",
        },
    ),
    Metric(
        key="alignment.relevance_mass",
        summary="share of the positive relevance inside the region",
        better="higher",
        low=0,
        high=1,
        needs=("region",),
        asks=("other_maps",),
        source="Arras 2021",
        caveat="a faint haze over a large background outweighs a sharp peak; chance is the region's share of the frame",
        question=_PLACED,
        worst=0,
    ),
    Metric(
        key="alignment.relevance_rank",
        summary="share of the strongest pixels, as many as the region has, that lie inside the region",
        better="higher",
        low=0,
        high=1,
        needs=("region",),
        asks=("other_maps",),
        source="Arras 2021",
        caveat="only the order counts, so a map that is nearly flat can do well",
        question=_PLACED,
        worst=0,
    ),
    Metric(
        key="alignment.lift",
        summary="relevance mass over the region's share of the frame; 1 is chance",
        better="higher",
        low=0,
        high=None,
        unit="ratio",
        needs=("region",),
        asks=("other_maps",),
        source="relevance_mass over area",
        caveat="cannot rise above 1 over the region's share of the frame, which is 1 for an object that fills it",
        question=_PLACED,
        worst=0,
    ),
    Metric(
        key="alignment.human_ratio",
        summary="overlap of the map with the annotators' regions over the overlap among the annotators",
        better="higher",
        low=0,
        high=None,
        unit="ratio",
        needs=("region", "annotators"),
        source="Saporta 2022",
        caveat="above 1 where people disagree more than the map does; needs two annotators an image",
        worst=0,
        meanings={
            "binarize": "as in iou",
            "fraction": "as in iou",
        },
    ),
    Metric(
        key="alignment.silent_share",
        summary="share of images whose map has no positive part: nothing in them speaks for their class",
        better="lower",
        low=0,
        high=1,
        source="explain-gate",
        caveat="a map that is faintly positive anywhere counts as speaking",
        question="have a map without any positive part",
        worst=1,
    ),
)
