"""How fine a map is, told with each map."""

from __future__ import annotations

import torch

from explain_gate.attribution.attribute import attribute
from explain_gate.attribution.grid import cells_each, cells_of_each


def test_every_map_says_its_own_number():
    """All alike, or each its own; as a column beside the maps."""
    assert cells_each(49, 3)["cells"].tolist() == [49, 49, 49]
    assert cells_of_each([49, 196])["cells"].tolist() == [49, 196]


def test_a_map_of_a_layer_has_the_cells_of_the_layer(reused, images, targets):
    """16 pixels a side, halved once by the second convolution."""
    made = attribute(reused, images, targets, "grad_cam", target_layer="second")
    assert made.details["cells"].tolist() == [64.0] * 5
    assert made.maps.shape == torch.Size([5, 16, 16])
