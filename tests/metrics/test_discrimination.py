"""Discrimination between the maps of several classes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from explain_gate.errors import NotMeasurable
from explain_gate.metrics.discrimination import class_correlation


def _logits(pixels: torch.Tensor) -> torch.Tensor:
    return torch.tensor([[3.0, 1.0, 2.0, 0.0]]).expand(len(pixels), 4)


def test_a_map_that_ignores_the_class_has_correlation_1(fake_batch: Any) -> None:
    """An edge detector gives every class the same map."""
    batch = fake_batch(pixels=torch.rand(2, 3, 8, 8), scores=_logits)
    assert class_correlation(batch).tolist() == pytest.approx([1, 1])


def test_maps_of_the_most_probable_classes_are_compared(fake_batch: Any) -> None:
    """Classes 0 and 2 have opposite maps, class 1 a flat one: (-1 + 0 + 0) / 3; with two classes -1."""
    ramp = torch.arange(64.0).view(8, 8)
    maps = {0: ramp, 1: torch.zeros(8, 8), 2: -ramp}

    def method(pixels: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return torch.stack([maps[label] for label in labels.tolist()])

    batch = fake_batch(pixels=torch.rand(1, 3, 8, 8), scores=_logits, method=method)
    assert class_correlation(batch).item() == pytest.approx(-1 / 3)
    assert class_correlation(batch, classes=2).item() == pytest.approx(-1)


def test_one_score_per_image_has_no_classes(fake_batch: Any) -> None:
    """A target function with one score leaves nothing to tell apart."""
    batch = fake_batch(pixels=torch.rand(1, 3, 8, 8), scores=lambda pixels: torch.zeros(len(pixels), 1))
    with pytest.raises(NotMeasurable, match="no classes"):
        class_correlation(batch)
