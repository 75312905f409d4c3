"""A module held still while it is explained: eval mode, frozen parameters, run in the form that costs least."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor

from explain_gate.attribution.allocator import kept_memory
from explain_gate.attribution.fold import Folded, fold
from explain_gate.attribution.hooks import Captured, capture
from explain_gate.tasks.outputs import first_images


class FrozenModule:
    """Inside the block the module is in eval mode and wants no gradients; afterwards it is as before.

    What runs is a private copy with batch norms folded into convolutions, where that is exact and asked for.
    """

    def __init__(self, module: torch.nn.Module, *, fold_norms: bool, autocast: torch.dtype | None) -> None:
        self.module = module
        self.only_batch = _only_batch(module)
        self._fold_norms = fold_norms
        self._autocast = autocast
        self._runs = Folded(module, frozenset())
        self._takes_list = _annotated_as_list(module)
        self._versions = 0
        self._before: list[tuple[torch.nn.Module, bool]] | None = None
        self._trainable: list[torch.nn.Parameter] = []
        self._memory = ExitStack()

    def __enter__(self) -> Self:
        if self._before is not None:
            raise RuntimeError("a Probe cannot be entered twice at once")
        # The flags are set one by one: train() may be overridden, and exported modules refuse it.
        self._before = [(module, module.training) for module in self.module.modules()]
        self._trainable = [parameter for parameter in self.module.parameters() if parameter.requires_grad]
        for module, _ in self._before:
            module.training = False
        for parameter in self._trainable:
            parameter.requires_grad = False
        self._memory.enter_context(kept_memory())
        self._fold()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for module, training in self._before or ():
            module.training = training
        for parameter in self._trainable:
            parameter.requires_grad = True
        self._before, self._trainable = None, []
        self._runs = Folded(self.module, frozenset())
        self._memory.close()

    def __call__(self, images: Tensor) -> Any:
        """The module's output. It gets a copy of the images, which it may change in place."""
        if type(images) is Tensor:  # a subclass holds a copy already; see local_passes
            images = images.clone()
        with torch.autocast(images.device.type, dtype=self._autocast, enabled=self._autocast is not None):
            return self._padded(images)

    def _padded(self, images: Tensor) -> Any:
        """An exported program's output for fewer images than it insists on."""
        if self.only_batch is None or len(images) == self.only_batch:
            return self._listed(images)
        short = self.only_batch - len(images)
        output = self._runs.module(torch.cat([images, images[-1:].expand(short, *images.shape[1:])]))
        return first_images(output, len(images), self.only_batch)

    def _listed(self, images: Tensor) -> Any:
        """The output of a batch, or of a list of its pictures, as detectors take them."""
        if self._takes_list:
            return self._runs.module(list(images))
        try:
            return self._runs.module(images)
        except TypeError as error:
            # torch.stack(images) is what a forward does that wants a list and does not say so.
            try:
                output = self._runs.module(list(images))
            except Exception:  # noqa: BLE001 - whatever it is, the first error is the one to tell
                raise error from None
            self._takes_list = True
            return output

    def check(self) -> None:
        """Follow changes of the weights inside the block; an error outside it.

        Raises:
            RuntimeError: the block was not entered.
        """
        if self._before is None:
            raise RuntimeError("use the Probe in a with-block: it freezes the module and puts it back")
        if self._versions != _versions(self.module):
            self._fold()

    @contextmanager
    def capture(self, layers: Sequence[str], *, as_leaves: bool) -> Iterator[Captured]:
        """What the named layers put out while the block runs; see hooks.capture."""
        runs = self._runs
        if not runs.convolutions.isdisjoint(layers):  # such a layer's own output is only in the module itself
            self._runs = Folded(self.module, frozenset())
        try:
            with capture(self._runs.module, layers, as_leaves=as_leaves) as captured:
                yield captured
        finally:
            self._runs = runs

    def _fold(self) -> None:
        self._versions = _versions(self.module)
        self._runs = fold(self.module) if self._fold_norms else Folded(self.module, frozenset())


def weights(module: torch.nn.Module) -> list[Tensor]:
    """Every parameter and buffer."""
    return [*module.parameters(), *module.buffers()]


def _annotated_as_list(module: torch.nn.Module) -> bool:
    """Whether forward says that it takes a list of pictures."""
    if isinstance(module, torch.jit.ScriptModule):
        schema = module.forward.schema  # type: ignore[attr-defined] # of the compiled function that it is here
        return str(schema).partition(",")[2].strip().startswith("Tensor[]")
    try:
        first = next(iter(inspect.signature(module.forward).parameters.values()), None)
    except (TypeError, ValueError):
        return False
    told = "" if first is None or first.annotation is first.empty else str(first.annotation).lower()
    return told.startswith(("list[", "typing.list[", "sequence[", "typing.sequence[", "collections.abc.sequence["))


def _only_batch(module: torch.nn.Module) -> int | None:
    """The batch size an exported program insists on; None for every other module and for a dynamic one."""
    if not isinstance(module, torch.fx.GraphModule):
        return None
    inputs = [node.meta.get("val") for node in module.graph.nodes if node.op == "placeholder"]
    if len(inputs) != 1 or not isinstance(inputs[0], Tensor) or not inputs[0].ndim:
        return None
    size = inputs[0].shape[0]
    return size if isinstance(size, int) else None


def _versions(module: torch.nn.Module) -> int:
    """Changes with every in-place change of a parameter or buffer, and when one is exchanged."""
    return hash(tuple((tensor.data_ptr(), tensor._version) for tensor in weights(module)))
