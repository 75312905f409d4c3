"""Completeness: what the method reports, and gradients that do or do not belong to the score."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from explain_gate.metrics import completeness


def _score(pixels: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(pixels[0].numel(), 16, generator=generator).to(pixels) / 16
    second = torch.randn(16, 2, generator=generator).to(pixels)
    return torch.tanh(pixels.flatten(1) @ first) @ second


def _batch(fake_batch: Any, **given: Any) -> Any:
    pixels = torch.randn(3, 3, 12, 12, generator=torch.Generator().manual_seed(1))
    return fake_batch(pixels=pixels, scores=_score, **given)


def test_errors_are_passed_on() -> None:
    """The two errors of a path are those that the method reports."""
    details = {"completeness_error": torch.tensor([0.25]), "path_residual": torch.tensor([0.5])}
    assert completeness.relative_error(details).item() == 0.25
    assert completeness.path_residual(details).item() == 0.5


def test_a_true_gradient_has_no_error(fake_batch: Any) -> None:
    """Float32 gradients agree with differences in double precision to about four digits."""
    assert completeness.gradient_error(_batch(fake_batch)).max().item() < 1e-3


def test_a_gradient_that_leaves_a_part_out_is_found(fake_batch: Any) -> None:
    """Half of the frame missing in the gradient: along itself it is right, along seeded directions it is not."""
    true = _batch(fake_batch)

    def masked(pixels: torch.Tensor) -> torch.Tensor:
        gradient = true.gradients(pixels).clone()
        gradient[..., :6] = 0
        return gradient

    assert completeness.gradient_error(_batch(fake_batch, fake_gradient=masked)).min().item() > 0.3


@pytest.mark.parametrize("factor", [0.5, 2.0, -1.0])
def test_a_gradient_of_the_wrong_length_is_found(fake_batch: Any, factor: float) -> None:
    """Half, double or turned round: the error is at least a half."""
    true = _batch(fake_batch)
    batch = _batch(fake_batch, fake_gradient=lambda pixels: factor * true.gradients(pixels))
    assert completeness.gradient_error(batch).min().item() >= 0.49


def test_an_invented_gradient_is_found(fake_batch: Any) -> None:
    """A gradient drawn at random has an error near 1 or above."""
    batch = _batch(
        fake_batch,
        fake_gradient=lambda pixels: torch.randn(pixels.shape, generator=torch.Generator().manual_seed(5)),
    )
    assert completeness.gradient_error(batch).min().item() > 0.7
