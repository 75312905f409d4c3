"""Class activation maps: feature maps of a layer, weighted by what the score wants of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from explain_gate.attribution.base import Probe
from explain_gate.attribution.target_layer import find_target_layers
from explain_gate.errors import ModelError
from explain_gate.records import Attribution


def grad_cam(
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    *,
    keys: Sequence[str],  # noqa: ARG001
    layer: str | Sequence[str] | None = None,
) -> Attribution:
    """Grad-CAM (Selvaraju 2017, equations 1 and 2): ReLU of the activations weighted by their mean gradients.

    Args:
        probe: the model.
        images: (N, C, H, W), normalised.
        targets: (N,), int64.
        keys: one digest per image; nothing is drawn here.
        layer: dotted module name; of several, each map is scaled to a maximum of 1 and their mean taken.

    Returns:
        Maps (N, H, W), not negative, upsampled bilinearly to the input's resolution.

    Raises:
        ModelError: there is no such layer, or it has no feature map.
    """
    layers = layers_for(probe, images, layer)
    maps: list[Tensor] = []

    def take(_: int, __: int, activations: list[Tensor], grads: list[Tensor]) -> None:
        cams = []
        for name, activation, grad in zip(layers, activations, grads, strict=True):
            _require_feature_map(name, activation)
            weights = grad.mean(dim=(2, 3), keepdim=True)
            cams.append((weights * activation).sum(dim=1).relu())
        maps.append(fuse(cams, images.shape[-2:]))

    probe.layer_gradients_of(images, targets, layers, take)
    return Attribution(method="grad_cam", kind="positive", maps=torch.cat(maps).float().to(images.device))


def layers_for(probe: Probe, images: Tensor, layer: str | Sequence[str] | None) -> tuple[str, ...]:
    """The layers a method was told to look at, else the model's, else the last feature map."""
    if layer is not None:
        return (layer,) if isinstance(layer, str) else tuple(layer)
    if not probe.target_layers:
        probe.target_layers = find_target_layers(probe.module, images)
    return probe.target_layers


def fuse(cams: Sequence[Tensor], size: Sequence[int]) -> Tensor:
    """Maps (N, h, w) of one or more layers -> (N, H, W) at `size`; several are scaled to a maximum of 1 first."""
    large = [interpolate(cam[:, None], size=tuple(size), mode="bilinear")[:, 0] for cam in cams]
    if len(large) == 1:
        return large[0]
    peaks = [cam.amax(dim=(1, 2), keepdim=True) for cam in large]
    scaled = [cam / torch.where(peak > 0, peak, 1) for cam, peak in zip(large, peaks, strict=True)]
    return torch.stack(scaled).mean(dim=0)


def _require_feature_map(name: str, activation: Tensor) -> None:
    if activation.ndim != 4:
        raise ModelError(
            f"target layer {name} must put out a feature map (N, C, H, W), got {tuple(activation.shape)}; "
            "name another in model.target_layer"
        )
