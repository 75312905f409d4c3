"""Occlusion: what the score loses when a window of the image is covered."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from explain_gate.attribution.base import Probe, in_float64
from explain_gate.attribution.baselines import baseline_images
from explain_gate.errors import OptionError
from explain_gate.records import Attribution


def occlusion(
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    *,
    keys: Sequence[str],  # noqa: ARG001
    window: int | None = None,
    stride: int | None = None,
    baseline: str | Tensor = "mean",
) -> Attribution:
    """The mean loss of score over the windows that cover a pixel (Zeiler 2014, section 4.2).

    Args:
        probe: the model.
        images: (N, C, H, W), normalised.
        targets: (N,), int64.
        keys: one digest per image; nothing is drawn here.
        window: side of the square in pixels; default: a seventh of the shorter side.
        stride: pixels between windows, at most `window`; default: half of it. The last ones are cut at the edge.
        baseline: what the window shows: mean, black, blur, an image file, or a tensor; see baseline_images.

    Returns:
        Maps (N, H, W), signed, in units of the score: positive where covering the pixel lowers it.

    Raises:
        OptionError: a window or stride out of range, or a baseline that does not fit.
    """
    height, width = images.shape[-2:]
    window = max(1, min(height, width) // 7) if window is None else window
    stride = max(1, window // 2) if stride is None else stride
    if not 1 <= window <= min(height, width) or not 1 <= stride <= window:
        raise OptionError(
            f"window must be in 1..{min(height, width)} and stride in 1..window, got {window} and {stride}"
        )
    bases = baseline_images(probe, images, baseline)
    boxes = [
        (slice(top, min(top + window, height)), slice(left, min(left + window, width)))
        for top in _starts(height, window, stride)
        for left in _starts(width, window, stride)
    ]
    whole = in_float64(probe.scores(images, targets))

    def make(start: int, stop: int) -> tuple[Tensor, Tensor]:
        rows = [index // len(boxes) for index in range(start, stop)]
        covered = images[rows]
        for place, index in enumerate(range(start, stop)):
            box = (slice(None), *boxes[index % len(boxes)])
            covered[place][box] = bases[rows[place]][box]
        return covered, targets[rows]

    scores = probe.scores_of(len(images) * len(boxes), make).to(images.device)
    losses = whole[:, None] - in_float64(scores).view(len(images), len(boxes))
    sums = in_float64(torch.zeros_like(images[:, 0]))
    covers = torch.zeros_like(sums[0])
    for place, box in enumerate(boxes):
        sums[:, *box] += losses[:, place, None, None]
        covers[box] += 1
    return Attribution(method="occlusion", kind="signed", maps=(sums / covers).float())


def _starts(side: int, window: int, stride: int) -> range:
    """First pixels of the windows, so many that the last one reaches the edge."""
    return range(0, side - window + stride, stride)
