"""Score-CAM: feature maps weighted by the score of what they show, without gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from explain_gate.attribution.base import Probe
from explain_gate.attribution.cam import finest, fuse, layers_for
from explain_gate.attribution.feature_maps import as_feature_map
from explain_gate.attribution.grid import cells_each
from explain_gate.records import Attribution


def score_cam(
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    *,
    keys: Sequence[str],
    layer: str | Sequence[str] | None = None,
) -> Attribution:
    """Score-CAM (Wang 2020, algorithm 1): channels weighted by the softmax over them of the masked images' scores.

    A channel's mask is its activation, upsampled and scaled to 0..1. Channels that are flat mask everything: they share
    one pass over the empty image. Subtracting the empty image's score from all, as the paper does, changes nothing
    under the softmax.

    Args:
        probe: the model.
        images: (N, C, H, W), normalised; masked places become 0, the mean colour.
        targets: (N,), int64.
        keys: one digest per image; nothing is drawn here.
        layer: dotted module name or several; default: the model's target layer, else the last feature map.

    Returns:
        Maps (N, H, W), not negative.

    Raises:
        ModelError: there is no such layer, or it has no feature map.
    """
    layers = layers_for(probe, images, targets, layer)
    size = tuple(images.shape[-2:])
    shown: list[list[Tensor]] = [[] for _ in layers]

    def keep(_: int, __: int, activations: list[Tensor]) -> None:
        for kept, name, activation in zip(shown, layers, activations, strict=True):
            kept.append(as_feature_map(activation, size, name).to(images.device))

    probe.activations_of(images, targets, layers, keep)
    cams = [_weighted(probe, images, targets, torch.cat(parts)) for parts in shown]
    cells = finest([torch.cat(parts[:1]) for parts in shown])
    maps = fuse(cams, size).float()
    return Attribution(method="score_cam", kind="positive", maps=maps, details=cells_each(cells, len(maps)))


def _weighted(probe: Probe, images: Tensor, targets: Tensor, activations: Tensor) -> Tensor:
    """ReLU of the activations (N, C, h, w) weighted by their masks' scores: (N, h, w)."""
    rows, channels = _lively(activations).nonzero(as_tuple=True)
    size = images.shape[-2:]

    def make(start: int, stop: int) -> tuple[Tensor, Tensor]:
        chosen = rows[start:stop]
        masks = interpolate(activations[chosen, channels[start:stop]][:, None], size=tuple(size), mode="bilinear")
        return images[chosen] * _scaled(masks).to(images), targets[chosen]

    scores = probe.scores_of(len(rows), make).to(activations)
    flat = ~_lively(activations)
    empty = torch.zeros(len(images), device=activations.device, dtype=activations.dtype)
    some = flat.any(dim=1)
    if bool(some.any()):
        empty[some] = probe.scores(torch.zeros_like(images[some]), targets[some]).to(activations)
    table = empty[:, None].repeat(1, activations.shape[1])
    table[rows, channels] = scores
    return (table.softmax(dim=1)[:, :, None, None] * activations).sum(dim=1).relu()


def _lively(activations: Tensor) -> Tensor:
    return activations.amax(dim=(2, 3)) > activations.amin(dim=(2, 3))


def _scaled(masks: Tensor) -> Tensor:
    low, high = masks.amin(dim=(2, 3), keepdim=True), masks.amax(dim=(2, 3), keepdim=True)
    return (masks - low) / (high - low)
