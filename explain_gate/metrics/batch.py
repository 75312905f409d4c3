"""What a metric may ask for. Its parameters name what it needs, as pytest's tests name their fixtures.

A metric is a function whose positional parameters are names from the table below and whose keyword-only parameters
are what a rule may set under `parameters`. It returns one value per image, (N,), and raises NotMeasurable where an
image has none. The runner calls it on the images that have what it names.

    relevance   (N, H, W) float32, not negative, largest value 1: the positive part of the map
    maps        (N, H, W) float32, largest magnitude 1: the map as it is kept
    region      (N, H, W) bool, the annotated region; naming it leaves out images without one
    pixels      (N, 3, H, W) float32, normalised
    labels      (N,) int64, the annotated class
    logits      (N, K) float32
    details     mapping of per-image tensors (N,) that the method reported, e.g. completeness_error
    batch       everything else: the protocol below
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Protocol, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


class Batch(Protocol):
    """N images with their model; every question that costs passes is asked here, so that passes are counted."""

    @property
    def pixels(self) -> Tensor:
        """(N, 3, H, W), normalised."""

    @property
    def labels(self) -> Tensor:
        """(N,) int64."""

    @property
    def accepted(self) -> Sequence[tuple[int, ...]]:
        """Per image, the classes that count as right."""

    @property
    def logits(self) -> Tensor:
        """(N, K)."""

    @property
    def maps(self) -> Tensor:
        """(N, H, W), the maps as they are kept, largest magnitude 1."""

    @property
    def region(self) -> Tensor:
        """(N, H, W) bool."""

    @property
    def details(self) -> Mapping[str, Tensor]:
        """What the method reported per image."""

    def predict(self, pixels: Tensor) -> Tensor:
        """Logits (M, K) of any M inputs."""

    def explain(self, pixels: Tensor) -> Tensor:
        """Maps (N, H, W) of the same method and target classes for other pixels of the same images."""

    def explain_randomized(self, seed: int) -> Tensor:
        """Maps (N, H, W) of the same method and target classes on the re-initialised model."""

    def explain_again(self) -> Tensor:
        """Maps (N, H, W) computed once more with another seed, batch size and thread count."""

    def backgrounds(self, position: int, *, same_class: bool, count: int) -> Sequence[tuple[int, Tensor]]:
        """Up to `count` donors for one image, seeded by image: class and picture (3, H, W), its object filled in."""

    def pair_correlation(self, pairs: int) -> float:
        """Mean Spearman correlation between the method's maps of random pairs of different images."""

    def generator(self, position: int, purpose: str) -> torch.Generator:
        """Seeded by (seed, image, purpose)."""

    def remember(self, key: Hashable, compute: Callable[[], T]) -> T:
        """`compute()`, once per batch and method: metrics share what they have in common."""
