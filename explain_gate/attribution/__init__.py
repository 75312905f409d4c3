"""The table of attribution methods. Torch-free; a method's code is loaded when it is used.

Adding a method is one module with one function and one line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from explain_gate.records import MapKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One line of the table: the method's card.

    `code` is "module:function" inside this package, or "package.module:function" of a user. `options` name what
    thresholds.yaml may set, with the meaning. `needs` lists what the model must offer: "gradients", "layers".
    """

    code: str
    kind: MapKind
    summary: str
    source: str
    cost: str
    caveat: str
    needs: tuple[str, ...] = ()
    has_path: bool = False
    options: Mapping[str, str] = field(default_factory=dict)


METHODS: dict[str, Method] = {
    "gradient": Method(
        code="gradients:gradient",
        kind="magnitude",
        summary="how fast the score changes with each pixel",
        source="Simonyan 2013",
        cost="1 forward + backward",
        caveat="noisy; local, so blind to cues on which the score has saturated",
        needs=("gradients",),
    ),
    "grad_cam": Method(
        code="cam:grad_cam",
        kind="positive",
        summary="the last feature maps, weighted by how much the score wants each of them",
        source="Selvaraju 2017",
        cost="1 forward + backward",
        caveat="coarse: the resolution of the target layer; can be manipulated (Heo 2019)",
        needs=("gradients", "layers"),
        options={"layer": "dotted module name or list; default: the model's target layer"},
    ),
    "integrated_gradients": Method(
        code="integrated_gradients:integrated_gradients",
        kind="signed",
        summary="gradients summed along the path from a baseline, until they add up to the change of the score",
        source="Sundararajan 2017",
        cost="about 15 to 100 forward + backward",
        caveat="depends on the baseline; what looks like the baseline gets no relevance",
        needs=("gradients",),
        has_path=True,
        options={
            "baseline": "mean (default), black, blur, or an image file",
            "tolerance": "relative completeness error to reach, default 0.01",
            "max_steps": "most gradients per image, default 512",
        },
    ),
}
