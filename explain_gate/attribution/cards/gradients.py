"""Cards of gradients of the score."""

from __future__ import annotations

from explain_gate.attribution.cards.card import Method

CARDS = (
    Method(
        key="gradient",
        family="gradients",
        kind="magnitude",
        summary="how fast the score changes with each pixel",
        source="Simonyan 2013",
        cost="1 forward + backward",
        caveat="noisy; local, so blind to cues on which the score has saturated",
        needs=("gradients",),
    ),
    Method(
        key="gradient_x_input",
        family="gradients",
        kind="signed",
        summary="the first-order share of each pixel in the score",
        source="Shrikumar 2016",
        cost="1 forward + backward",
        caveat="pixels of the mean colour get nothing; local; much of the picture is the input itself",
        needs=("gradients",),
    ),
    Method(
        key="smooth_grad",
        family="gradients",
        kind="magnitude",
        summary="the gradient averaged over noisy copies of the image",
        source="Smilkov 2017; squared: Hooker 2019; variance: Adebayo 2018",
        cost="`samples` forward + backward (25)",
        caveat="noisy images lie outside the data; the amount of noise changes the map",
        needs=("gradients",),
        meanings={
            "samples": "noisy copies",
            "noise": "standard deviation as a share of the image's range",
            "variant": "mean, squared, or variance",
        },
    ),
    Method(
        key="guided_backprop",
        family="gradients",
        kind="magnitude",
        summary="the gradient with negative values cut at every ReLU",
        source="Springenberg 2015",
        cost="1 forward + backward",
        caveat="fails the randomization test: it shows edges whatever the weights are (Adebayo 2018, Sixt 2020)",
        needs=("gradients",),
        sanity=False,
    ),
)
