"""Which inputs a convolution's outputs see along one side of a feature map, and which outputs see an input."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class SlidingWindow:
    """A window that slides along one side of a feature map, as a convolution's or a pooling's does."""

    kernel: int
    stride: int
    padding: int
    dilation: int

    @property
    def _span(self) -> int:
        return (self.kernel - 1) * self.dilation

    def outputs(self, inputs: int) -> int:
        """How many outputs so many inputs and the padding around them give."""
        return (inputs + 2 * self.padding - self._span - 1) // self.stride + 1

    def inputs(self, outputs: int) -> int:
        """How many inputs so many outputs see, without padding."""
        return (outputs - 1) * self.stride + self._span + 1

    def reached(self, start: Tensor, length: int, outputs: int) -> tuple[Tensor, int]:
        """First output, and number of outputs, that see inputs start .. start + length; one number for all versions."""
        count = min((length - 1 + self._span) // self.stride + 1, outputs)
        first = torch.div(start + self.padding - self._span + self.stride - 1, self.stride, rounding_mode="floor")
        return first.clamp(0, outputs - count), count
