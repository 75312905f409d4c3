"""Passes of the model under test on any pixels: predictions, gradients, maps, and how long they take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from explain_gate.attribution.attribute import explain
from explain_gate.attribution.base import Probe
from explain_gate.errors import ModelError, NotMeasurable
from explain_gate.measuring.asking.capability import Answering, Capability, Scope
from explain_gate.measuring.asking.images import Images
from explain_gate.measuring.device import threads
from explain_gate.records import Truth
from explain_gate.tasks.task import aimed


class Predictions(Capability):
    """Logits of the images, and of any other pixels."""

    name: ClassVar[str] = "predictions"

    @property
    def logits(self) -> Tensor:
        """(N, C), the task's columns."""
        return self._request.logits

    def predict(self, pixels: Tensor, truths: Sequence[Truth] | None = None) -> Tensor:
        """The task's columns of any inputs, made from pictures of these truths."""
        return predict(self._resources.variants.probe, pixels, truths)


class Gradients(Capability):
    """What the scores do where the pixels change a little."""

    name: ClassVar[str] = "gradients"

    def gradients(self, pixels: Tensor) -> Tensor:
        """Gradients of the scores, by the model as it is."""
        try:
            return self._resources.variants.probe.gradients(pixels, self._batch.of(Images).targets)[1]
        except ModelError as error:
            raise NotMeasurable(str(error)) from error

    def exact_scores(self, pixels: Tensor) -> Tensor:
        """Scores in double precision."""
        variants = self._resources.variants
        probe = variants.converted(str(variants.probe.device), "float64")
        return probe.scores(pixels, self._batch.of(Images).targets).double()


class Explanations(Capability):
    """Maps of the same method for other pixels, other classes, or once more."""

    name: ClassVar[str] = "explanations"

    def explain(self, pixels: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps of the same method for other pixels, or for other classes."""
        images = self._batch.of(Images)
        targets = images.targets if labels is None else _aimed(images, labels, self._request.logits)
        return _explain(self._batch, self._resources.variants.probe, pixels, targets, images.keys)

    def explain_again(self) -> Tensor:
        """The maps once more: another seed, half the batch at a time, another number of threads."""
        images = self._batch.of(Images)
        pixels, targets, keys = images.pixels, images.targets, images.keys
        half = max(1, len(keys) // 2)
        parts = []
        with threads(1 if torch.get_num_threads() > 1 else 2):
            for start in range(0, len(keys), half):
                part = slice(start, start + half)
                parts.append(
                    _explain(self._batch, self._resources.variants.again, pixels[part], targets[part], keys[part])
                )
        return torch.cat(parts)


class Clock(Capability):
    """How long things take, where nobody else works."""

    name: ClassVar[str] = "clock"
    scope: ClassVar[Scope] = "set"
    lasting: ClassVar[bool] = False

    def seconds(self) -> tuple[float, float]:
        """Measured side by side: a map, and the fastest of three forwards."""
        images = self._batch.of(Images)
        explanations, predictions = self._batch.of(Explanations), self._batch.of(Predictions)
        began = time.perf_counter()
        explanations.explain(images.pixels)
        explained = time.perf_counter() - began
        forwards = []
        for _ in range(3):
            began = time.perf_counter()
            predictions.predict(images.pixels, images.truths)
            forwards.append(time.perf_counter() - began)
        return explained, min(forwards)


def explained(batch: Answering, probe: Probe) -> Tensor:
    """Maps (N, H, W) of the batch's images and method by another model."""
    images = batch.of(Images)
    return _explain(batch, probe, images.pixels.to(probe.device), images.targets.to(probe.device), images.keys)


def predict(probe: Probe, pixels: Tensor, truths: Sequence[Truth] | None) -> Tensor:
    """The task's columns (M, C) of pictures (M, ...), on the CPU."""
    # A target function of a class has no score of other classes to give, so none is picked for it here.
    known = truths is not None and not probe.target_wants_targets
    targets = probe.task.targets(truths or ()) if known else None
    return probe.logits(pixels.to(probe.device), targets).cpu()


def _aimed(images: Images, labels: Tensor, columns: Tensor) -> Tensor:
    """The images' targets with other classes. Shapes: labels (N,); columns (N, C), of the images as they are."""
    truths = [replace(truth, label=label) for truth, label in zip(images.truths, labels.tolist(), strict=True)]
    return aimed(images.task, images.task.targets(truths), columns).to(labels.device)


def _explain(batch: Answering, probe: Probe, pixels: Tensor, targets: Tensor, keys: Sequence[str]) -> Tensor:
    method = batch.request.named_method
    return explain(probe, method, pixels, targets, keys, batch.resources.options.get(method, {})).maps.cpu()
