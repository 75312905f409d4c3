"""Cards of kernel SHAP."""

from __future__ import annotations

from explain_gate.attribution.cards.card import BASELINE, Method

CARDS = (
    Method(
        key="kernel_shap",
        family="kernel_shap",
        kind="signed",
        summary="Shapley values of image regions: their fair shares in the change of the score",
        source="Lundberg 2017, Covert 2021",
        cost="`samples` forwards (512) + 2",
        caveat="as coarse as its regions; depends on what hidden regions show; few samples leave noise",
        meanings={
            "segments": "grid or superpixels",
            "parts": "regions",
            "samples": "passes per image",
            "baseline": BASELINE,
        },
    ),
)
