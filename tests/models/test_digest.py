"""What makes a model this version and no other."""

from __future__ import annotations

import torch
from safetensors.torch import save_file

from explain_gate.models.digest import digest_of
from explain_gate.models.open import load_model


def test_other_weights_are_another_version(config, state, tmp_path):
    """The digest is over every tensor."""
    save_file({name: value + 1 for name, value in state.items()}, tmp_path / "v.safetensors")
    assert load_model(config, checkpoint=tmp_path / "v.safetensors").digest != load_model(config).digest


def test_the_digest_depends_on_names_shapes_and_arguments(config):
    """Equal bytes under another name or argument are not the same model."""
    module = load_model(config).module
    assert digest_of(module, "a:b", {}) != digest_of(module, "a:c", {})
    assert digest_of(module, "a:b", {}) != digest_of(module, "a:b", {"x": 1})


def test_exported_graphs_of_equal_weights_are_not_one_version(config, tmp_path):
    """What an archive computes is in no source file, and its weights do not say it."""
    net = load_model(config).module

    class Other(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.colour, self.head, self.window = net.colour, net.head, net.window

        def forward(self, x):
            return -self.head(self.window(self.colour(x).relu()).mean((2, 3)))

    digests = []
    for module in (net, Other().eval(), net):
        torch.export.save(torch.export.export(module, (torch.rand(1, 3, 32, 32),)), tmp_path / "v.pt2")
        digests.append(load_model(config, source="v.pt2", checkpoint="").digest)
    assert digests[0] == digests[2] != digests[1]
