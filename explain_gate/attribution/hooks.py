"""Activations of named layers while a block runs. The hooks are off when it ends, also after an exception."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from explain_gate.errors import ModelError

COMPILED = (
    "a TorchScript module runs its layers where nobody can look at them. Use methods without layers, such as "
    "integrated_gradients or occlusion, or give the module that it was compiled from as model.source"
)


class Captured:
    """What the named layers put out, call by call."""

    def __init__(self) -> None:
        self._calls: dict[str, list[Tensor]] = {}

    def last(self, name: str) -> Tensor:
        """The layer's output at its last call.

        Raises:
            ModelError: the layer was not called.
        """
        calls = self._calls.get(name)
        if not calls:
            raise ModelError(
                f"target layer {name} is not used when the module runs; name another in model.target_layer"
            )
        return calls[-1]

    def calls(self, name: str) -> list[Tensor]:
        """The layer's outputs in the order of its calls, none where it was not called."""
        return self._calls.get(name, [])

    def add(self, name: str, output: Tensor) -> None:
        """Keep one more output."""
        self._calls.setdefault(name, []).append(output)


@contextmanager
def capture(module: torch.nn.Module, names: Sequence[str], *, as_leaves: bool = False) -> Iterator[Captured]:
    """Capture what the named submodules put out.

    What follows the layer gets a copy, so an in-place operation behind it (ResNet, VGG, DenseNet's functional relu_)
    changes neither the captured activation nor the graph through it. `as_leaves`: where nothing below needs a
    gradient, the activation is made a leaf that wants one. Of a tuple the first tensor is taken.

    Raises:
        ModelError: there is no submodule of that name, or it is compiled.
    """
    captured = Captured()
    handles = []
    try:
        for name in names:
            layer = find_layer(module, name)
            if is_compiled(layer):
                raise ModelError(f"target layer {name}: {COMPILED}")

            def hook(_: torch.nn.Module, __: Any, output: Any, name: str = name) -> Any:
                activation = output[0] if isinstance(output, tuple) and output else output
                if not isinstance(activation, Tensor):
                    raise ModelError(f"target layer {name} must put out a tensor, got {type(output).__name__}")
                if as_leaves and torch.is_grad_enabled() and not activation.requires_grad:
                    activation = activation.detach().requires_grad_()
                captured.add(name, activation)
                passed_on = activation.clone()
                return (passed_on, *output[1:]) if isinstance(output, tuple) else passed_on

            handles.append(layer.register_forward_hook(hook))
        yield captured
    finally:
        for handle in handles:
            handle.remove()


def is_compiled(layer: torch.nn.Module) -> bool:
    """Whether a layer is TorchScript, which runs its parts where no hook sees them."""
    return isinstance(layer, torch.jit.ScriptModule)


def find_layer(module: torch.nn.Module, name: str) -> torch.nn.Module:
    """The submodule with that dotted name.

    Raises:
        ModelError: there is none; the message lists close or top-level names.
    """
    modules: dict[str, torch.nn.Module] = dict(module.named_modules())
    modules.pop("")
    if name in modules:
        return modules[name]
    from difflib import get_close_matches

    near = get_close_matches(name, modules, n=5) or [known for known in modules if "." not in known]
    raise ModelError(f"model.target_layer {name}: the module has no such layer; it has {', '.join(near) or 'none'}")
