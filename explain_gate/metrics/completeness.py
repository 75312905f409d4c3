"""Completeness: do attributions add up to what they explain, and does the gradient belong to the score?"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from explain_gate.metrics.batch import Batch

_STEP = 1e-4
"""Length of a finite step over the length of the image: far above rounding, far below the next kink of a ReLU."""

_COARSE = (1, 4, 16)
"""Grains of the directions in pixels: fine ones touch single weights, coarse ones change the score."""


def relative_error(details: Mapping[str, Tensor]) -> Tensor:
    """|sum of attributions - D| / max(|D|, 0.1 max_c |D_c|), D = f(x) - f(baseline), per image (Sundararajan 2017).

    The floor keeps an image whose target score hardly changes from dividing by nothing. Returns (N,), not negative,
    lower is better; 0.05 is a bug signal, 0.01 is for audits.
    """
    return details["completeness_error"].double()


def path_residual(details: Mapping[str, Tensor]) -> Tensor:
    """The absolute errors of the path's intervals, added up, over the same denominator.

    Errors of opposite sign cannot cancel here as they can in the total. Returns (N,), at least `relative_error`,
    lower is better.
    """
    return details["path_residual"].double()


def gradient_error(batch: Batch, *, directions: int = 5) -> Tensor:
    """How far the gradient's directional derivatives are from central finite differences of the score.

    A backward pass that does not belong to the forward pass (a hook or a custom function that hides a cue) is wrong
    along some direction. Asked are the gradient itself, which finds a wrong length or an invented part, and seeded
    directions of several grains, which find a part that was left out. The differences are taken in double precision
    over steps so short that kinks do not matter. A cheat in the weights (Heo 2019) has a true gradient and is not
    found here but by `agreement` and `reliance`.

    Args:
        batch: is asked for one gradient of the model as it is, and for scores in double precision.
        directions: seeded directions per image beside the gradient, at least 1.

    Returns:
        (N,), not negative, lower is better: the larger of the relative error along the gradient and the relative
        root mean square error over the seeded directions. Rounding of the float32 gradient is about 1e-4; a gradient
        without half of its parts gives about 0.7.
    """
    if directions < 1:
        raise ValueError(f"directions must be at least 1, got {directions}")
    pixels = batch.pixels
    gradient = batch.gradients(pixels).double()
    length = gradient.flatten(1).norm(dim=1)
    own = gradient / length.clamp_min(1e-300).view(-1, 1, 1, 1)
    along = _difference(batch, own)
    own_error = (along - length).abs() / torch.maximum(along.abs(), length).clamp_min(1e-300)
    promised, measured = [], []
    for number in range(directions):
        direction = _directions(batch, number)
        promised.append((gradient * direction).flatten(1).sum(dim=1))
        measured.append(_difference(batch, direction))
    told, seen = torch.stack(promised), torch.stack(measured)
    size = torch.maximum(seen.square().sum(dim=0), told.square().sum(dim=0)).sqrt()
    seeded_error = (told - seen).square().sum(dim=0).sqrt() / size.clamp_min(1e-300)
    return torch.maximum(own_error, seeded_error).cpu()


def _difference(batch: Batch, direction: Tensor) -> Tensor:
    """Central difference of the score along unit directions (N, C, H, W); (N,), float64."""
    pixels = batch.pixels.double()
    step = _STEP * pixels.flatten(1).norm(dim=1).clamp_min(1.0)
    move = direction * step.view(-1, 1, 1, 1)
    difference: Tensor = (batch.exact_scores(pixels + move) - batch.exact_scores(pixels - move)) / (2 * step)
    return difference


def _directions(batch: Batch, number: int) -> Tensor:
    """Unit directions (N, C, H, W), noise of one grain, seeded by image."""
    grain = _COARSE[number % len(_COARSE)]
    channels, height, width = batch.pixels.shape[1:]
    drawn = []
    for position in range(batch.pixels.shape[0]):
        size = (1, channels, -(-height // grain), -(-width // grain))
        noise = torch.randn(size, generator=batch.generator(position, f"direction {number}"), dtype=torch.float64)
        drawn.append(F.interpolate(noise, size=(height, width), mode="nearest")[0])
    direction = torch.stack(drawn).to(batch.pixels.device)
    unit: Tensor = direction / direction.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    return unit
