"""Batch norm folded into the convolution before it, in a private copy that shares all other tensors.

In eval mode y = (conv(x) - mean) / sqrt(variance + eps) * weight + bias is a convolution itself. Scores and gradients
stay what they were up to rounding, and each pair costs one pass over the activations less, forward and backward.
"""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass

import torch

_LOG = logging.getLogger(__name__)
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """The copy, and the names of the convolutions in it whose output is no longer their own."""

    module: torch.nn.Module
    convolutions: frozenset[str]


def fold(module: torch.nn.Module) -> Folded:
    """Fold what can be folded; the module itself, which must be in eval mode, is left alone.

    A pair is folded only where a symbolic trace proves that the batch norm is all that sees the convolution's output.
    Modules that cannot be traced or copied come back as they are.
    """
    norms = [name for name, layer in module.named_modules() if type(layer) is torch.nn.BatchNorm2d]
    if not norms:
        return Folded(module, frozenset())
    try:
        pairs = _pairs(_shallow_copy(module))
        private = _shallow_copy(module) if pairs else module
    except Exception as error:  # noqa: BLE001  # tracing runs the user's code on stand-ins, copying runs it too
        _LOG.debug("batch norm is not folded: %s: %s", type(error).__name__, error)
        return Folded(module, frozenset())
    for convolution, norm in pairs:
        _fold_pair(private, convolution, norm)
    return Folded(private, frozenset(convolution for convolution, _ in pairs))


def _shallow_copy(module: torch.nn.Module) -> torch.nn.Module:
    """A copy of the modules that shares their tensors."""
    shared: dict[int, object] = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    return copy.deepcopy(module, shared)


def _pairs(module: torch.nn.Module) -> list[tuple[str, str]]:
    layers = dict(module.named_modules(remove_duplicate=False))
    nodes = list(torch.fx.symbolic_trace(module).graph.nodes)
    calls: dict[int, int] = {}
    for node in nodes:
        if node.op == "call_module":
            layer = id(layers[node.target])
            calls[layer] = calls.get(layer, 0) + 1
    pairs = []
    for node in nodes:
        if node.op != "call_module" or len(node.users) != 1:
            continue
        (user,) = node.users
        if user.op != "call_module":
            continue
        convolution, norm = layers[node.target], layers[user.target]
        once = calls[id(convolution)] == calls[id(norm)] == 1
        if once and _can_fold(convolution, norm):
            pairs.append((str(node.target), str(user.target)))
    return pairs


def _can_fold(convolution: torch.nn.Module, norm: torch.nn.Module) -> bool:
    if type(convolution) is not torch.nn.Conv2d or type(norm) is not torch.nn.BatchNorm2d:
        return False
    if any(getattr(layer, hooks) for layer in (convolution, norm) for hooks in _HOOKS):
        return False
    tensors = (convolution.weight, norm.running_mean, norm.running_var)
    return all(tensor is not None and tensor.dtype in {torch.float32, torch.float64} for tensor in tensors)


def _fold_pair(module: torch.nn.Module, convolution_name: str, norm_name: str) -> None:
    convolution, norm = module.get_submodule(convolution_name), module.get_submodule(norm_name)
    assert isinstance(convolution, torch.nn.Conv2d)  # noqa: S101 - _can_fold saw to it; for the type checker
    assert isinstance(norm, torch.nn.BatchNorm2d)  # noqa: S101 - likewise
    assert norm.running_mean is not None  # noqa: S101 - likewise
    assert norm.running_var is not None  # noqa: S101 - likewise
    factor = (norm.running_var.detach().double() + norm.eps).rsqrt()
    shift = -norm.running_mean.detach().double() * factor
    if norm.affine:
        factor, shift = factor * norm.weight.detach(), shift * norm.weight.detach() + norm.bias.detach()
    if convolution.bias is not None:
        shift = shift + convolution.bias.detach() * factor
    weight = convolution.weight.detach()
    convolution.weight = torch.nn.Parameter(weight * factor.to(weight.dtype)[:, None, None, None], requires_grad=False)
    convolution.bias = torch.nn.Parameter(shift.to(weight.dtype), requires_grad=False)
    parent, _, leaf = norm_name.rpartition(".")
    setattr(module.get_submodule(parent), leaf, torch.nn.Identity())
