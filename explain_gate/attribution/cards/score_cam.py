"""Cards of Score-CAM."""

from __future__ import annotations

from explain_gate.attribution.cards.card import LAYER, Method

CARDS = (
    Method(
        key="score_cam",
        family="score_cam",
        kind="positive",
        summary="feature maps weighted by the score of the image seen through each of them",
        source="Wang 2020",
        cost="1 forward per channel that is not flat (MobileNetV2 up to 1280, ResNet-50 up to 2048)",
        caveat="expensive; coarse; weights of many channels are nearly equal, so classes may look alike",
        needs=("layers",),
        meanings={"layer": LAYER},
    ),
)
