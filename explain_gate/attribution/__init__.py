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
    thresholds.yaml may set, with the meaning. `needs` lists what the model must offer: "gradients", "layers" (named
    submodules with feature maps), "attention". `sanity` is False where the map is known not to depend on the model's
    weights (Adebayo 2018); a gate must not rest on such a method alone.
    """

    code: str
    kind: MapKind
    summary: str
    source: str
    cost: str
    caveat: str
    needs: tuple[str, ...] = ()
    has_path: bool = False
    sanity: bool = True
    options: Mapping[str, str] = field(default_factory=dict)


_LAYER = {"layer": "dotted module name or list; default: the model's target layer"}
_BASELINE = "mean (default), black, blur, an image file, or a tensor"

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
    "gradient_x_input": Method(
        code="gradients:gradient_x_input",
        kind="signed",
        summary="the first-order share of each pixel in the score",
        source="Shrikumar 2016",
        cost="1 forward + backward",
        caveat="pixels of the mean colour get nothing; local; much of the picture is the input itself",
        needs=("gradients",),
    ),
    "smooth_grad": Method(
        code="gradients:smooth_grad",
        kind="magnitude",
        summary="the gradient averaged over noisy copies of the image",
        source="Smilkov 2017; squared: Hooker 2019; variance: Adebayo 2018",
        cost="`samples` forward + backward (25)",
        caveat="noisy images lie outside the data; the amount of noise changes the map",
        needs=("gradients",),
        options={
            "samples": "noisy copies, default 25",
            "noise": "standard deviation as a share of the image's range, default 0.15",
            "variant": "mean (default), squared, or variance",
        },
    ),
    "guided_backprop": Method(
        code="gradients:guided_backprop",
        kind="magnitude",
        summary="the gradient with negative values cut at every ReLU",
        source="Springenberg 2015",
        cost="1 forward + backward",
        caveat="fails the randomization test: it shows edges whatever the weights are (Adebayo 2018, Sixt 2020)",
        needs=("gradients",),
        sanity=False,
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
            "baseline": _BASELINE,
            "tolerance": "relative completeness error to reach, default 0.01",
            "max_steps": "most gradients per image, default 512",
        },
    ),
    "expected_gradients": Method(
        code="expected_gradients:expected_gradients",
        kind="signed",
        summary="Integrated Gradients averaged over drawn baselines (GradientSHAP)",
        source="Erion 2021, Lundberg 2017",
        cost="`samples` forward + backward (50)",
        caveat="a random estimate: few samples leave noise; depends on what the references are",
        needs=("gradients",),
        options={
            "references": "noise (default), an image file, a folder of at most 64, or a tensor (R, C, H, W)",
            "samples": "gradients per image, default 50",
        },
    ),
    "grad_cam": Method(
        code="cam:grad_cam",
        kind="positive",
        summary="the last feature maps, weighted by how much the score wants each of them",
        source="Selvaraju 2017",
        cost="1 forward + backward to the layer",
        caveat="coarse: the resolution of the target layer; can be manipulated (Heo 2019)",
        needs=("gradients", "layers"),
        options=_LAYER,
    ),
    "grad_cam_plus_plus": Method(
        code="cam:grad_cam_plus_plus",
        kind="positive",
        summary="Grad-CAM whose weights do not fade when there are several objects",
        source="Chattopadhay 2018",
        cost="1 forward + backward to the layer",
        caveat="coarse; counts only positive gradients, so it tells classes apart less than Grad-CAM",
        needs=("gradients", "layers"),
        options=_LAYER,
    ),
    "layer_cam": Method(
        code="cam:layer_cam",
        kind="positive",
        summary="feature maps weighted place by place; keeps detail in early layers",
        source="Jiang 2021",
        cost="1 forward + backward to the layer",
        caveat="in early layers it follows edges; counts only positive gradients",
        needs=("gradients", "layers"),
        options=_LAYER,
    ),
    "score_cam": Method(
        code="score_cam:score_cam",
        kind="positive",
        summary="feature maps weighted by the score of the image seen through each of them",
        source="Wang 2020",
        cost="1 forward per channel that is not flat (MobileNetV2 up to 1280, ResNet-50 up to 2048)",
        caveat="expensive; coarse; weights of many channels are nearly equal, so classes may look alike",
        needs=("layers",),
        options=_LAYER,
    ),
    "eigen_cam": Method(
        code="cam:eigen_cam",
        kind="positive",
        summary="the main component of the last feature maps",
        source="Muhammad 2020",
        cost="1 forward",
        caveat="does not look at the class: what the layer sees most, not what the score uses",
        needs=("layers",),
        options=_LAYER,
    ),
    "occlusion": Method(
        code="occlusion:occlusion",
        kind="signed",
        summary="what the score loses when a window of the image is covered",
        source="Zeiler 2014",
        cost="1 forward per window (default 169), of what the window reaches, + 1",
        caveat="cues larger than the window, or present twice, are missed; the cover is itself unusual",
        options={
            "window": "side in pixels, default a seventh of the shorter side",
            "stride": "pixels between windows, default half a window",
            "baseline": _BASELINE,
        },
    ),
    "rise": Method(
        code="rise:rise",
        kind="positive",
        summary="the class probability where a pixel was visible, over randomly masked images",
        source="Petsiuk 2018",
        cost="`masks` forwards (1000)",
        caveat="a random estimate: few masks leave blotches; flat where the class is never in doubt",
        options={
            "masks": "passes per image, default 1000",
            "grid": "cells of a mask along a side, default 7",
            "visible": "share of visible cells, default 0.5",
        },
    ),
    "kernel_shap": Method(
        code="kernel_shap:kernel_shap",
        kind="signed",
        summary="Shapley values of image regions: their fair shares in the change of the score",
        source="Lundberg 2017, Covert 2021",
        cost="`samples` forwards (512) + 2",
        caveat="as coarse as its regions; depends on what hidden regions show; few samples leave noise",
        options={
            "segments": "grid (default) or superpixels",
            "parts": "regions, default 49",
            "samples": "passes per image, default 512",
            "baseline": _BASELINE,
        },
    ),
    "attention_rollout": Method(
        code="attention:attention_rollout",
        kind="positive",
        summary="where a vision transformer's attention comes from, through all layers",
        source="Abnar 2020",
        cost="1 forward",
        caveat="does not look at the class, nor at what the values carry; ViT-like models only",
        needs=("attention",),
    ),
    "gradient_attention": Method(
        code="attention:gradient_attention",
        kind="positive",
        summary="attention weighted by how much the score wants it, through all layers",
        source="Chefer 2021",
        cost="1 forward + backward",
        caveat="counts only positive gradients; ViT-like models only",
        needs=("gradients", "attention"),
    ),
}
