"""The model as an attribution method sees it: one score per image, frozen, in chunks, with its passes counted."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor

from explain_gate.attribution import METHODS
from explain_gate.attribution.chunks import Chunks
from explain_gate.attribution.frozen import FrozenModule, weights
from explain_gate.errors import ModelError, NotMeasurable
from explain_gate.seeds import seed_of
from explain_gate.tasks import DEFAULT, task_of
from explain_gate.tasks.logits import at_least_float32, wrong_output
from explain_gate.tasks.task import Task

Make = Callable[[int, int], tuple[Tensor, Tensor]]
"""(start, stop) -> images (stop - start, C, H, W) and targets (stop - start,) of that part of a flat index.

Targets are the task's: (N,), the class, or (N, T) with more behind it. Nothing here looks into them.
"""


@dataclass(slots=True)
class Passes:
    """Images that went through the model: `forward` without a graph or with one, `backward` to the input or a layer."""

    forward: int = 0
    backward: int = 0


class Probe:
    """One score per image of a module. Use it in a `with`: eval mode and frozen parameters inside, as before after.

    Args:
        module: any module on any device. Its output is (N, K), an object or mapping that has it as `logits` or
            `out`, or a tuple or list that begins with it; or `target` makes it so.
        target: optional, what to explain of other outputs: a function of (output) or of (output, targets) that
            returns (N, K), of which the target's column is the score, or (N,), which is the score itself.
        task: what the scores mean; None for classification.
        target_layers: dotted names of the modules that CAM methods look at; empty: methods find the last feature map.
        memory_budget: bytes that passes may take beside the model; None for half of what is free.
        seed: every random draw follows from it, the image's key and the draw's purpose.
        batch: most images per pass; None for what pays off on the device.
        black: (C, 1, 1), the value of a black pixel in the module's input space.
        read_images: path of an image file or of a folder of them -> (R, C, H, W) in the module's input space, for
            baselines and references.
        fold_norms: run a private copy in which batch norms are folded into convolutions where that is exact.
        autocast: torch.bfloat16 runs convolutions and matrix products in it, for speed where it is native; maps then
            agree with those in float32 only roughly, so a gate must not mix the two.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        *,
        target: Callable[..., Tensor] | None = None,
        task: Task | None = None,
        target_layers: Sequence[str] = (),
        memory_budget: int | None = None,
        seed: int = 0,
        batch: int | None = None,
        black: Tensor | None = None,
        read_images: Callable[[str], Tensor] | None = None,
        fold_norms: bool = True,
        autocast: torch.dtype | None = None,
    ) -> None:
        self.module = module
        self.target_layers = tuple(target_layers)
        self.seed = seed
        self.black = black
        self.read_images = read_images
        self.passes = Passes()
        self.target_wants_targets = target is not None and _positional(target) > 1
        first = next((tensor for tensor in weights(module) if tensor.is_floating_point()), None)
        self.device = first.device if first is not None else torch.device("cpu")
        self.dtype = first.dtype if first is not None else None
        self.target = target
        self.task = task_of(DEFAULT) if task is None else task
        self._frozen = FrozenModule(module, fold_norms=fold_norms, autocast=autocast)
        self.is_precise = self.dtype in {torch.float32, torch.float64} and autocast is None
        self.only_batch = self._frozen.only_batch
        self._chunks = Chunks(
            device=self.device, budget=memory_budget, largest=self.only_batch or batch, weights=weights(module)
        )

    def __enter__(self) -> Self:
        self._frozen.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._frozen.__exit__(kind, error, trace)

    @property
    def memory_budget(self) -> int:
        """Bytes that passes may take beside the model."""
        return self._chunks.budget

    def logits(self, images: Tensor, targets: Tensor | None = None) -> Tensor:
        """The task's columns of each image, without a graph.

        Shapes: images (N, C, H, W); targets (N,) or (N, T), needed by tasks that compare outputs with what is
        annotated, and by a `target` function that takes them. Returns (N, K) in the module's precision or float32,
        whichever is finer; K is 1 where `target` gives one score per image.

        Raises:
            NotMeasurable: a `target` function of (output, targets) has no scores of all classes to give.
        """
        parts: list[Tensor] = []

        def work(start: int, stop: int) -> None:
            part = None if targets is None else targets[start:stop].to(self.device)
            with torch.no_grad():
                parts.append(self.columns(self.prepare(images[start:stop]), part))
            self.passes.forward += stop - start

        self.in_chunks("forward", len(images), work)
        return torch.cat(parts).to(images.device)

    def scores(self, images: Tensor, targets: Tensor) -> Tensor:
        """The target's score of each image, without a graph. Shapes: (N, C, H, W), (N,); returns (N,)."""
        return self.scores_of(len(images), lambda start, stop: (images[start:stop], targets[start:stop])).to(
            images.device
        )

    def scores_of(self, count: int, make: Make) -> Tensor:
        """Scores (count,) of images that are made chunk by chunk, so that they never exist all at once."""
        parts: list[Tensor] = []

        def work(start: int, stop: int) -> None:
            made, targets = make(start, stop)
            with torch.no_grad():
                parts.append(self.score(self.prepare(made), targets))
            self.passes.forward += stop - start

        self.in_chunks("forward", count, work)
        return torch.cat(parts) if parts else torch.empty(0, device=self.device)

    def gradients(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The target's score and its gradient to the input: (N,) and (N, C, H, W), in at least float32."""
        grads: list[Tensor] = []
        scores: list[Tensor] = []

        def take(start: int, stop: int, score: Tensor, grad: Tensor) -> None:
            scores.append(score)
            grads.append(grad)

        self.gradients_of(len(images), lambda start, stop: (images[start:stop], targets[start:stop]), take)
        return torch.cat(scores).to(images.device), torch.cat(grads).to(images.device)

    def gradients_of(self, count: int, make: Make, take: Callable[[int, int, Tensor, Tensor], None]) -> None:
        """Gradients of images that are made, and taken away as (start, stop, scores, gradients), chunk by chunk."""

        def work(start: int, stop: int) -> None:
            made, targets = make(start, stop)
            images = self.prepare(made).detach().requires_grad_()
            with torch.enable_grad():
                scores = self.score(images, targets)
                (grads,) = self._differentiate(scores, [images], "the image")
            self.passes.forward += stop - start
            self.passes.backward += stop - start
            take(start, stop, scores.detach(), at_least_float32(grads))

        self.in_chunks("gradient", count, work)

    def layer_gradients_of(
        self,
        images: Tensor,
        targets: Tensor,
        layers: Sequence[str],
        take: Callable[[int, int, list[Tensor], list[Tensor]], None],
    ) -> None:
        """Activations of layers and the score's gradients to them, taken as (start, stop, activations, gradients).

        Nothing below the first layer is differentiated. A layer that is used several times gives its last use.
        """

        def work(start: int, stop: int) -> None:
            with torch.enable_grad(), self._frozen.capture(layers, as_leaves=True) as captured:
                scores = self.score(self.prepare(images[start:stop]), targets[start:stop])
                activations = [captured.last(layer) for layer in layers]
                grads = self._differentiate(scores, activations, f"the target layer {', '.join(layers)}")
            self.passes.forward += stop - start
            self.passes.backward += stop - start
            take(
                start,
                stop,
                [at_least_float32(activation.detach()) for activation in activations],
                [at_least_float32(grad) for grad in grads],
            )

        self.in_chunks("gradient", len(images), work)

    def activations_of(
        self, images: Tensor, targets: Tensor, layers: Sequence[str], take: Callable[[int, int, list[Tensor]], None]
    ) -> None:
        """Activations of layers, without a graph, taken as (start, stop, activations)."""

        def work(start: int, stop: int) -> None:
            with torch.no_grad(), self._frozen.capture(layers, as_leaves=False) as captured:
                self.score(self.prepare(images[start:stop]), targets[start:stop])
            self.passes.forward += stop - start
            take(start, stop, [at_least_float32(captured.last(layer)) for layer in layers])

        self.in_chunks("forward", len(images), work)

    def in_chunks(self, kind: Any, count: int, work: Callable[[int, int], None]) -> None:
        """Call `work(start, stop)` over 0..count; see Chunks.run."""
        self._frozen.check()
        self._chunks.run(kind, count, work)

    def prepare(self, images: Tensor) -> Tensor:
        """Images on the module's device, in its precision, channels last."""
        moved = images.to(device=self.device, dtype=self.dtype or images.dtype)
        return moved.contiguous(memory_format=torch.channels_last) if moved.ndim == 4 else moved

    def score(self, images: Tensor, targets: Tensor) -> Tensor:
        """The target's score of prepared images, (N,), with a graph where one is wanted; in at least float32."""
        targets = targets.to(self.device)
        return self.explained(self.columns(images, targets), targets)

    def explained(self, columns: Tensor, targets: Tensor) -> Tensor:
        """The score in columns (N, C) that is explained, (N,); the only one that a `target` function gave."""
        if columns.shape[1] == 1 and self.target is not None:
            return columns[:, 0]
        return self.task.explained(columns, targets)

    def columns(self, images: Tensor, targets: Tensor | None) -> Tensor:
        """The task's columns of prepared images, (N, C), with a graph where wanted. Nothing else asks the module.

        Raises:
            ModelError: the module, or the target function, returns something else.
            NotMeasurable: as `logits`.
        """
        if targets is None and self.target_wants_targets:
            raise NotMeasurable(
                "model.target scores the class that it is given, so there are no scores of all classes to compare"
            )
        output = self._frozen(images)
        if self.target is not None and self.target_wants_targets and targets is not None:
            output = self.target(output, labels_in(targets))
        elif self.target is not None:
            output = self.target(output)
        columns = self.task.columns(output, targets, by_target=self.target is not None)
        if columns.ndim != 2 or len(columns) != len(images):
            raise wrong_output(columns, f"({len(images)}, classes)", by_target=self.target is not None)
        return at_least_float32(columns)

    def generator(self, key: str, purpose: str) -> torch.Generator:
        """A CPU generator seeded by (seed, key, purpose): the draw is the same on every device and in every batch."""
        return torch.Generator().manual_seed(seed_of(self.seed, key, purpose))

    def _differentiate(self, scores: Tensor, inputs: list[Tensor], what: str) -> tuple[Tensor, ...]:
        if not scores.requires_grad:
            raise _no_gradient(what)
        grads = torch.autograd.grad(scores.sum(), inputs, allow_unused=True)
        if any(grad is None for grad in grads):
            raise _no_gradient(what)
        return tuple(grads)


def _no_gradient(what: str) -> ModelError:
    """The error of a score that gradients do not reach from the named tensor."""
    return ModelError(
        f"the score has no gradient to {what}: the module detaches it (torch.no_grad, inference mode, .detach(), "
        "integer or quantised operations in forward), or its score does not depend on it. Take that out of forward "
        "and put it around the calls that want no gradients, or use methods that need none: "
        f"{', '.join(name for name, method in METHODS.items() if 'gradients' not in method.needs)}"
    )


def labels_in(targets: Tensor) -> Tensor:
    """The classes (N,) in targets (N,) or (N, T)."""
    return targets if targets.ndim == 1 else targets[:, 0]


def in_float64(tensor: Tensor) -> Tensor:
    """The tensor in float64, on the CPU where its device has none (Apple's)."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()


def _positional(function: Callable[..., Any]) -> int:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(
        parameter.kind in kinds and parameter.default is parameter.empty
        for parameter in inspect.signature(function).parameters.values()
    )
