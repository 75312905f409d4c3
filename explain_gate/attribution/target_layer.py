"""Which layer a CAM method looks at when nobody named one: the last feature map on which the score depends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from explain_gate.attribution.base import Probe
from explain_gate.attribution.feature_maps import as_feature_map, layout
from explain_gate.attribution.hooks import COMPILED, is_compiled
from explain_gate.errors import ModelError
from explain_gate.tasks import TASKS
from explain_gate.tasks.task import Task

_PASS_THROUGH = (torch.nn.Identity, torch.nn.Dropout, torch.nn.Dropout2d)
_LISTED = 8


def find_target_layers(
    module: torch.nn.Module,
    images: Tensor,
    targets: Tensor | None = None,
    *,
    target: Callable[..., Tensor] | None = None,
    task: Task | None = None,
) -> tuple[str, ...]:
    """The outermost submodule whose output is the last feature map, in the order of execution, that the score sees.

    `layer4` of a ResNet, `features` of MobileNet, EfficientNet, DenseNet and ConvNeXt, the last activation before the
    final pooling of a VGG, the first norm of a ViT's last block (behind it only the class token counts), the last
    norm of a Swin. Pooled maps do not count. Where no gradient reaches a map (forward runs under torch.no_grad, or ends
    in quantised layers), the last feature map is taken, which methods without gradients can use. Shapes: images
    (N, C, H, W), of which one is run forward and backward; targets (N,), needed only by a `target` function that takes
    them, class 0 where they are left out.

    Raises:
        ModelError: no layer puts out a feature map; the message says what to write in thresholds.yaml.
    """
    with (
        Probe(module, target=target, task=task, batch=1, fold_norms=False) as probe,
        _record(module) as calls,
        torch.enable_grad(),
    ):
        prepared = probe.prepare(images[:1]).detach().requires_grad_()
        wanted = torch.zeros(1, dtype=torch.int64) if targets is None else targets[:1]
        columns = probe.columns(prepared, wanted.to(probe.device))
        size = tuple(prepared.shape[-2:])
        maps = [call for call in calls if layout(tuple(call.output.shape), size) is not None]
        outputs = [call.output for call in maps]
        grads: tuple[Tensor | None, ...] = tuple(outputs)
        if outputs and columns.requires_grad:
            # What a task that looks at a place keeps beside its scores has no graph, so that the largest may have none.
            located = TASKS[probe.task.name].located
            score = probe.task.explained(columns, wanted.to(columns.device)).sum() if located else columns.max()
            reached = _gradients(score, outputs)
            if any(grad is not None for grad in reached):
                grads = reached
    pooled = {call.source for call in calls if "Pool" in call.kind}
    seen = [
        call
        for call, grad in zip(maps, grads, strict=True)
        if call.source not in pooled and grad is not None and bool(as_feature_map(grad, size, call.name).any())
    ]
    if not calls:
        if any(is_compiled(layer) for layer in module.modules()):
            raise ModelError(f"there is no layer to look at: {COMPILED}")
        raise ModelError(
            "this module calls no submodules (a program exported to .pt2 has none left), so there is no layer to look "
            "at. Use a method without layers, such as integrated_gradients, or the module it was exported from"
        )
    if not seen:
        raise ModelError(
            "no layer puts out a feature map with more than one place that the score depends on, so there is nothing "
            "for a CAM method to look at. Name a layer in thresholds.yaml (model.target_layer: NAME); "
            f"the module has {_candidates(calls)}"
        )
    same = [call for call in seen if call.source == seen[-1].source]
    own = [call for call in same if not call.passes_through] or same
    # In-place layers return the tensor they were given, so of equally deep ones the last is meant.
    return (min(reversed(own), key=lambda call: call.name.count(".")).name,)


def _gradients(score: Tensor, outputs: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
    """The score's gradient to each output; None where there is none."""
    able = [output for output in outputs if output.requires_grad]
    grads = iter(torch.autograd.grad(score, able, allow_unused=True) if able else ())
    return tuple(next(grads) if output.requires_grad else None for output in outputs)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Call:
    """One call of a submodule. Calls that return the same tensor, as a block and its last layer do, share `source`."""

    name: str
    kind: str
    passes_through: bool
    output: Tensor
    source: int


@contextmanager
def _record(module: torch.nn.Module) -> Iterator[list[_Call]]:
    """Every call of a submodule in the order in which it ends.

    Each passes on a copy of its output, so that in-place operations behind it do not reach the recorded tensor.
    """
    calls: list[_Call] = []
    copies: dict[int, tuple[Tensor, int]] = {}
    handles = []
    try:
        for name, layer in module.named_modules():
            if not name or is_compiled(layer):
                continue

            def hook(layer: torch.nn.Module, _: Any, output: Any, name: str = name) -> Tensor | None:
                if not isinstance(output, Tensor) or not output.is_floating_point():
                    return None
                _, source = copies.get(id(output), (output, len(calls)))
                calls.append(
                    _Call(
                        name=name,
                        kind=type(layer).__name__,
                        passes_through=isinstance(layer, _PASS_THROUGH),
                        output=output,
                        source=source,
                    )
                )
                copy = output.clone()
                copies[id(copy)] = (copy, source)
                return copy

            handles.append(layer.register_forward_hook(hook))
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _candidates(calls: list[_Call]) -> str:
    shapes = {call.name: f"{call.name} {tuple(call.output.shape)}" for call in calls if call.output.ndim > 2}
    return ", ".join(list(shapes.values())[-_LISTED:]) or "no layer whose output has places at all"
