"""Modules that take their pictures as a list, as detectors do, are given one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from explain_gate.attribution.frozen import FrozenModule


class Annotated(nn.Module):
    """Says that it wants a list, and tells what it got."""

    def forward(self, images: list[Tensor]) -> Tensor:
        """Means over the picture."""
        self.got = type(images)
        return torch.stack([image.mean((1, 2)) for image in images])


class Silent(nn.Module):
    """Wants a list and does not say so."""

    def forward(self, images):
        """Means over the picture."""
        return torch.stack(images).mean((2, 3))


class Plain(nn.Module):
    """Takes a batch, and raises where there is none."""

    def forward(self, images):
        """Means over the picture."""
        return images.mean((2, 3), dtype="wrong") if images.shape[1] == 1 else images.mean((2, 3))


def run(module: nn.Module, images: Tensor) -> Tensor:
    frozen = FrozenModule(module, fold_norms=False, autocast=None)
    with frozen:
        return frozen(images)


def test_a_list_is_given_where_one_is_wanted():
    """By annotation, by what a batch raises, or as a scripted module's signature says."""
    images = torch.rand(2, 3, 4, 4)
    annotated = Annotated()
    for module in (annotated, Silent(), torch.jit.script(Listed())):
        assert torch.allclose(run(module, images), images.mean((2, 3)))
    assert annotated.got is list


class Listed(nn.Module):
    """As torch.jit takes it."""

    def forward(self, images: list[Tensor]) -> Tensor:
        """Means over the picture."""
        return torch.stack(images).mean((2, 3))


def test_an_error_that_no_list_mends_is_the_models_own():
    """The first one is told."""
    assert run(Plain(), torch.rand(2, 3, 4, 4)).shape == (2, 3)
    with pytest.raises(TypeError, match="dtype"):
        run(Plain(), torch.rand(2, 1, 4, 4))
