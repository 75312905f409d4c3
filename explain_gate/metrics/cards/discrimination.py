"""Cards of discrimination: do maps for different classes differ?"""

from __future__ import annotations

from explain_gate.metrics.cards.card import Family, Metric

FAMILY = Family(
    name="discrimination",
    question="Do maps for different classes differ?",
    broken="the maps look the same for every class",
)

CARDS = (
    Metric(
        key="discrimination.class_correlation",
        summary="mean rank correlation between the maps of the three most probable classes",
        better="lower",
        low=-1,
        high=1,
        unit="Spearman",
        cost="three maps",
        asks=("predictions", "explanations"),
        source="Kindermans 2019, explain-gate",
        caveat="classes that do share their parts have maps alike",
        meanings={
            "classes": "how many of the most probable classes",
        },
    ),
)
