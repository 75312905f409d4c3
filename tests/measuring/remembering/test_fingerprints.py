"""A model is more than its weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explain_gate.measuring.remembering.fingerprints import shape_of


class Net(torch.nn.Module):
    """Everything that a state dict does not hold."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)
        self.register_buffer("scale", torch.ones(2), persistent=False)
        self.temperature = 1.0
        self.mean = torch.zeros(3)
        self.sizes = [1, {"a": np.arange(3)}]
        self.loops = [1]
        self.loops.append(self.loops)


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.scale.mul_(2),
        lambda net: setattr(net, "temperature", 2.0),
        lambda net: net.mean.add_(1),
        lambda net: net.sizes[1].update(a=np.arange(4)),
        lambda net: setattr(net, "layer", torch.nn.Linear(2, 2, bias=False)),
        lambda net: setattr(net, "act", torch.nn.ReLU()),
    ],
    ids=["buffer", "number", "tensor", "array", "layer", "part"],
)
def test_a_model_is_more_than_its_state_dict(change):
    """Buffers that are not saved, numbers and arrays that a module holds, and its parts."""
    net = Net()
    before = shape_of(net)
    assert shape_of(Net()) == before
    change(net)
    assert shape_of(net) != before


def test_exported_programs_of_equal_weights_differ_by_their_graph():
    """What a program computes is not in its state dict, nor in its type."""

    class Doubled(torch.nn.Linear):
        def forward(self, x):
            """Twice."""
            return 2 * super().forward(x)

    programs = [torch.export.export(kind(2, 2), (torch.ones(1, 2),)).module() for kind in (torch.nn.Linear, Doubled)]
    assert shape_of(programs[0]) != shape_of(programs[1])
