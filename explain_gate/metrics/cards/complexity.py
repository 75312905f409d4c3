"""Cards of complexity: is the map concentrated or spread out?"""

from __future__ import annotations

from explain_gate.metrics.cards.card import Family, Metric

FAMILY = Family(
    name="complexity",
    question="Is the map concentrated or spread out?",
    broken="the maps are spread over the whole image",
)

CARDS = (
    Metric(
        key="complexity.gini",
        summary="how unequally the relevance is shared out; 1 is a single pixel",
        better="higher",
        low=0,
        high=1,
        unit="Gini",
        source="Chalasani 2020",
        caveat="concentrated in the wrong place is concentrated; depends on the map's resolution",
    ),
    Metric(
        key="complexity.entropy",
        summary="how widely the relevance is spread, as a share of the most there can be",
        better="lower",
        low=0,
        high=1,
        unit="share of the entropy",
        source="Bhatt 2020",
        caveat="depends on the map's resolution; says nothing about place",
    ),
)
