"""Which layer a CAM method looks at when nobody named one: the last feature map that is still a picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from explain_gate.attribution.base import Probe
from explain_gate.errors import ModelError

_PASS_THROUGH = (torch.nn.Identity, torch.nn.Dropout, torch.nn.Dropout2d)
_LISTED = 8


def find_target_layers(module: torch.nn.Module, images: Tensor) -> tuple[str, ...]:
    """The outermost submodule whose output is the last feature map in the order of execution.

    `layer4` of a ResNet, `features` of MobileNet, EfficientNet, DenseNet and ConvNeXt, the last activation before the
    final pooling of a VGG. Pooled maps do not count. Shapes: images (N, C, H, W), of which one is run.

    Raises:
        ModelError: no layer puts out a feature map; the message says what to write in thresholds.yaml.
    """
    with Probe(module, batch=1) as probe, _record(module) as seen, torch.no_grad():
        module(probe.prepare(images[:1]))
    pooled = {id(call.output) for call in seen if "Pool" in call.kind}
    maps = [call for call in seen if _is_feature_map(call.output) and id(call.output) not in pooled]
    if not maps:
        raise ModelError(
            "no layer puts out a feature map (N, C, H, W) with more than one place, so there is nothing for a CAM "
            f"method to look at. Name a layer in thresholds.yaml (model.target_layer: NAME); it has {_candidates(seen)}"
        )
    last = [call for call in maps if call.output is maps[-1].output]
    own = [call for call in last if not call.passes_through] or last
    # In-place layers return the tensor they were given, so of equally deep ones the last is meant.
    return (min(reversed(own), key=lambda call: call.name.count(".")).name,)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Call:
    name: str
    kind: str
    passes_through: bool
    output: Tensor


@contextmanager
def _record(module: torch.nn.Module) -> Iterator[list[_Call]]:
    """Every call of a submodule in the order in which it ends; outputs stay alive so that `is` tells them apart."""
    seen: list[_Call] = []
    handles = []
    try:
        for name, layer in module.named_modules():
            if not name:
                continue

            def hook(layer: torch.nn.Module, _: Any, output: Any, name: str = name) -> None:
                if isinstance(output, Tensor):
                    kind = type(layer).__name__
                    seen.append(
                        _Call(name=name, kind=kind, passes_through=isinstance(layer, _PASS_THROUGH), output=output)
                    )

            handles.append(layer.register_forward_hook(hook))
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _is_feature_map(output: Tensor) -> bool:
    return output.ndim == 4 and output.shape[2] * output.shape[3] > 1


def _candidates(seen: list[_Call]) -> str:
    shapes = {call.name: f"{call.name} {tuple(call.output.shape)}" for call in seen if call.output.ndim > 2}
    return ", ".join(list(shapes.values())[-_LISTED:]) or "no layer whose output has places at all"
