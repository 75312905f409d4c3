"""Drawing a model's parameters anew, all of them or block by block from the output down."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

_FINE_ENOUGH = 8
"""Containers are opened, the largest first, until a model has so many units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Neighbouring units of a model, re-initialised together. `units` are dotted module names."""

    name: str
    units: tuple[str, ...]


def randomize(module: nn.Module, seed: int, rebuild: Callable[[], nn.Module] | None = None) -> nn.Module:
    """A copy of the module with every parameter drawn anew, buffers of normalisation layers reset.

    Where the model can be built again, its own initialisers draw (Adebayo 2018 asks for the original ones, and a
    layer's `reset_parameters` is not what most networks start from). A parameter that building leaves as it is, such
    as weights that the builder loads, is drawn as its layer draws when it is made (`reset_parameters`); parameters
    that no layer resets (class tokens, position embeddings, layer scales) from a normal distribution with their own
    spread. Every layer draws from one stream, so layers of equal shape differ. The global random state is left alone.

    Args:
        module: the trained module; not changed.
        seed: of all draws.
        rebuild: builds the untrained module, or None.
    """
    fresh = copy.deepcopy(module)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        built = _built(fresh, rebuild)
        _reset_layers(fresh)
        own = fresh.state_dict()
        for name, value in built.items():
            own[name].copy_(value)
        trained = dict(module.named_parameters())
        for name, parameter in fresh.named_parameters():
            untouched = torch.equal(parameter, trained[name]) and not _is_constant(parameter)
            if untouched and parameter.is_floating_point():
                parameter.normal_(0.0, _spread(parameter))
    for parameter in fresh.parameters():  # TorchScript has no requires_grad_
        parameter.requires_grad = False
    return fresh


def find_blocks(module: nn.Module, run: Callable[[], object], most: int) -> tuple[Block, ...]:
    """At most `most` blocks of units in the order of execution, the one next to the output first.

    Units are submodules that hold weights: containers are opened, the largest first, until there are a handful of
    units. A unit that `run` does not reach comes last, so do weights that belong to no unit.

    Args:
        module: any module.
        run: runs the module once.
        most: at least 1.
    """
    if most < 1:
        raise ValueError(f"steps must be at least 1, got {most}")
    units = _units(module)
    order: list[str] = []
    handles = [
        unit.register_forward_hook(lambda _, __, ___, name=name: order.append(name))
        for name, unit in units.items()
        if not isinstance(unit, torch.jit.ScriptModule)  # which takes no hooks; it counts as it is registered
    ]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    reached = list(dict.fromkeys(order))
    upwards = [name for name in units if name not in reached] + reached
    return _grouped(upwards[::-1], most)


def _built(fresh: nn.Module, rebuild: Callable[[], nn.Module] | None) -> dict[str, Tensor]:
    """What building the model anew draws, or sets to a constant as in a normalisation layer.

    Built twice: what is the same both times and not constant was loaded, not drawn.
    """
    if rebuild is None:
        return {}
    try:
        first, second = rebuild().state_dict(), rebuild().state_dict()
    except Exception:  # noqa: BLE001 - a user's builder may raise anything; the layers' own initialisers remain
        return {}
    own = fresh.state_dict()
    return {
        name: value.to(own[name])
        for name, value in first.items()
        if isinstance(value, Tensor)
        and name in own
        and own[name].shape == value.shape
        and (_is_constant(value) or not torch.equal(value, second[name]))
    }


def _reset_layers(module: nn.Module) -> None:
    for layer in module.modules():
        reset = getattr(layer, "reset_parameters", None) or getattr(layer, "_reset_parameters", None)
        if callable(reset):
            reset()


def _is_constant(parameter: Tensor) -> bool:
    """Zeros and ones, as a fresh normalisation layer has them: re-initialised although nothing moved."""
    return parameter.numel() > 1 and bool((parameter == parameter.flatten()[0]).all())


def _spread(parameter: Tensor) -> float:
    spread = parameter.double().std().item() if parameter.numel() > 1 else 0.0
    return spread if spread > 0 else 0.02


def _units(module: nn.Module) -> dict[str, nn.Module]:
    """Disjoint submodules with parameters, by dotted name, in the order of registration."""
    units = _children("", module)
    while len(units) < _FINE_ENOUGH:
        opened = {name: _children(name, unit) for name, unit in units.items()}
        largest = max(
            (name for name, inner in opened.items() if len(inner) > 1),
            key=lambda name: _weights(units[name]),
            default=None,
        )
        if largest is None:
            break
        wider: dict[str, nn.Module] = {}
        for name, unit in units.items():
            wider.update(opened[name] if name == largest else {name: unit})
        units = wider
    return units


def _children(name: str, module: nn.Module) -> dict[str, nn.Module]:
    """Children with parameters; a lone child stands for its own children."""
    inner = {
        f"{name}.{child}" if name else child: part for child, part in module.named_children() if _weights(part) > 0
    }
    if len(inner) == 1:
        (only, part), *_ = inner.items()
        return _children(only, part) or inner
    return inner


def _weights(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _grouped(units: Sequence[str], most: int) -> tuple[Block, ...]:
    """The unit next to the output alone, the others in groups of nearly equal numbers."""
    if not units:
        return (Block(name="all weights", units=()),)
    rest = units[1:]
    groups = [list(units[:1])]
    parts = min(most - 1, len(rest))
    if parts == 0:
        groups[0].extend(rest)
    cuts = [part * len(rest) // max(1, parts) for part in range(parts + 1)]
    groups.extend(list(rest[start:stop]) for start, stop in pairwise(cuts))
    return tuple(Block(name=_named(group), units=tuple(group)) for group in groups)


def _named(group: Sequence[str]) -> str:
    return group[0] if len(group) == 1 else f"{group[-1]} to {group[0]}"
