"""Maps that nobody measured."""

import numpy as np
import torch


def blob(y=16, x=16, size=32, sigma=4.0):
    """A map (size, size), float16: one round spot."""
    rows, columns = np.mgrid[:size, :size]
    return np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2)).astype(np.float16)


SIDE = 48


def spot(top: float, left: float, width: float = 6) -> torch.Tensor:
    """A map (SIDE, SIDE) with one bright spot."""
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    return torch.exp(-((y - top) ** 2 + (x - left) ** 2) / (2 * width**2))


def drawn(count: int, marked: int, *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Maps on objects that lie anywhere near the middle; those of the first few lie on a mark in the corner."""
    generator = torch.Generator().manual_seed(seed)
    maps, regions = [], torch.zeros(count, SIDE, SIDE, dtype=torch.bool)
    for number in range(count):
        top, left = (24 + 5 * torch.randn(2, generator=generator)).clamp(16, 34).tolist()
        regions[number, int(top) - 10 : int(top) + 10, int(left) - 10 : int(left) + 10] = True
        bright = spot(4, 4, 3) if number < marked else spot(top, left)
        maps.append(bright + 0.02 * torch.rand(SIDE, SIDE, generator=generator))
    return torch.stack(maps), regions
