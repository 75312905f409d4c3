"""What a window sees is what torch's own convolution sees."""

from __future__ import annotations

import pytest
import torch

from explain_gate.attribution.sliding_window import SlidingWindow

WINDOWS = [(3, 1, 1, 1), (3, 2, 1, 1), (5, 3, 0, 1), (3, 1, 2, 2), (1, 1, 0, 1), (2, 2, 0, 1)]


def convolution(kernel, stride, padding, dilation):
    made = torch.nn.Conv1d(1, 1, kernel, stride, padding, dilation, bias=False)
    torch.nn.init.ones_(made.weight)
    return made


@pytest.mark.parametrize("window", WINDOWS)
def test_the_number_of_outputs_is_the_convolutions(window):
    """With padding on both sides."""
    for inputs in range(8, 20):
        assert SlidingWindow(*window).outputs(inputs) == convolution(*window)(torch.ones(1, 1, inputs)).shape[-1]


@pytest.mark.parametrize("window", WINDOWS)
def test_so_many_inputs_give_so_many_outputs(window):
    """Without padding, and one input less gives one output less."""
    kernel, stride, _, dilation = window
    bare = SlidingWindow(kernel, stride, 0, dilation)
    for outputs in range(2, 6):
        assert bare.outputs(bare.inputs(outputs)) == outputs
        assert bare.outputs(bare.inputs(outputs) - 1) == outputs - 1


@pytest.mark.parametrize("window", WINDOWS)
def test_every_output_that_an_input_changes_is_reached(window):
    """What is left out must not have changed: a pass that computes the reached ones alone is exact."""
    slide, side = SlidingWindow(*window), 17
    starts = torch.arange(side - 3)
    before = convolution(*window)(torch.zeros(1, 1, side))
    first, count = slide.reached(starts, 4, before.shape[-1])
    for start, begin in zip(starts.tolist(), first.tolist(), strict=True):
        pixels = torch.zeros(1, 1, side)
        pixels[..., start : start + 4] = 1.0
        changed = (convolution(*window)(pixels) != before)[0, 0].nonzero()[:, 0].tolist()
        assert set(changed) <= set(range(begin, begin + count))
