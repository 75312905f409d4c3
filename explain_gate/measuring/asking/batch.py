"""The runner's side of the metrics' Batch: images of one regression set with their model and one method."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from explain_gate.errors import NotMeasurable
from explain_gate.measuring.asking.capabilities import ALWAYS, capability_of
from explain_gate.measuring.asking.capability import C, Capability, Request
from explain_gate.measuring.asking.resources import Resources


class MeasuredBatch:
    """N images, their model and, for metrics of maps, one method. Implements `metrics.batch.Batch`.

    Whatever a metric asks is answered by the capability of that name.
    """

    def __init__(self, request: Request, resources: Resources) -> None:
        self.request = request
        self.resources = resources
        self._answering: dict[type[Capability], Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.of(capability_of(name)), name)

    def of(self, kind: type[C]) -> C:
        """A capability for these images."""
        if kind not in self._answering:
            self._answering[kind] = kind(self)
        capability: C = self._answering[kind]
        return capability

    def single(self, position: int) -> MeasuredBatch:
        """One of the images as a batch of its own."""
        part, request = slice(position, position + 1), self.request
        own = Request(
            samples=request.samples[part],
            logits=request.logits[part],
            method=request.method,
            maps=None if request.maps is None else request.maps[part],
            population=request.population,
            peers=request.peers,
            part=request.part,
        )
        return MeasuredBatch(own, self.resources)


class Asked:
    """A batch as one metric sees it: what is asked is written down.

    Args:
        batch: what answers.
        declared: capabilities that the metric says it asks for; None for a team's own, which says nothing.
        alone: the set at hand is a part of a larger one, so that nothing beyond the image has an answer.
    """

    def __init__(self, batch: MeasuredBatch, declared: Collection[str] | None, *, alone: bool = False) -> None:
        self._batch = batch
        self._declared = declared
        self._alone = alone

    def __getattr__(self, name: str) -> Any:
        capability = capability_of(name)
        if self._declared is not None and capability.name not in ALWAYS.union(self._declared):
            raise UndeclaredError(f"it asks for {name}, so its card must list {capability.name} under asks")
        if self._alone and capability.scope != "image":
            raise NotMeasurable("it looks at the whole set")
        self._batch.request.asked.add(name)
        return getattr(self._batch, name)


class WithoutModel:
    """A batch that answers what image and annotation tell, and nothing that the model would have to be asked for."""

    def __init__(self, batch: MeasuredBatch) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        if name == "counting":
            return False
        if capability_of(name).of_model:
            raise NotMeasurable("the model is not asked")
        return getattr(self._batch, name)


class UndeclaredError(Exception):
    """A metric of this package asks for what its card does not say."""
