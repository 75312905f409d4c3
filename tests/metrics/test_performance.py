"""Performance: right predictions, weighed by class or not, and what explaining costs."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from explain_gate.errors import NotMeasurable
from explain_gate.metrics import performance


def test_accuracy_and_its_balance(fake_batch: Any) -> None:
    """Right on both of two images of class 0, wrong on the one of class 1: accuracy 2/3, balanced 1/2."""
    batch = fake_batch(
        pixels=torch.zeros(3, 3, 2, 2),
        labels=torch.tensor([0, 0, 1]),
        scores=lambda pixels: torch.tensor([[1.0, 0.0]]).expand(len(pixels), 2),
        weights=torch.tensor([3 / 4, 3 / 4, 3 / 2], dtype=torch.float64),
    )
    assert performance.accuracy(batch).mean().item() == pytest.approx(2 / 3)
    assert performance.balanced_accuracy(batch).mean().item() == pytest.approx(1 / 2)


def test_false_alarms_are_images_with_a_class_they_do_not_show(fake_batch: Any) -> None:
    """Class 0 is said of all three images, and shown on the first two."""
    batch = fake_batch(
        pixels=torch.zeros(3, 3, 2, 2),
        labels=torch.tensor([0, 0, 1]),
        scores=lambda pixels: torch.tensor([[1.0, 0.0]]).expand(len(pixels), 2),
    )
    assert performance.false_alarms(batch).tolist() == [0, 0, 1]


def test_latency_is_a_ratio(fake_batch: Any) -> None:
    """Three seconds for maps, half a second for forwards: 6, the same for every image."""
    batch = fake_batch(pixels=torch.zeros(2, 3, 2, 2), clock=(3.0, 0.5))
    assert performance.latency_ratio(batch).tolist() == [6, 6]


def test_one_score_per_image_is_no_prediction(fake_batch: Any) -> None:
    """A target function with one score leaves accuracy unmeasured."""
    batch = fake_batch(pixels=torch.zeros(1, 3, 2, 2), scores=lambda pixels: torch.zeros(len(pixels), 1))
    with pytest.raises(NotMeasurable, match="no prediction"):
        performance.accuracy(batch)
