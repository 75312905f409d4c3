"""The runner's side of the metrics' Batch: images of one regression set with their model and one method."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explain_gate.attribution.attribute import explain
from explain_gate.attribution.base import Probe
from explain_gate.errors import NotMeasurable
from explain_gate.execution.backgrounds import Backgrounds
from explain_gate.execution.devices import threads
from explain_gate.metrics.correlation import spearman
from explain_gate.metrics.randomization import randomize
from explain_gate.records import Sample

T = TypeVar("T")


class Subject:
    """What stays the same for a whole run: the model, its re-initialised twins, the backgrounds, the maps on disk.

    Use in a `with`: the probes freeze their modules and put them back. `kept`, `details` and `usable` are filled by
    the second stage, per method: maps (N, H, W), what the method reported (N,), and which images have a map (N,).
    """

    def __init__(
        self,
        *,
        module: torch.nn.Module,
        make_probe: Callable[[torch.nn.Module, int], Probe],
        backgrounds: Backgrounds,
        options: Mapping[str, Mapping[str, Any]],
        seed: int,
    ) -> None:
        self.backgrounds = backgrounds
        self.options = options
        self.seed = seed
        self.kept: dict[str, NDArray[np.float16]] = {}
        self.details: dict[str, dict[str, NDArray[np.float64]]] = {}
        self.usable: dict[str, NDArray[np.bool_]] = {}
        self._module = module
        self._make_probe = make_probe
        self._open = ExitStack()
        self._probes: dict[str, Probe] = {}
        self._pairs: dict[tuple[str, int], float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def probe(self) -> Probe:
        """The model under test."""
        return self._probe("model", lambda: self._make_probe(self._module, self.seed))

    @property
    def again(self) -> Probe:
        """The model under test with another seed."""
        return self._probe("again", lambda: self._make_probe(self._module, self.seed + 1))

    def twin(self, seed: int) -> Probe:
        """The re-initialised model of one seed."""

        def make() -> Probe:
            return self._make_probe(randomize(self._module, self.seed + 7919 * (seed + 1)), self.seed)

        return self._probe(f"twin {seed}", make)

    def passes(self) -> tuple[int, int]:
        """Images that went forward and backward, through all models."""
        probes = self._probes.values()
        return sum(probe.passes.forward for probe in probes), sum(probe.passes.backward for probe in probes)

    def _probe(self, name: str, make: Callable[[], Probe]) -> Probe:
        if name not in self._probes:
            self._probes[name] = self._open.enter_context(make())
        return self._probes[name]

    def pair_correlation(self, method: str, pairs: int) -> float:
        """Mean Spearman correlation between maps of random pairs of different images."""
        if (method, pairs) not in self._pairs:
            rows = np.flatnonzero(self.usable[method])
            if rows.size < 2:
                raise NotMeasurable("fewer than two maps, so there is no pair to compare")
            rng = np.random.default_rng(self.seed)
            drawn = [rng.choice(rows, size=2, replace=False) for _ in range(pairs)]
            maps = self.kept[method]
            total = 0.0
            for first, second in drawn:
                both = torch.from_numpy(np.stack([maps[first], maps[second]]).astype(np.float32))
                total += float(spearman(both[:1], both[1:])[0])
            self._pairs[method, pairs] = total / pairs
        return self._pairs[method, pairs]


class MeasuredBatch:
    """N images, their model and, for metrics of maps, one method. Implements `metrics.batch.Batch`."""

    def __init__(
        self,
        subject: Subject,
        samples: Sequence[Sample],
        logits: Tensor,
        method: str | None,
        maps: Tensor | None = None,
    ) -> None:
        self.samples = samples
        self.method = method
        self._subject = subject
        self._logits = logits
        self._maps = maps
        self._remembered: dict[Hashable, Any] = {}

    @property
    def rows(self) -> list[int]:
        """Positions in the regression set."""
        return [sample.index for sample in self.samples]

    @cached_property
    def pixels(self) -> Tensor:
        """(N, 3, H, W)."""
        return torch.stack([sample.pixels for sample in self.samples]).to(self._subject.probe.device)

    @cached_property
    def labels(self) -> Tensor:
        """(N,)."""
        return torch.tensor([sample.label for sample in self.samples], device=self._subject.probe.device)

    @property
    def accepted(self) -> list[tuple[int, ...]]:
        """Classes that count as right, per image."""
        return [sample.accepted for sample in self.samples]

    @property
    def logits(self) -> Tensor:
        """(N, K)."""
        return self._logits

    @cached_property
    def maps(self) -> Tensor:
        """(N, H, W), as kept on disk."""
        if self._maps is not None:
            return self._maps
        return torch.from_numpy(self._subject.kept[self._named_method()][self.rows].astype(np.float32))

    @property
    def relevance(self) -> Tensor:
        """The positive part of the maps."""
        return self.maps.clamp_min(0)

    @cached_property
    def region(self) -> Tensor:
        """(N, H, W) bool; the runner leaves out images without a region."""
        return torch.stack([sample.region for sample in self.samples if sample.region is not None])

    @property
    def details(self) -> dict[str, Tensor]:
        """What the method reported per image."""
        columns = self._subject.details[self._named_method()]
        return {name: torch.from_numpy(column[self.rows]) for name, column in columns.items()}

    @property
    def keys(self) -> list[str]:
        """What seeds the draws of each image."""
        return [f"{sample.digest}:{sample.label}" for sample in self.samples]

    def single(self, position: int) -> MeasuredBatch:
        """One of the images as a batch of its own."""
        part = slice(position, position + 1)
        maps = None if self._maps is None else self._maps[part]
        return MeasuredBatch(self._subject, self.samples[part], self._logits[part], self.method, maps)

    def predict(self, pixels: Tensor) -> Tensor:
        """Logits of any inputs."""
        return self._subject.probe.logits(pixels.to(self._subject.probe.device)).cpu()

    def explain(self, pixels: Tensor) -> Tensor:
        """Maps of the same method and classes for other pixels."""
        return self._explain(self._subject.probe, pixels, self.labels, self.keys)

    def explain_randomized(self, seed: int) -> Tensor:
        """Maps on the re-initialised model."""

        def compute() -> Tensor:
            return self._explain(self._subject.twin(seed), self.pixels, self.labels, self.keys)

        return self.remember(("randomized", seed), compute)

    def explain_again(self) -> Tensor:
        """The maps once more: another seed, half the batch at a time, another number of threads."""
        half = max(1, len(self.samples) // 2)
        parts = []
        with threads(1 if torch.get_num_threads() > 1 else 2):
            for start in range(0, len(self.samples), half):
                part = slice(start, start + half)
                parts.append(self._explain(self._subject.again, self.pixels[part], self.labels[part], self.keys[part]))
        return torch.cat(parts)

    def backgrounds(self, position: int, *, same_class: bool, count: int) -> list[tuple[int, Tensor]]:
        """Donors of backgrounds for one image."""
        return self._subject.backgrounds.donors(self.samples[position].index, same_class=same_class, count=count)

    def pair_correlation(self, pairs: int) -> float:
        """Mean correlation between maps of different images."""
        return self._subject.pair_correlation(self._named_method(), pairs)

    def generator(self, position: int, purpose: str) -> torch.Generator:
        """Seeded by (seed, image, purpose)."""
        return self._subject.probe.generator(self.keys[position], purpose)

    def remember(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Compute once per batch and method."""
        if key not in self._remembered:
            self._remembered[key] = compute()
        found: T = self._remembered[key]
        return found

    def _named_method(self) -> str:
        if self.method is None:
            raise TypeError("this metric looks at maps, so its line in METRICS must not say applies='model'")
        return self.method

    def _explain(self, probe: Probe, pixels: Tensor, labels: Tensor, keys: Sequence[str]) -> Tensor:
        method = self._named_method()
        return explain(probe, method, pixels, labels, keys, self._subject.options.get(method, {})).maps.cpu()
