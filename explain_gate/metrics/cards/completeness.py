"""Cards of completeness: do the attributions add up to the score?"""

from __future__ import annotations

from explain_gate.metrics.cards.card import Family, Metric

FAMILY = Family(
    name="completeness",
    question="Do the attributions add up to the score?",
    broken="the attributions do not add up to the score",
    norm=True,
)

CARDS = (
    Metric(
        key="completeness.relative_error",
        summary="how far the attributions are from adding up to the change of the score",
        better="lower",
        low=0,
        high=None,
        applies="path",
        source="Sundararajan 2017",
        caveat="errors along the path may cancel; a complete map may still be misleading",
    ),
    Metric(
        key="completeness.path_residual",
        summary="the same error summed along the path, where it cannot cancel",
        better="lower",
        low=0,
        high=None,
        applies="path",
        source="explain-gate",
        caveat="grows with the roughness of the score along the path as well as with too few steps",
    ),
    Metric(
        key="completeness.gradient_error",
        summary="how far the gradient's promises are from what the score does when the image is moved a little",
        better="lower",
        low=0,
        high=None,
        applies="model",
        cost="1 gradient and 12 forwards in double precision",
        asks=("gradients",),
        source="finite differences",
        caveat="kinks of the network, such as ReLU, look like small errors; looks near the image only",
        broken="the backward pass does not belong to the forward pass",
        meanings={
            "directions": "seeded directions per image",
        },
    ),
)
