"""Cards of agreement: do the methods tell the same story?"""

from __future__ import annotations

from explain_gate.metrics.cards.card import Family, Metric

FAMILY = Family(
    name="agreement",
    question="Do the methods tell the same story?",
    broken="the attribution methods contradict each other",
)

CARDS = (
    Metric(
        key="agreement.jaccard_top10",
        summary="overlap of the strongest tenth of the pixels of two methods",
        better="higher",
        low=0,
        high=1,
        unit="Jaccard",
        applies="pairs",
        source="Krishna 2022",
        caveat="methods may agree and both be wrong; coarse maps agree by their grid",
        meanings={
            "share": "of the pixels",
        },
    ),
    Metric(
        key="agreement.correlation",
        summary="rank correlation between the maps of two methods",
        better="higher",
        low=-1,
        high=1,
        unit="Spearman",
        applies="pairs",
        source="Krishna 2022",
        caveat="methods may agree and both be wrong; a common silence over the background counts as agreement",
    ),
)
