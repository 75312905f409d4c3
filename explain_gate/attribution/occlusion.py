"""Occlusion: what the score loses when a window of the image is covered."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from explain_gate.attribution.base import Probe, in_float64
from explain_gate.attribution.baselines import baseline_images
from explain_gate.attribution.grid import cells_each
from explain_gate.attribution.local_passes import scores_of_versions
from explain_gate.errors import OptionError
from explain_gate.records import Attribution


def occlusion(
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    *,
    keys: Sequence[str],
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
    tops, lefts = torch.meshgrid(
        torch.tensor(_starts(height, window, stride)), torch.tensor(_starts(width, window, stride)), indexing="ij"
    )
    starts = torch.stack([tops.flatten(), lefts.flatten()], dim=1)
    whole = in_float64(probe.scores(images, targets))
    scores = torch.stack(
        [
            _scores_covered(probe, image, base, target, starts, window)
            for image, base, target in zip(images, bases, targets, strict=True)
        ]
    )
    losses = whole[:, None] - in_float64(scores).to(whole)
    sums = in_float64(torch.zeros_like(images[:, 0]))
    covers = torch.zeros_like(sums[0])
    for place, (top, left) in enumerate(starts.tolist()):
        box = (slice(top, top + window), slice(left, left + window))
        sums[:, *box] += losses[:, place, None, None]
        covers[box] += 1
    maps = (sums / covers).float()
    cells = height * width / window**2  # strides overlap, and what is seen at once is the window
    return Attribution(method="occlusion", kind="signed", maps=maps, details=cells_each(cells, len(images)))


def _scores_covered(probe: Probe, image: Tensor, base: Tensor, target: Tensor, starts: Tensor, window: int) -> Tensor:
    """The image's score with each window covered by the base, (number of windows,)."""
    frame = torch.tensor(image.shape[-2:])
    reach = torch.arange(window)

    def make(start: int, stop: int) -> tuple[Tensor, Tensor, Tensor]:
        # Windows that are cut at the edge are moved inside, and show the image where they did not reach.
        moved = torch.minimum(starts[start:stop], frame - window)
        shift = starts[start:stop] - moved
        covered = (reach >= shift[:, :1])[:, :, None] & (reach >= shift[:, 1:])[:, None, :]
        rows, columns = (moved[:, :1] + reach)[:, :, None], (moved[:, 1:] + reach)[:, None, :]
        pixels = torch.where(covered.to(image.device), base[:, rows, columns], image[:, rows, columns])
        return pixels.transpose(0, 1), moved[:, 0], moved[:, 1]

    return scores_of_versions(probe, image, target, len(starts), make)


def _starts(side: int, window: int, stride: int) -> list[int]:
    """First pixels of the windows, so many that the last one reaches the edge."""
    return list(range(0, side - window + stride, stride))
