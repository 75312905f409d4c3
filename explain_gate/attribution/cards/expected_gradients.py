"""Cards of Expected Gradients."""

from __future__ import annotations

from explain_gate.attribution.cards.card import Method

CARDS = (
    Method(
        key="expected_gradients",
        family="expected_gradients",
        kind="signed",
        summary="Integrated Gradients averaged over drawn baselines (GradientSHAP)",
        source="Erion 2021, Lundberg 2017",
        cost="`samples` forward + backward (50)",
        caveat="a random estimate: few samples leave noise; depends on what the references are",
        needs=("gradients",),
        meanings={
            "references": "noise, an image file, a folder of at most 64, or a tensor (R, C, H, W)",
            "samples": "gradients per image",
        },
    ),
)
