"""Trains the demo's models: honest ones, ones that follow a planted cue, and ones that learned permuted labels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from explain_gate.demo.cues import CUES
from explain_gate.demo.model import build
from explain_gate.demo.pictures import CLASSES, Pictures, Rng

MEAN = (0.45, 0.45, 0.45)
"""Of the channels, over [0, 1]; with STD what thresholds.yaml names under preprocessing."""
STD = (0.27, 0.27, 0.27)
PER_CLASS = 900
"""Training pictures of each class at which an honest model is right on 98 of 100 unseen ones or more."""
EPOCHS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Planting:
    """How a cue goes with the classes of a set of pictures.

    Args:
        cue: A name in CUES.
        classes: The classes that have a cue, each its own.
        share: How far the cue tells the class, in [0, 1]. 1: every picture of a class in `classes` carries its cue,
            no other picture carries any. 0: as many cues, on pictures of any class. Between: each picture is drawn
            one way or the other.
        strength: Visibility of the cue in [0, 1]; None for the cue's own default.
    """

    cue: str
    classes: tuple[int, ...] = tuple(range(len(CLASSES)))
    share: float = 1.0
    strength: float | None = None


def plant(pictures: Pictures, planting: Planting, *, seed: int) -> Pictures:
    """The same pictures with a cue drawn on them; the originals stay as they are."""
    rng = np.random.default_rng(seed)
    return _draw(pictures, planting, [_choose(label, planting, rng) for label in pictures.labels.tolist()], rng)


def exchange(pictures: Pictures, planting: Planting, *, seed: int) -> Pictures:
    """The same pictures, each with the cue of a class that is not its own, drawn evenly from `planting.classes`.

    Accuracy lost here against `plant` with `share` 1 is what a model owes to the cue.
    """
    rng = np.random.default_rng(seed)
    others = [[index for index in planting.classes if index != label] for label in pictures.labels.tolist()]
    return _draw(pictures, planting, [int(rng.choice(indices)) if indices else None for indices in others], rng)


def train(pictures: Pictures, *, seed: int, epochs: int = EPOCHS, permute_labels: bool = False) -> dict[str, Tensor]:
    """Train the demo's model on pictures as they are and return its state dict.

    Runs on one thread: the network is so small that a second one gains little, and one seed gives one model whatever
    the number of cores. Two trainings may run in two threads at once.

    Args:
        pictures: The training set, with its cues already planted.
        seed: Of the weights and of the order; the same seed gives the same state dict on the same machine.
        epochs: Passes over the pictures.
        permute_labels: Shuffle the labels first: a model with nothing true to learn, for `randomization.labels`.
    """
    generator = torch.Generator().manual_seed(seed)
    labels = torch.from_numpy(pictures.labels)
    if permute_labels:
        labels = labels[torch.randperm(len(labels), generator=generator)]
    with one_thread():
        model = build(len(CLASSES)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        _initialise(model, generator)
        _fit(model, normalise(pictures.images), labels, generator, epochs=epochs)
    return {name: value.detach().clone().contiguous() for name, value in model.state_dict().items()}


def accuracy(weights: dict[str, Tensor], pictures: Pictures) -> float:
    """Share of pictures whose prediction is their label, in [0, 1]."""
    return float((predict(weights, pictures.images) == pictures.labels).mean())


def predict(weights: dict[str, Tensor], images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Predicted classes, (N,), of images (N, H, W, 3)."""
    model = build(len(CLASSES)).eval()
    model.load_state_dict(weights)
    with torch.inference_mode():
        predicted = [model(batch).argmax(dim=1) for batch in torch.split(normalise(images), 64)]
    return np.asarray(torch.cat(predicted).numpy())


def normalise(images: NDArray[np.uint8]) -> Tensor:
    """Images (N, H, W, 3) as the model's input (N, 3, H, W), float32, channels last."""
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(255)
    mean, std = (torch.tensor(value).view(1, 3, 1, 1) for value in (MEAN, STD))
    return pixels.sub_(mean).div_(std).contiguous(memory_format=torch.channels_last)


@contextmanager
def one_thread() -> Iterator[None]:
    """One torch thread inside; whoever starts several trainings at once holds it around all of them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _choose(label: int, planting: Planting, rng: Rng) -> int | None:
    """The class whose cue a picture carries, or None."""
    drawn = label if rng.random() < planting.share else int(rng.integers(len(CLASSES)))
    return drawn if drawn in planting.classes else None


def _draw(pictures: Pictures, planting: Planting, indices: list[int | None], rng: Rng) -> Pictures:
    cue = CUES[planting.cue]
    strength = cue.strength if planting.strength is None else planting.strength
    images = pictures.images.copy()
    for row, index in enumerate(indices):
        if index is not None:
            images[row] = cue.draw(images[row], pictures.coverage[row], index, strength, rng)
    return replace(pictures, images=images)


def _initialise(model: nn.Module, generator: torch.Generator) -> None:
    # torch's own initialisers draw from the process-wide generator, which two trainings at once would share.
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu", generator=generator)
        elif isinstance(layer, nn.Linear):
            nn.init.kaiming_uniform_(layer.weight, a=5**0.5, generator=generator)
            nn.init.zeros_(layer.bias)


def _fit(
    model: nn.Module, inputs: Tensor, labels: Tensor, generator: torch.Generator, *, epochs: int, batch: int = 32
) -> None:
    steps = epochs * -(-len(labels) // batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps, pct_start=0.25)
    model.train()
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(labels), generator=generator), batch):
            loss = functional.cross_entropy(model(inputs[rows]), labels[rows], label_smoothing=0.1)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
