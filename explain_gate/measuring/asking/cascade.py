"""A cascade of re-initialised blocks on one copy of the model; what lies below the cut is not run again.

An image's activations below the cut do not change from step to step. The copy keeps what every block put out for the
images of the batch, and gives it back when the same image comes again and nobody wants a gradient or looks inside.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from explain_gate.metrics.reinitialise import Block, find_blocks


class Cascade:
    """A copy of a trained module that is randomized step by step, from the output down.

    Args:
        module: the trained module; not changed.
        fresh: the same module, re-initialised.
        run: runs a module on one image, to learn the order of its blocks.
        steps: most cuts.
    """

    def __init__(self, module: nn.Module, fresh: nn.Module, run: Callable[[nn.Module], object], steps: int) -> None:
        self.module = copy.deepcopy(module)
        self.module.eval()
        self.blocks: tuple[Block, ...] = find_blocks(self.module, lambda: run(self.module), steps)
        self._trained = _state(module)
        self._fresh = _state(fresh)
        self._memory = _Memory(self.module)
        self._units = {unit: self.module.get_submodule(unit) for block in self.blocks for unit in block.units}
        self._calls = _count_calls(self.module, self._units, run)
        for name, unit in self._units.items():
            if self._calls[name] == 1:
                self._memory.watch(name, unit)

    def restore(self, *, reuse: bool) -> None:
        """Back to the trained weights, with nothing remembered."""
        self._load(self._trained, list(self._trained))
        self._memory.forget()
        self._memory.valid = set(self._units) if reuse else set()

    def randomize(self, step: int) -> None:
        """Re-initialise one more block; the last step takes what belongs to no block with it."""
        block = self.blocks[step]
        if step == len(self.blocks) - 1:
            names = list(self._fresh)
        else:
            names = [name for name in self._fresh if any(name.startswith(f"{unit}.") for unit in block.units)]
        self._load(self._fresh, names)
        self._memory.valid -= set(self._units) if step == len(self.blocks) - 1 else set(block.units)

    def _load(self, state: dict[str, Tensor], names: list[str]) -> None:
        own = _state(self.module)
        with torch.no_grad():
            for name in names:
                own[name].copy_(state[name])


class _Memory:
    """What blocks put out for the images of one batch. Blocks in `valid` may answer from it."""

    def __init__(self, module: nn.Module) -> None:
        self.valid: set[str] = set()
        self._seen: list[tuple[Tensor, dict[str, Any]]] = []
        self._current: dict[str, Any] | None = None
        if not isinstance(module, torch.jit.ScriptModule):  # which takes no hooks, so that nothing is remembered
            module.register_forward_pre_hook(self._look_up)

    def watch(self, name: str, unit: nn.Module) -> None:
        """Let the memory answer for a block. The block belongs to a copy that is nobody else's."""
        forward = unit.forward

        def answer(*inputs: Any, **named: Any) -> Any:
            known = self._current
            if known is None or name not in self.valid or _wants_gradient(inputs) or _is_watched(unit):
                return forward(*inputs, **named)
            if name not in known:
                output = forward(*inputs, **named)
                if not isinstance(output, Tensor) or output.requires_grad:
                    return output
                # A copy, because the next block may write into what it is given.
                known[name] = output.clone()
                return output
            return known[name].clone()

        unit.forward = answer

    def forget(self) -> None:
        """Free everything."""
        self._seen.clear()
        self._current = None

    def _look_up(self, _: nn.Module, inputs: tuple[Any, ...]) -> None:
        self._current = None
        images = inputs[0] if inputs else None
        if not self.valid or not isinstance(images, Tensor) or images.requires_grad:
            return
        for known, outputs in self._seen:
            if known.shape == images.shape and torch.equal(known, images):
                self._current = outputs
                return
        self._current = {}
        self._seen.append((images.clone(), self._current))


def _wants_gradient(inputs: tuple[Any, ...]) -> bool:
    return any(isinstance(value, Tensor) and value.requires_grad for value in inputs)


def _is_watched(unit: nn.Module) -> bool:
    """Whether somebody listens inside the block, so that it has to run."""
    # torch has no public way to ask for hooks.
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    return any(getattr(layer, kind) for layer in unit.modules() if layer is not unit for kind in kinds)


def _count_calls(module: nn.Module, units: dict[str, nn.Module], run: Callable[[nn.Module], object]) -> dict[str, int]:
    """How often one pass calls each unit: what is used twice has no single output to remember."""
    calls = dict.fromkeys(units, 0)

    def count(name: str) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            calls[name] += 1

        return hook

    handles = [
        unit.register_forward_hook(count(name))
        for name, unit in units.items()
        if not isinstance(unit, torch.jit.ScriptModule)  # its calls are not seen, so it is run each time
    ]
    try:
        run(module)
    finally:
        for handle in handles:
            handle.remove()
    return calls


def _state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value for name, value in module.state_dict().items() if isinstance(value, Tensor)}
