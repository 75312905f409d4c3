"""The parts of a network: which submodules a chart over depth has, and what each passes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from explain_gate.attribution.base import Probe
from explain_gate.attribution.feature_maps import layout
from explain_gate.attribution.hooks import COMPILED, is_compiled
from explain_gate.errors import ModelError

MOST = 24
"""Parts on a chart; containers are opened as long as no more come of it."""
_CONTAINERS = (torch.nn.Sequential, torch.nn.ModuleList)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A submodule that is called once a pass and puts out a tensor; `shape` is that of one image's output."""

    name: str
    kind: str
    shape: tuple[int, ...]


def find_blocks(probe: Probe, images: Tensor, targets: Tensor) -> tuple[tuple[Block, ...], str]:
    """The parts in the order in which they end, and the name of the head: the last layer with a matrix of weights.

    Shapes: images (N, C, H, W); targets (N,).

    Raises:
        ModelError: no submodule can be read, or no layer has weights.
    """
    calls: list[tuple[str, tuple[int, ...] | None]] = []
    handles = []
    layers = {name: layer for name, layer in probe.module.named_modules() if name and not is_compiled(layer)}
    try:
        for name, layer in layers.items():

            def note(_: torch.nn.Module, __: Any, output: Any, name: str = name) -> None:
                calls.append((name, tuple(output.shape[1:]) if isinstance(output, Tensor) else None))

            handles.append(layer.register_forward_hook(note))
        with torch.no_grad():
            probe.columns(probe.prepare(images), targets.to(probe.device))
    finally:
        for handle in handles:
            handle.remove()
    counts = Counter(name for name, _ in calls)
    chosen = _chosen(probe.module)
    blocks = tuple(
        Block(name=name, kind=type(layers[name]).__name__, shape=shape)
        for name, shape in calls
        if name in chosen and counts[name] == 1 and shape
    )
    heads = [name for name, _ in calls if counts[name] == 1 and _has_matrix(layers[name])]
    if not blocks or not heads:
        raise ModelError(
            "study modules exchanges what a network's parts put out, and this one has no part that it can read: "
            + (COMPILED if any(is_compiled(layer) for layer in probe.module.modules()) else "it calls no submodules")
        )
    return blocks, heads[-1]


@contextmanager
def read(
    module: torch.nn.Module, names: tuple[str, ...], head: str
) -> Iterator[tuple[dict[str, Tensor], list[Tensor]]]:
    """What parts put out, by name, and what enters the head, while the block runs.

    What follows gets a copy, so that operations in place behind a part do not reach what was read.
    """
    outputs: dict[str, Tensor] = {}
    features: list[Tensor] = []
    handles = []
    try:
        for name in names:

            def keep(_: torch.nn.Module, __: Any, output: Tensor, name: str = name) -> Tensor:
                outputs[name] = output
                return output.clone()

            handles.append(module.get_submodule(name).register_forward_hook(keep))

        def enters(_: torch.nn.Module, given: tuple[Any, ...]) -> None:
            features.append(given[0].detach().clone())

        handles.append(module.get_submodule(head).register_forward_pre_hook(enters))
        yield outputs, features
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def exchanged(module: torch.nn.Module, name: str, given: Tensor, places: Tensor | None) -> Iterator[None]:
    """One part puts out `given` in place of its own, at some places or everywhere, while the block runs.

    Shapes: given, that of the part's output; places, bool, broadcasts to it.
    """

    def put(_: torch.nn.Module, __: Any, output: Tensor) -> Tensor:
        return given.clone() if places is None else torch.where(places, given, output)

    handle = module.get_submodule(name).register_forward_hook(put)
    try:
        yield
    finally:
        handle.remove()


def places_of(regions: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, Tensor] | None:
    """Where a part's output lies on the object and where beside it, to broadcast; None where it has no places.

    A place lies on the object where at least half of its cell does. Class and register tokens lie on neither.

    Shapes: regions (N, H, W), bool; shape, that of one image's output.
    """
    size = (int(regions.shape[1]), int(regions.shape[2]))
    read_as = layout((1, *shape), size)
    if read_as is None:
        return None
    kind, height, width = read_as
    inside = F.interpolate(regions[:, None].float(), size=(height, width), mode="area")[:, 0] >= 0.5
    if kind == "channels first":
        return inside[:, None], ~inside[:, None]
    if kind == "channels last":
        return inside[..., None], ~inside[..., None]
    neither = torch.zeros(len(inside), shape[0] - height * width, dtype=torch.bool, device=inside.device)
    flat = inside.flatten(1)
    return torch.cat([neither, flat], dim=1)[..., None], torch.cat([neither, ~flat], dim=1)[..., None]


def channel_axis(shape: tuple[int, ...], size: tuple[int, int]) -> int | None:
    """Where channels lie in a batch of a part's outputs; None where they cannot be told from places.

    Args:
        shape: that of one image's output.
        size: height and width of the image.
    """
    read_as = layout((1, *shape), size)
    if len(shape) == 1 or (read_as is not None and read_as[0] != "channels first"):
        return len(shape)
    return 1 if len(shape) == 3 else None


def channels_of(output: Tensor, axis: int) -> Tensor:
    """The mean of each channel over places, (N, C)."""
    return output.movedim(axis, 1).flatten(2).mean(dim=2) if output.ndim > 2 else output


@contextmanager
def without_channels(
    module: torch.nn.Module, name: str, axis: int, channels: tuple[int, ...], means: Tensor
) -> Iterator[None]:
    """One part puts out the mean of some channels in their place, everywhere, while the block runs.

    Shapes: means (C,), of all channels of the part, which lie at `axis` of its outputs.
    """

    def put(_: torch.nn.Module, __: Any, output: Tensor) -> Tensor:
        at = torch.tensor(channels, device=output.device)
        wide = [1] * output.ndim
        wide[axis] = len(channels)
        shape = [*output.shape]
        shape[axis] = len(channels)
        return output.index_copy(axis, at, means.to(output)[at].view(wide).expand(shape))

    handle = module.get_submodule(name).register_forward_hook(put)
    try:
        yield
    finally:
        handle.remove()


def _chosen(module: torch.nn.Module) -> set[str]:
    """Names of parts: children, of which containers and what there is only one of are opened while few come of it."""
    kinds = Counter(type(layer) for layer in module.modules())
    names = [name for name, _ in module.named_children()]
    closed: set[str] = set()
    while True:
        openable = [name for name in names if name not in closed and _opens(module.get_submodule(name), kinds)]
        if not openable:
            return set(names)
        for name in openable:
            inner = [f"{name}.{child}" for child, _ in module.get_submodule(name).named_children()]
            if len(names) - 1 + len(inner) <= MOST:
                at = names.index(name)
                names[at : at + 1] = inner
            else:
                closed.add(name)


def _opens(layer: torch.nn.Module, kinds: Counter[type]) -> bool:
    single = isinstance(layer, _CONTAINERS) or kinds[type(layer)] == 1
    return single and not is_compiled(layer) and any(True for _ in layer.children())


def _has_matrix(layer: torch.nn.Module) -> bool:
    return not list(layer.children()) and any(weight.ndim >= 2 for weight in layer.parameters(recurse=False))
