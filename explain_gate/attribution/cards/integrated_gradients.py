"""Cards of Integrated Gradients."""

from __future__ import annotations

from explain_gate.attribution.cards.card import BASELINE, Method

CARDS = (
    Method(
        key="integrated_gradients",
        family="integrated_gradients",
        kind="signed",
        summary="gradients summed along the path from a baseline, until they add up to the change of the score",
        source="Sundararajan 2017",
        cost="about 15 to 100 forward + backward",
        caveat="depends on the baseline; what looks like the baseline gets no relevance",
        needs=("gradients",),
        has_path=True,
        meanings={
            "baseline": BASELINE,
            "tolerance": "relative completeness error to reach",
            "max_steps": "most gradients per image",
        },
        for_controls={"max_steps": 16},
    ),
)
