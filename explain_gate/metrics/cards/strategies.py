"""Cards of strategies: does a group of a class's images rest on something beside the object?"""

from __future__ import annotations

from explain_gate.metrics.cards.card import Family, Metric

FAMILY = Family(
    name="strategies",
    question="Does a group of a class's images rest on something beside the object?",
    broken="a group of a class's images rests on something beside the object",
    looks=True,
)

CARDS = (
    Metric(
        key="strategies.outside",
        summary="share of images whose cluster of maps has less relevance on the regions than even maps would have",
        better="lower",
        low=0,
        high=1,
        needs=("region",),
        asks=("panels",),
        source="SpRAy, Lapuschkin 2019",
        caveat="all images of a cluster answer alike; fewer than 8 maps of a class are one cluster",
        worst=1,
    ),
)
