"""Cards of RISE."""

from __future__ import annotations

from explain_gate.attribution.cards.card import Method

CARDS = (
    Method(
        key="rise",
        family="rise",
        kind="positive",
        summary="the class probability where a pixel was visible, over randomly masked images; of detectors D-RISE: "
        "overlap with the object times score",
        source="Petsiuk 2018, Petsiuk 2021 (D-RISE)",
        cost="`masks` forwards (1000)",
        caveat="a random estimate: few masks leave blotches; flat where the class is never in doubt",
        meanings={
            "masks": "passes per image",
            "grid": "cells of a mask along a side",
            "visible": "share of visible cells",
        },
    ),
)
