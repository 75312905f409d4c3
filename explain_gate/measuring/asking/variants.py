"""The model under test and its variants: re-initialised, with other weights, in another precision, block by block."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import torch
from torch import Tensor

from explain_gate.attribution import METHODS
from explain_gate.attribution.base import Probe
from explain_gate.measuring.asking.capability import Capability
from explain_gate.measuring.asking.cascade import Cascade
from explain_gate.measuring.asking.images import Images
from explain_gate.measuring.asking.passes import explained
from explain_gate.measuring.device import pick_device
from explain_gate.metrics.reinitialise import randomize
from explain_gate.models.fitting import load_checkpoint


class Variants:
    """Probes of the model and of its variants, each opened when it is first asked for.

    Use in a `with`: the probes freeze their modules and put them back.

    Args:
        module: the model under test, on its device.
        make_probe: of a module and a seed.
        seed: of the gate.
        rebuild: builds the module anew from its source; None where that cannot be.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        make_probe: Callable[..., Probe],
        *,
        seed: int,
        rebuild: Callable[[], torch.nn.Module] | None = None,
    ) -> None:
        self._module = module
        self._make_probe = make_probe
        self._seed = seed
        self._rebuild = rebuild
        self._open = ExitStack()
        self._probes: dict[str, Probe] = {}
        self._cascades: dict[tuple[int, int], Cascade] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
        self._cascades.clear()

    @property
    def probe(self) -> Probe:
        """The model under test."""
        return self._probe("model", lambda: self._make_probe(self._module, self._seed))

    @property
    def again(self) -> Probe:
        """The model under test with another seed."""
        return self._probe("again", lambda: self._make_probe(self._module, self._seed + 1))

    def twin(self, seed: int) -> Probe:
        """The re-initialised model of one seed."""

        def make() -> Probe:
            fresh = randomize(self._module, self._seed + 7919 * (seed + 1), self._rebuild)
            return self._make_probe(fresh, self._seed)

        return self._probe(f"twin {seed}", make)

    def cascade(self, seed: int, steps: int, pixels: Tensor, targets: Tensor) -> tuple[Cascade, Probe]:
        """The model that is randomized step by step, and its probe. Of any image, (1, 3, H, W), and its target."""
        if (seed, steps) not in self._cascades:

            def run(module: torch.nn.Module) -> object:
                with self._make_probe(module, self._seed, fold_norms=False) as probe:
                    return probe.logits(pixels, targets)

            fresh = self.twin(seed).module
            self._cascades[seed, steps] = Cascade(self._module, fresh, run, steps)
        cascade = self._cascades[seed, steps]

        def make() -> Probe:
            # Its weights change at every step, and its blocks answer from memory: a folded copy would do neither.
            return self._make_probe(cascade.module, self._seed, fold_norms=False)

        return cascade, self._probe(f"cascade {seed} {steps}", make)

    def version(self, checkpoint: str) -> Probe:
        """The same model with other weights."""

        def make() -> Probe:
            module = copy.deepcopy(self._module)
            load_checkpoint(module, Path(checkpoint))
            return self._make_probe(module, self._seed)

        return self._probe(f"version {checkpoint}", make)

    def converted(self, device: str, dtype: str) -> Probe:
        """The same model on another device or in another precision."""

        def make() -> Probe:
            module = copy.deepcopy(self._module).to(device=pick_device(device), dtype=getattr(torch, dtype))
            return self._make_probe(module, self._seed)

        return self._probe(f"converted {device} {dtype}", make)

    def passes(self) -> tuple[int, int]:
        """Images that went forward and backward, through all models."""
        probes = self._probes.values()
        return sum(probe.passes.forward for probe in probes), sum(probe.passes.backward for probe in probes)

    def _probe(self, name: str, make: Callable[[], Probe]) -> Probe:
        if name not in self._probes:
            self._probes[name] = self._open.enter_context(make())
        return self._probes[name]


class Twins(Capability):
    """Maps on the re-initialised model."""

    name: ClassVar[str] = "twins"

    def explain_randomized(self, seed: int) -> Tensor:
        """Maps on the re-initialised model."""
        twin = self._resources.variants.twin
        return self._batch.of(Images).remember(("randomized", seed), lambda: explained(self._batch, twin(seed)))


class Cascading(Capability):
    """Maps while one block after the other is re-initialised."""

    name: ClassVar[str] = "cascade"

    def cascade(self, seed: int, steps: int) -> list[tuple[str, Tensor]]:
        """Maps of every step of a cascade; the last is that of the re-initialised model."""
        images = self._batch.of(Images)
        cascade, probe = self._resources.variants.cascade(seed, steps, images.pixels[:1], images.targets[:1])
        method = self._request.named_method
        cascade.restore(reuse=method in METHODS and "layers" in METHODS[method].needs)
        maps: list[tuple[str, Tensor]] = []
        for step, block in enumerate(cascade.blocks):
            cascade.randomize(step)
            last = step == len(cascade.blocks) - 1
            own = self._batch.of(Twins).explain_randomized(seed) if last else explained(self._batch, probe)
            maps.append((block.name, own))
        cascade.restore(reuse=False)
        return maps


class Versions(Capability):
    """Maps with other weights."""

    name: ClassVar[str] = "versions"

    def explain_with(self, checkpoint: str) -> Tensor:
        """Maps with other weights."""
        version = self._resources.variants.version
        return self._batch.of(Images).remember(
            ("version", checkpoint), lambda: explained(self._batch, version(checkpoint))
        )


class Conversions(Capability):
    """Maps on another device or in another precision."""

    name: ClassVar[str] = "conversions"

    def explain_on(self, device: str, dtype: str) -> Tensor:
        """Maps on another device or in another precision."""
        return explained(self._batch, self._resources.variants.converted(device, dtype)).float()
