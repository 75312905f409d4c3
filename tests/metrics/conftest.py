"""A batch of images in memory that metrics can be asked with, and functions in place of models and methods."""
# ruff: noqa: D102, ARG002, ARG005 - the protocol in metrics.batch explains every member

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from explain_gate.metrics.batch import Among, Exchange, Look, Panel
from explain_gate.metrics.patches import Place
from explain_gate.records import Truth
from explain_gate.tasks.classification import Classification


@dataclass
class FakeBatch:
    """Implements `metrics.batch.Batch` with what a test gives; `scores` maps pixels to logits."""

    pixels: Tensor
    maps: Tensor = field(default_factory=lambda: torch.zeros(0))
    region: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.bool))
    labels: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))
    scores: Callable[[Tensor], Tensor] = lambda pixels: pixels.flatten(1)[:, :2]
    method: Callable[[Tensor, Tensor], Tensor] = lambda pixels, labels: pixels[:, 0]
    randomized: Sequence[Tensor] = ()
    steps: Sequence[tuple[str, Tensor]] = ()
    versions: dict[str, Tensor] = field(default_factory=dict)
    donors: dict[tuple[int, bool], list[tuple[int, Tensor]]] = field(default_factory=dict)
    emptied: dict[int, Tensor] = field(default_factory=dict)
    looks: Sequence[list[Exchange]] = ()
    weights: Tensor = field(default_factory=lambda: torch.zeros(0))
    details: dict[str, Tensor] = field(default_factory=dict)
    pair: float = 0.0
    clock: tuple[float, float] = (1.0, 1.0)
    fake_gradient: Callable[[Tensor], Tensor] | None = None
    notes: dict[str, Tensor] = field(default_factory=dict)
    about: dict[str, Tensor] = field(default_factory=dict)
    peers: Tensor | None = None
    panels: dict[tuple[int, str], Panel] = field(default_factory=dict)
    noted_cues: dict[int, dict[int, float]] = field(default_factory=dict)
    asked: int = 0

    def __post_init__(self) -> None:
        if not self.labels.numel():
            self.labels = torch.zeros(len(self.pixels), dtype=torch.int64)
        self._kept: dict[Hashable, Any] = {}

    @property
    def task(self) -> Classification:
        return Classification()

    @property
    def accepted(self) -> list[tuple[int, ...]]:
        return [(label,) for label in self.labels.tolist()]

    @property
    def logits(self) -> Tensor:
        return self.scores(self.pixels)

    @property
    def truths(self) -> list[Truth]:
        return [Truth(label=label, accepted=(label,)) for label in self.labels.tolist()]

    def predict(self, pixels: Tensor, truths: Sequence[Truth] | None = None) -> Tensor:
        assert truths is None or len(truths) == len(pixels)
        self.asked += len(pixels)
        return self.scores(pixels)

    def explain(self, pixels: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.method(pixels, self.labels if labels is None else labels)

    def explain_randomized(self, seed: int) -> Tensor:
        return self.randomized[seed]

    def cascade(self, seed: int, steps: int) -> Sequence[tuple[str, Tensor]]:
        return self.steps[:steps]

    def explain_again(self) -> Tensor:
        return self.method(self.pixels, self.labels)

    def explain_with(self, checkpoint: str) -> Tensor:
        return self.versions[checkpoint]

    def explain_on(self, device: str, dtype: str) -> Tensor:
        return self.versions[f"{device} {dtype}"]

    def gradients(self, pixels: Tensor) -> Tensor:
        if self.fake_gradient is not None:
            return self.fake_gradient(pixels)
        watched = pixels.detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad(self._target(watched).sum(), watched)
        return gradient

    def exact_scores(self, pixels: Tensor) -> Tensor:
        return self._target(pixels).double()

    def seconds(self) -> tuple[float, float]:
        return self.clock

    def own_background(self, position: int) -> Tensor:
        return self.emptied[position]

    def backgrounds(self, position: int, *, same_class: bool, count: int) -> list[tuple[int, Tensor]]:
        return self.donors.get((position, same_class), [])[:count]

    def exchanges(self, position: int, look: Look, classes: int) -> list[Exchange]:
        return self.looks[position][:classes]

    def note_cue(self, position: int, place: Place, turned: Mapping[int, float]) -> None:
        self.noted_cues[position] = dict(turned)

    @property
    def counting(self) -> bool:
        return self.peers is not None

    def other_maps(self, position: int, count: int) -> Tensor:
        assert self.peers is not None
        return self.peers[:count]

    def panel(self, position: int, among: Among, count: int) -> Panel:
        return self.panels[position, among]

    def pair_correlation(self, pairs: int) -> float:
        return self.pair

    def generator(self, position: int, purpose: str) -> torch.Generator:
        digest = hashlib.sha256(f"{position} {purpose}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:6], "big"))

    def remember(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        if key not in self._kept:
            self._kept[key] = compute()
        return self._kept[key]

    def note(self, name: str, values: Tensor, *, about: Tensor | None = None) -> None:
        self.notes[name] = values
        if about is not None:
            self.about[name] = about

    def _target(self, pixels: Tensor) -> Tensor:
        return self.scores(pixels).gather(1, self.labels[:, None])[:, 0]


@pytest.fixture
def fake_batch() -> type[FakeBatch]:
    """The class, to be filled by a test."""
    return FakeBatch
