"""Stability: is it the same map when nothing that matters has changed?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from explain_gate.errors import NotMeasurable
from explain_gate.metrics.batch import Batch
from explain_gate.metrics.correlation import spearman

_TURN = 5.0
_SHIFT = 0.04
_ZOOM = 0.05
_LIGHT = 0.1
_MARGIN = 0.1
"""Share of each side that is left out of the comparison: what any of the five moves across the edge of the frame."""


def rerun_correlation(batch: Batch) -> Tensor:
    """Spearman with the map measured again with another seed, batch size and thread count.

    Returns (N,), in [-1, 1], higher is better; 1 for a deterministic method up to rounding, and for a map without any
    relevance that has none again: zeros rank nothing.
    """
    again = batch.explain_again()
    silent = (batch.maps.flatten(1) == 0).all(dim=1) & (again.flatten(1) == 0).all(dim=1).to(batch.maps.device)
    return torch.where(silent, 1.0, spearman(batch.maps, again))


def augmentation_correlation(batch: Batch) -> Tensor:
    """Mean Spearman with the maps of five slightly changed images, warped back to the original.

    The changes, seeded by image, are a turn by up to 5 degrees, a shift by up to 4 % and a zoom by up to 5 % of the
    frame, and up to 10 % of brightness and of contrast. Only the middle of the frame is compared, which none of them
    moves out of sight, and only changes that the prediction survives count.

    Returns:
        (N,), in [-1, 1], higher is better.

    Raises:
        NotMeasurable: the prediction of an image survives none of the changes.
    """
    total = torch.zeros(len(batch.logits), dtype=torch.float64)
    count = torch.zeros_like(total)
    before = _middle(batch.maps)
    for change in ("turn", "shift", "zoom", "brightness", "contrast"):
        strength = _strengths(batch, change)
        changed = _changed(batch.pixels, change, strength)
        holds = batch.task.same(batch.predict(changed, batch.truths), batch.logits).cpu()
        maps = batch.explain(changed)
        if change in ("turn", "shift", "zoom"):
            maps = _warped(maps[:, None], _inverse(_matrix(change, strength)), "zeros")[:, 0]
        total += torch.where(holds, spearman(before, _middle(maps)), 0.0)
        count += holds
    if bool((count == 0).any()):
        raise NotMeasurable("no slight change of the image leaves the prediction as it is")
    return total / count


def max_sensitivity(batch: Batch, *, radius: float = 0.02, draws: int = 10) -> Tensor:
    """Largest over draws of |map(x + e) - map(x)| / |map(x)|, e uniform in [-radius, radius] (Yeh 2019, definition 3).

    Both maps are as the method gives them, before any scaling, and the noise is seeded by image, so the value does
    not depend on the batch. (Captum draws unseeded; Quantus' default radius is ten times as large.)

    Args:
        batch: is asked for one map per draw, and one.
        radius: in units of the normalised input; 0 gives 0.
        draws: noise patterns, at least 1.

    Returns:
        (N,), not negative, lower is better.
    """
    if draws < 1 or radius < 0:
        raise ValueError(f"draws must be at least 1 and radius not negative, got {draws} and {radius}")
    plain = batch.remember(("plain maps",), lambda: batch.explain(batch.pixels)).double()
    length = plain.flatten(1).norm(dim=1)
    if bool((length == 0).any()):
        raise NotMeasurable("the map is flat")
    worst = torch.zeros_like(length)
    for draw in range(draws):
        noise = torch.stack(
            [
                torch.rand(batch.pixels.shape[1:], generator=batch.generator(position, f"sensitivity {draw}"))
                for position in range(len(length))
            ]
        ).to(batch.pixels.device)
        moved = batch.explain(batch.pixels + radius * (2 * noise - 1)).double()
        worst = torch.maximum(worst, (moved - plain).flatten(1).norm(dim=1) / length)
    return worst


def retrain_correlation(batch: Batch, *, checkpoints: Sequence[str] = ()) -> Tensor:
    """Mean Spearman with the maps of checkpoints of the same version, trained with other seeds (Arun 2021).

    A map that flickers between equally good trainings explains the seed. Target classes stay the same.

    Args:
        batch: is asked for one map per checkpoint.
        checkpoints: weights of the same architecture.

    Returns:
        (N,), in [-1, 1], higher is better.
    """
    if not checkpoints or isinstance(checkpoints, str):
        raise ValueError("checkpoints must be a list of at least one checkpoint of the same version")
    return torch.stack([spearman(batch.maps, batch.explain_with(path)) for path in checkpoints]).mean(dim=0)


def device_correlation(batch: Batch, *, device: str = "cpu", dtype: str = "float64") -> Tensor:
    """Spearman with the map computed on another device or in another precision.

    Args:
        batch: is asked for one map.
        device: cpu, cuda, cuda:N or mps.
        dtype: float64, float32, bfloat16 or float16.

    Returns:
        (N,), in [-1, 1], higher is better; about 1 where rounding does not matter.
    """
    if dtype not in ("float64", "float32", "bfloat16", "float16"):
        raise ValueError(f"dtype must be float64, float32, bfloat16 or float16, got {dtype}")
    return spearman(batch.maps, batch.explain_on(device, dtype))


def _strengths(batch: Batch, change: str) -> Tensor:
    """Two numbers in [-1, 1] per image, (N, 2), seeded by image."""
    drawn = [
        torch.rand(2, generator=batch.generator(position, f"augmentation {change}"), dtype=torch.float64) * 2 - 1
        for position in range(batch.pixels.shape[0])
    ]
    return torch.stack(drawn)


def _changed(pixels: Tensor, change: str, strength: Tensor) -> Tensor:
    if change == "brightness":
        spread = pixels.flatten(1).std(dim=1)
        return pixels + (_LIGHT * strength[:, 0].to(pixels) * spread).view(-1, 1, 1, 1)
    if change == "contrast":
        middle = pixels.mean(dim=(2, 3), keepdim=True)
        return middle + (pixels - middle) * (1 + _LIGHT * strength[:, 0].to(pixels)).view(-1, 1, 1, 1)
    return _warped(pixels, _matrix(change, strength), "reflection")


def _matrix(change: str, strength: Tensor) -> Tensor:
    """Where each output pixel is read, (N, 2, 3), in coordinates from -1 to 1."""
    first, second = strength[:, 0], strength[:, 1]
    angle = first * math.radians(_TURN) if change == "turn" else torch.zeros_like(first)
    zoom = 1 + _ZOOM * first if change == "zoom" else torch.ones_like(first)
    x, y = (2 * _SHIFT * first, 2 * _SHIFT * second) if change == "shift" else (0 * first, 0 * second)
    rows = [angle.cos() * zoom, -angle.sin() * zoom, x, angle.sin() * zoom, angle.cos() * zoom, y]
    return torch.stack(rows, dim=1).view(-1, 2, 3)


def _inverse(matrix: Tensor) -> Tensor:
    turn = torch.linalg.inv(matrix[:, :, :2])
    return torch.cat([turn, -turn @ matrix[:, :, 2:]], dim=2)


def _warped(pictures: Tensor, matrix: Tensor, outside: str) -> Tensor:
    """Pictures (N, C, H, W) read where the matrices (N, 2, 3) say."""
    grid = F.affine_grid(matrix.to(pictures), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode=outside, align_corners=False)


def _middle(maps: Tensor) -> Tensor:
    top, left = (round(_MARGIN * side) for side in maps.shape[-2:])
    return maps[..., top : maps.shape[-2] - top, left : maps.shape[-1] - left]
