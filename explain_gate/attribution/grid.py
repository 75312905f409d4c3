"""How fine a map is: the cells of the grid that it is made of, as a detail of its attribution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def cells_each(cells: float, images: int) -> dict[str, Tensor]:
    """The detail `cells` of maps that all have as many; a map without it has a value for every pixel."""
    return cells_of_each([cells] * images)


def cells_of_each(cells: Sequence[float]) -> dict[str, Tensor]:
    """The same where each map has its own number."""
    return {"cells": torch.tensor(cells, dtype=torch.float64)}
