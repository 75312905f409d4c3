"""What a forward that raised is told by."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from explain_gate.attribution.diagnosis import forward_raised

IMAGES = torch.rand(1, 3, 8, 8)


class TwoInputs(nn.Module):
    """Asks for more than a picture."""

    def forward(self, x, age, *, sex, note=""):
        """Three that it cannot do without."""
        return x, age, sex, note


@pytest.mark.parametrize(
    ("module", "told"),
    [
        (TwoInputs(), r"3 inputs \(x, age, sex\)"),
        (nn.Sequential(nn.Conv2d(1, 2, 3)), r"takes 1 channel, and a picture has 3.*x\.mean\(1, keepdim=True\)"),
        (nn.Sequential(nn.Conv2d(4, 2, 3)), r"takes 4 channels, and a picture has 3"),
        (nn.Sequential(nn.Conv3d(3, 2, 3)), r"Conv3d, and a picture is \(3, 8, 8\).*slice by slice"),
        (nn.Sequential(nn.Flatten(), nn.Linear(5, 2)), r"images of shape \(1, 3, 8, 8\).*data\.preprocessing"),
    ],
)
def test_advice_fits_the_module(module, told):
    """What is wrong with it for a picture as the only input, after what it raised."""
    text = str(forward_raised(module, IMAGES, RuntimeError("shapes\ndo not fit")))
    assert text.startswith("the model's forward raised RuntimeError: shapes. ")
    assert re.search(told, text)
