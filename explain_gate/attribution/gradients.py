"""Gradients of the score to the input."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from explain_gate.attribution.base import Probe
from explain_gate.records import Attribution


def gradient(probe: Probe, images: Tensor, targets: Tensor, *, keys: Sequence[str]) -> Attribution:  # noqa: ARG001
    """The largest magnitude over the channels of the score's gradient (Simonyan 2013, section 3.1).

    Shapes: images (N, C, H, W), normalised; targets (N,), int64. Maps (N, H, W), score per unit of input, not negative.
    """
    _, grads = probe.gradients(images, targets)
    return Attribution(method="gradient", kind="magnitude", maps=grads.abs().amax(dim=1).float())
