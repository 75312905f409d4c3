"""Pictures of a regression set as people see them, and back to what a model is given."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from explain_gate.data.preprocessing import denormalize, normalize
from explain_gate.data.regression_set import RegressionSet
from explain_gate.measuring.asking.backgrounds import widened
from explain_gate.records import Sample

_HELD = 48
"""Pictures that are kept decoded."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """A picture as people see it. Shapes: picture (C, H, W), in [0, 1]; region, outside (H, W), bool."""

    picture: Tensor
    region: Tensor
    outside: Tensor


class Views:
    """The pictures of a set, without the preprocessing of its model; the last ones are kept."""

    def __init__(self, data: RegressionSet) -> None:
        self._data = data
        self.of = functools.lru_cache(_HELD)(self._seen)

    def visible(self, sample: Sample) -> Tensor:
        """One image, (C, H, W), in [0, 1]."""
        return self.shown(sample.pixels)

    def shown(self, pixels: Tensor) -> Tensor:
        """Normalised pixels as people see them, colours in the order red, green, blue; every channel is kept."""
        shown = denormalize(pixels.cpu(), self._data.preprocessing).clamp(0, 1)
        return shown.flip(0) if self._data.preprocessing.order == "bgr" else shown

    def as_input(self, picture: Tensor) -> Tensor:
        """The inverse: what the model is given."""
        ordered = picture.flip(0) if self._data.preprocessing.order == "bgr" else picture
        return normalize(ordered, self._data.preprocessing)

    def _seen(self, row: int) -> View:
        sample = self._data.sample(row)
        size = sample.pixels.shape[-2:]
        region = torch.zeros(size, dtype=torch.bool) if sample.region is None else sample.region
        known = sample.region is not None or sample.empty
        outside = ~widened(region) if known else torch.zeros(size, dtype=torch.bool)
        return View(picture=self.visible(sample), region=region, outside=outside)
