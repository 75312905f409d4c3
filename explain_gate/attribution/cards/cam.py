"""Cards of class activation maps."""

from __future__ import annotations

from explain_gate.attribution.cards.card import LAYER, Method

CARDS = (
    Method(
        key="grad_cam",
        family="cam",
        kind="positive",
        summary="the last feature maps, weighted by how much the score wants each of them",
        source="Selvaraju 2017",
        cost="1 forward + backward to the layer",
        caveat="coarse: the resolution of the target layer; can be manipulated (Heo 2019)",
        needs=("gradients", "layers"),
        meanings={"layer": LAYER},
    ),
    Method(
        key="grad_cam_plus_plus",
        family="cam",
        kind="positive",
        summary="Grad-CAM whose weights do not fade when there are several objects",
        source="Chattopadhay 2018",
        cost="1 forward + backward to the layer",
        caveat="coarse; counts only positive gradients, so it tells classes apart less than Grad-CAM",
        needs=("gradients", "layers"),
        meanings={"layer": LAYER},
    ),
    Method(
        key="layer_cam",
        family="cam",
        kind="positive",
        summary="feature maps weighted place by place; keeps detail in early layers",
        source="Jiang 2021",
        cost="1 forward + backward to the layer",
        caveat="in early layers it follows edges; counts only positive gradients",
        needs=("gradients", "layers"),
        meanings={"layer": LAYER},
    ),
    Method(
        key="eigen_cam",
        family="cam",
        kind="positive",
        summary="the main component of the last feature maps",
        source="Muhammad 2020",
        cost="1 forward",
        caveat="does not look at the class: what the layer sees most, not what the score uses",
        needs=("layers",),
        meanings={"layer": LAYER},
    ),
)
