"""Cards of occlusion."""

from __future__ import annotations

from explain_gate.attribution.cards.card import BASELINE, Method

CARDS = (
    Method(
        key="occlusion",
        family="occlusion",
        kind="signed",
        summary="what the score loses when a window of the image is covered",
        source="Zeiler 2014",
        cost="1 forward per window (default 169), of what the window reaches, + 1",
        caveat="cues larger than the window, or present twice, are missed; the cover is itself unusual",
        meanings={
            "window": "side in pixels, by itself a seventh of the shorter side",
            "stride": "pixels between windows, by itself half a window",
            "baseline": BASELINE,
        },
    ),
)
