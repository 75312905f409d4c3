"""Blobs of equal area, inside a region and outside it."""

from __future__ import annotations

import torch
from torch import Tensor

from explain_gate.metrics.batch import Batch
from explain_gate.metrics.fill import coarse_blur


def blobs(batch: Batch, region: Tensor, position: int, draw: int) -> tuple[Tensor, Tensor]:
    """Two masks (H, W) of equal area: a blob of the region and a blob of the rest, along a smooth random field."""
    own = region[position].cpu()
    area = min(int(own.sum()), int((~own).sum()))
    generator = batch.generator(position, f"blobs {draw}")
    noise = torch.rand(own.shape, generator=generator)
    field = coarse_blur(noise[None, None], 4)[0, 0] + 1e-4 * noise
    return _highest(field, own, area), _highest(field, ~own, area)


def _highest(field: Tensor, within: Tensor, count: int) -> Tensor:
    """The `count` pixels of a mask where the field is highest."""
    order = field.masked_fill(~within, -torch.inf).flatten().argsort(descending=True)
    return torch.zeros(field.numel(), dtype=torch.bool).index_fill_(0, order[:count], value=True).view(field.shape)
