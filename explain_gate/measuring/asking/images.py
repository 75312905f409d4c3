"""The images themselves: what every metric may ask without saying so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from explain_gate.measuring.asking.capability import Asking, Capability, Question, Scope
from explain_gate.records import Truth
from explain_gate.tasks.task import Task, aimed

T = TypeVar("T")


class Images(Capability):
    """Pixels and annotations of a batch, draws seeded by image, and what a metric leaves beside its values."""

    name: ClassVar[str] = "images"
    of_model: ClassVar[bool] = False

    @cached_property
    def pixels(self) -> Tensor:
        """(N, 3, H, W)."""
        return torch.stack([sample.pixels for sample in self._request.samples]).to(
            self._resources.variants.probe.device
        )

    @cached_property
    def labels(self) -> Tensor:
        """(N,)."""
        return torch.tensor(
            [sample.label for sample in self._request.samples], device=self._resources.variants.probe.device
        )

    @property
    def task(self) -> Task:
        """What scores mean."""
        return self._resources.variants.probe.task

    @property
    def accepted(self) -> list[tuple[int, ...]]:
        """Classes that count as right, per image."""
        return [sample.accepted for sample in self._request.samples]

    @cached_property
    def truths(self) -> list[Truth]:
        """What outputs are compared with, per image."""
        return [sample.truth for sample in self._request.samples]

    @cached_property
    def targets(self) -> Tensor:
        """The same as the task's numbers, (N,) or (N, T)."""
        return aimed(self.task, self.task.targets(self.truths), self._request.logits).to(
            self._resources.variants.probe.device
        )

    @property
    def method(self) -> str | None:
        """The method whose maps are looked at."""
        return self._request.method

    @property
    def counting(self) -> bool:
        """Whether the rule counts images."""
        return self._request.peers is not None or self._request.method is None

    @cached_property
    def region(self) -> Tensor:
        """(N, H, W) bool; the runner leaves out images without a region."""
        return torch.stack([sample.region for sample in self._request.samples if sample.region is not None])

    @cached_property
    def counted(self) -> Tensor:
        """(N, H, W) bool, False where pixels are to be ignored."""
        samples = self._request.samples
        every = torch.ones(samples[0].pixels.shape[-2:], dtype=torch.bool)
        return torch.stack([every if sample.ignored is None else ~sample.ignored for sample in samples])

    @property
    def annotators(self) -> list[Tensor]:
        """One region per annotator; the runner leaves out images with fewer than two."""
        return [torch.stack(list(sample.annotators)) for sample in self._request.samples]

    @property
    def keys(self) -> list[str]:
        """What seeds the draws of each image."""
        return [f"{sample.digest}:{sample.label}" for sample in self._request.samples]

    def generator(self, position: int, purpose: str) -> torch.Generator:
        """Seeded by (seed, image, purpose)."""
        return self._resources.variants.probe.generator(self.keys[position], purpose)

    def remember(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Compute once per batch and method."""
        remembered = self._request.remembered
        if key not in remembered:
            remembered[key] = compute()
        known: T = remembered[key]
        return known

    def note(self, name: str, values: Tensor, *, about: Tensor | None = None) -> None:
        """Keep more numbers; the runner collects them after the metric's call."""
        count = len(self._request.samples)
        if len(values) != count or (about is not None and about.shape != values.shape):
            shapes = f"{tuple(values.shape)}{'' if about is None else f' about {tuple(about.shape)}'}"
            raise ValueError(f"a note must have a row for each of {count} images, and `about` its shape, got {shapes}")
        self._request.notes[name] = (values, about)


class Weights(Capability):
    """What each image weighs where every class counts the same."""

    name: ClassVar[str] = "weights"
    scope: ClassVar[Scope] = "set"
    of_model: ClassVar[bool] = False

    @property
    def weights(self) -> Tensor:
        """(N,) float64: all images of the rule over (classes x images of the image's class)."""
        self._asked("weights")
        counts = Counter(self._request.population)
        total = sum(counts.values())
        return torch.tensor(
            [total / (len(counts) * counts[sample.label]) for sample in self._request.samples], dtype=torch.float64
        )

    @classmethod
    def origin(cls, question: Question, asking: Asking) -> list[Any]:
        """How many images there are, of how many classes, and of this one."""
        del question
        counts = Counter(asking.population)
        return [len(asking.population), len(counts), counts[asking.label]]
