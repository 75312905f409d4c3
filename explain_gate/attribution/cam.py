"""Class activation maps: feature maps of a layer, weighted by what the score wants of them.

In all of them A is (N, C, h, w), the layer's activations, and G the score's gradients to A. Maps are upsampled
bilinearly to the input's resolution. Of several layers each map is scaled to a maximum of 1 and their mean taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from explain_gate.attribution.base import Probe, in_float64
from explain_gate.attribution.feature_maps import as_feature_map
from explain_gate.attribution.grid import cells_each
from explain_gate.attribution.target_layer import find_target_layers
from explain_gate.records import Attribution


def grad_cam(
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    *,
    keys: Sequence[str],
    layer: str | Sequence[str] | None = None,
) -> Attribution:
    """Grad-CAM (Selvaraju 2017, equations 1 and 2): ReLU of the activations weighted by their mean gradients.

    Args:
        probe: the model.
        images: (N, C, H, W), normalised.
        targets: (N,), int64.
        keys: one digest per image; nothing is drawn here.
        layer: dotted module name or several; default: the model's target layer, else the last feature map.

    Returns:
        Maps (N, H, W), not negative.

    Raises:
        ModelError: there is no such layer, or it has no feature map.
    """
    return _class_activation("grad_cam", probe, images, targets, layer, _mean_weighted)


def grad_cam_plus_plus(
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    *,
    keys: Sequence[str],
    layer: str | Sequence[str] | None = None,
) -> Attribution:
    """Grad-CAM++ (Chattopadhay 2018, equations 10 and 19): weights that do not fade with the number of objects.

    Shapes and arguments as for grad_cam.
    """
    return _class_activation("grad_cam_plus_plus", probe, images, targets, layer, _plus_plus_weighted)


def layer_cam(
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    *,
    keys: Sequence[str],
    layer: str | Sequence[str] | None = None,
) -> Attribution:
    """Layer-CAM (Jiang 2021, equations 6 and 7): each place weighted by its own gradient; fit for early layers too.

    Shapes and arguments as for grad_cam.
    """
    return _class_activation("layer_cam", probe, images, targets, layer, _place_weighted)


def eigen_cam(
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    *,
    keys: Sequence[str],
    layer: str | Sequence[str] | None = None,
) -> Attribution:
    """Eigen-CAM (Muhammad 2020, section III): the activations projected on their first right singular vector.

    Activations are not centred, as in the paper; the vector's sign is chosen so that the map's sum is not negative,
    and what is left below 0 is cut. Shapes and arguments as for grad_cam; targets are not looked at.
    """
    layers = layers_for(probe, images, targets, layer)
    maps: list[Tensor] = []
    cells: list[int] = []

    def take(_: int, __: int, activations: list[Tensor]) -> None:
        shown = _feature_maps(layers, activations, images)
        cells.append(finest(shown))
        maps.append(fuse([_principal(activation) for activation in shown], images.shape[-2:]))

    probe.activations_of(images, targets, layers, take)
    return _cam("eigen_cam", maps, cells, images)


def layers_for(probe: Probe, images: Tensor, targets: Tensor, layer: str | Sequence[str] | None) -> tuple[str, ...]:
    """The layers a method was told to look at, else the model's, else the last feature map, looked for once."""
    if layer is not None:
        return (layer,) if isinstance(layer, str) else tuple(layer)
    if not probe.target_layers:
        probe.target_layers = find_target_layers(probe.module, images, targets, target=probe.target, task=probe.task)
    return probe.target_layers


def fuse(cams: Sequence[Tensor], size: Sequence[int]) -> Tensor:
    """Maps (N, h, w) of one or more layers -> (N, H, W) at `size`; several are scaled to a maximum of 1 first."""
    large = [interpolate(cam[:, None], size=tuple(size), mode="bilinear")[:, 0] for cam in cams]
    if len(large) == 1:
        return large[0]
    peaks = [cam.amax(dim=(1, 2), keepdim=True) for cam in large]
    scaled = [cam / torch.where(peak > 0, peak, 1) for cam, peak in zip(large, peaks, strict=True)]
    return torch.stack(scaled).mean(dim=0)


def finest(activations: Sequence[Tensor]) -> int:
    """Cells of the finest of several feature maps (N, C, h, w)."""
    return max(int(one.shape[-2] * one.shape[-1]) for one in activations)


def _class_activation(
    method: str,
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    layer: str | Sequence[str] | None,
    weighted: Callable[[Tensor, Tensor], Tensor],
) -> Attribution:
    layers = layers_for(probe, images, targets, layer)
    maps: list[Tensor] = []
    cells: list[int] = []

    def take(_: int, __: int, activations: list[Tensor], grads: list[Tensor]) -> None:
        shown = _feature_maps(layers, activations, images)
        cells.append(finest(shown))
        pairs = zip(shown, _feature_maps(layers, grads, images), strict=True)
        maps.append(fuse([weighted(*pair).sum(dim=1).relu() for pair in pairs], images.shape[-2:]))

    probe.layer_gradients_of(images, targets, layers, take)
    return _cam(method, maps, cells, images)


def _cam(method: str, maps: Sequence[Tensor], cells: Sequence[int], images: Tensor) -> Attribution:
    placed = torch.cat(list(maps)).float().to(images.device)
    return Attribution(method=method, kind="positive", maps=placed, details=cells_each(max(cells), len(placed)))


def _mean_weighted(activations: Tensor, grads: Tensor) -> Tensor:
    return grads.mean(dim=(2, 3), keepdim=True) * activations


def _plus_plus_weighted(activations: Tensor, grads: Tensor) -> Tensor:
    # alpha = G^2 / (2 G^2 + sum(A) G^3), written without the powers, which underflow for small gradients. Only places
    # with G > 0 count. After a ReLU the denominator is at least 2; before one it may vanish, where the paper is silent.
    below = 2 + activations.sum(dim=(2, 3), keepdim=True) * grads
    alphas = torch.where(below > 0, 1 / below, 0)
    return (alphas * grads.relu()).sum(dim=(2, 3), keepdim=True) * activations


def _place_weighted(activations: Tensor, grads: Tensor) -> Tensor:
    return grads.relu() * activations


def _principal(activations: Tensor) -> Tensor:
    # The first eigenvector of A A', C x C, or of A' A, places x places, whichever is smaller, gives the same map.
    flat = in_float64(activations.flatten(2))
    if flat.shape[1] <= flat.shape[2]:
        _, vectors = torch.linalg.eigh(flat @ flat.mT)
        projected = (vectors[:, :, -1:].mT @ flat)[:, 0]
    else:
        values, vectors = torch.linalg.eigh(flat.mT @ flat)
        projected = vectors[:, :, -1] * values[:, -1:].clamp(min=0).sqrt()
    signs = torch.where(projected.sum(dim=1, keepdim=True) < 0, -1, 1)
    maps: Tensor = (projected * signs).relu().view(len(flat), *activations.shape[2:])
    return maps.to(activations)


def _feature_maps(layers: Sequence[str], outputs: Sequence[Tensor], images: Tensor) -> list[Tensor]:
    size = images.shape[-2:]
    return [as_feature_map(output, size, name) for name, output in zip(layers, outputs, strict=True)]
