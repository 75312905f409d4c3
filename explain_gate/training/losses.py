"""Losses that teach a model where its reasons lie: terms to add to a training's own loss, where regions are annotated.

Both take the output of the pass that is trained on anyway, so nothing runs twice: statistics of batch norms move once,
modes, `.grad` and `requires_grad` are nobody's business here. What they cost is a second way back through the network.

Right for the right reasons:

    images.requires_grad_()
    output = module(images)
    loss = cross_entropy(output, labels) + right_reasons(output, images, labels, regions, weight=1.0)

The map's place:

    with watching(module, "features") as seen:
        output = module(images)
    loss = cross_entropy(output, labels) + relevance_outside(output, seen(), labels, regions, weight=1.0)

An image with an empty region is one that nobody annotated: it contributes nothing. Both are means over the whole batch,
annotated or not, as the training's own loss is, so that an image's share does not depend on what else is in its batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from explain_gate.attribution.feature_maps import as_feature_map
from explain_gate.attribution.hooks import capture
from explain_gate.errors import ModelError, OptionError
from explain_gate.records import Truth
from explain_gate.tasks import DEFAULT, TASKS, task_of
from explain_gate.tasks.logits import at_least_float32
from explain_gate.tasks.task import Task

MapName = Literal["grad_cam", "layer_cam", "gradient_x_input"]
_ONCE = {
    "NotImplemented": "an operation of the network, such as fused attention, whose gradient has no gradient. Run the "
    "pass in `with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):`",
    "CompiledFunction": "a part that torch.compile made, whose gradient has no gradient. Train the module that it was "
    "made of",
}


def right_reasons(
    output: Any,
    images: Tensor,
    labels: Tensor,
    regions: Tensor,
    *,
    weight: float = 1.0,
    task: Task | str = DEFAULT,
) -> Tensor:
    """Right for the right reasons (Ross 2017, equation 2): what pixels outside the region may not change.

    The squared gradient of the summed log probabilities of all classes to the pixels outside the region, summed over
    pixels and channels, mean over the batch. It is in squared nats per squared unit of input, so `weight` depends on
    normalisation and size; the paper takes one that makes the term as large as the training's own loss. It fades where
    all classes are equally likely. Tasks without probabilities are held by their explained score: a value in standard
    deviations of the set (as `task_of` was told), the mean logit of a region, the score of a box.

    Args:
        output: of the module, or of a target function, for these images; with its graph.
        images: (N, C, H, W), what went in, with `requires_grad` since before the pass.
        labels: (N,), int64, the annotated classes; for regression 0 or 1, the side of the mean.
        regions: (N, H, W), bool, where the reasons may lie; empty where nobody drew one.
        weight: of the term, not negative; 0 is no term.
        task: what the output means: a name in `explain_gate.tasks.TASKS`, or one with its parameters.

    Returns:
        A scalar, at least float32, not negative, differentiable.

    Raises:
        OptionError: a shape, a type or a weight that cannot be.
        ModelError: the output does not depend on the images, or its gradient cannot be differentiated again.
    """
    _require_weight(weight)
    _require_regions(regions, len(images), tuple(images.shape[-2:]))
    known = _task(task)
    targets = _targets(known, labels, regions, images)
    columns = known.columns(output, targets, by_target=False)
    score = known.log_probabilities(columns, targets)
    grads = _gradient(score, images, "images", "images.requires_grad_() before the pass")
    outside = _outside(regions, images.device)[:, None]
    return weight * (grads.square() * outside).sum() / len(images)


def relevance_outside(
    output: Any,
    seen: Tensor,
    labels: Tensor,
    regions: Tensor,
    *,
    weight: float = 1.0,
    task: Task | str = DEFAULT,
    map_by: MapName = "grad_cam",
) -> Tensor:
    """The share of a map that lies outside the region: 1 less `alignment.relevance_mass`, as a loss.

    An attribution prior (Rieger 2020) by the energy of the map (Rao 2023, section 3): it has no unit and no scale, so
    it cannot be made small by making all gradients small. The map is that of the method of the same name: of the
    explained score, its positive part, feature maps enlarged to the region's size. A map that is nowhere positive lies
    wholly outside, as for the metrics, and has no gradient.

    Args:
        output: of the module, or of a target function, for these images; with its graph.
        seen: (N, C, h, w) or another layout of a feature map, what `watching` saw; the images themselves, with
            `requires_grad` since before the pass, for gradient_x_input.
        labels: (N,), int64, the classes that are explained; for regression 0 or 1, the side of the mean.
        regions: (N, H, W), bool, of the images' size; empty where nobody drew one.
        weight: of the term, not negative; 0 is no term.
        task: what the output means: a name in `explain_gate.tasks.TASKS`, or one with its parameters.
        map_by: grad_cam (a channel's mean gradient), layer_cam (each place's own), gradient_x_input (signed).

    Returns:
        A scalar in [0, weight], at least float32, differentiable.

    Raises:
        OptionError: a shape, a type, a map or a weight that cannot be.
        ModelError: the output does not depend on what was seen, or its gradient cannot be differentiated again.
    """
    _require_weight(weight)
    _require_regions(regions, len(seen), None)
    if map_by not in _MAPS:
        raise OptionError(f"map_by must be {', '.join(_MAPS)}, got {map_by}")
    known = _task(task)
    targets = _targets(known, labels, regions, seen)
    score = known.explained(known.columns(output, targets, by_target=False), targets)
    grads = _gradient(score, seen, "what was seen", "`with watching(module, layer) as seen:` around the pass")
    size = tuple(regions.shape[-2:])
    places, wanted = (as_feature_map(at_least_float32(one), size, "watched") for one in (seen, grads))
    maps = _MAPS[map_by](places, wanted).sum(dim=1, keepdim=True).relu()
    large = maps if maps.shape[-2:] == size else interpolate(maps, size=size, mode="bilinear")
    outside = _outside(regions, seen.device)
    whole, beyond = large[:, 0].sum(dim=(1, 2)), (large[:, 0] * outside).sum(dim=(1, 2))
    silent = whole <= 0
    shares = torch.where(silent, 1.0, beyond / torch.where(silent, 1.0, whole))
    return weight * (shares * outside.any(dim=2).any(dim=1)).sum() / len(seen)


@contextmanager
def watching(module: torch.nn.Module, layer: str) -> Iterator[Callable[[], Tensor]]:
    """Keep what a layer puts out, with its graph, while a block runs the module; call what is given to have it.

    Where nothing below the layer is trained, gradients begin at it.

    Args:
        module: on any device, in any mode; wrapped for distributed training, its names begin with "module.".
        layer: dotted name of a submodule whose output is a feature map; `explain-gate validate` names the last.

    Raises:
        ModelError: there is no such layer, it is compiled, or it was not called in the block.
    """
    with capture(module, [layer], as_leaves=True) as captured:
        yield lambda: captured.last(layer)


_MAPS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "grad_cam": lambda seen, grads: grads.mean(dim=(2, 3), keepdim=True) * seen,
    "layer_cam": lambda seen, grads: grads.relu() * seen,
    "gradient_x_input": lambda seen, grads: grads * seen,
}


def _gradient(score: Tensor, to: Tensor, what: str, write: str) -> Tensor:
    """The score's gradient, with a graph of its own, in at least float32; `.grad` of nothing is touched."""
    if not (torch.is_grad_enabled() and to.requires_grad and score.requires_grad):
        raise ModelError(f"{what} must have a gradient, and the pass a graph (no torch.no_grad); write {write}")
    try:
        (grads,) = torch.autograd.grad(score.sum(), to, create_graph=True)
    except RuntimeError as error:
        if "appears to not have been used" not in str(error):
            raise
        raise ModelError(
            f"the output does not depend on {what}; write {write}, and give the output of that pass"
        ) from None
    _require_twice(grads)
    return at_least_float32(grads)


def _require_twice(grads: Tensor) -> None:
    """Refuse here, with what to write, a graph that the training's backward would stumble over later."""
    seen, ahead = set(), [grads.grad_fn]
    while ahead:
        node = ahead.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        name = node.name().rpartition("::")[2]
        for start, told in _ONCE.items():
            if name.startswith(start):
                raise ModelError(f"this loss differentiates a gradient, and there is {told}")
        ahead += [before for before, _ in node.next_functions]


def _task(task: Task | str) -> Task:
    if not isinstance(task, str):
        return task
    if task not in TASKS:
        raise OptionError(f"task must be {', '.join(TASKS)} or what task_of makes, got {task}")
    return task_of(task)


def _targets(task: Task, labels: Tensor, regions: Tensor, of: Tensor) -> Tensor:
    """What the task compares outputs with; regions travel in them only for tasks that look at a place."""
    if labels.shape != (len(of),) or labels.is_floating_point():
        raise OptionError(f"labels must be whole numbers, ({len(of)},), got {labels.dtype} {tuple(labels.shape)}")
    if not TASKS[task.name].located:
        return labels.to(of.device, torch.int64)
    pairs = zip(labels.tolist(), regions.cpu(), strict=True)
    return task.targets([Truth(label=label, accepted=(label,), region=region) for label, region in pairs]).to(of.device)


def _outside(regions: Tensor, device: torch.device) -> Tensor:
    """Pixels outside the region, (N, H, W), bool; none where no region is drawn."""
    regions = regions.to(device)
    return ~regions & regions.any(dim=2).any(dim=1)[:, None, None]


def _require_regions(regions: Tensor, count: int, size: tuple[int, ...] | None) -> None:
    wanted = f"({count}, {'H, W' if size is None else ', '.join(map(str, size))})"
    fits = regions.ndim == 3 and len(regions) == count and size in {None, tuple(regions.shape[1:])}
    if regions.dtype != torch.bool or not fits:
        raise OptionError(
            f"regions must be bool, {wanted}, got {regions.dtype} {tuple(regions.shape)}; of numbers, write regions > 0"
        )


def _require_weight(weight: float) -> None:
    if not 0 <= weight < float("inf"):
        raise OptionError(f"weight must be a number and not negative, got {weight}")
