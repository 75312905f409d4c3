"""Building a model: every source, and every way in which one cannot be used."""

from __future__ import annotations

import pytest
import torch

from explain_gate.errors import ModelError
from explain_gate.models.open import load_model


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("nowhere:build", "no module named nowhere"),
        ("tinymodel:nothing", "has no attribute 'nothing'"),
        ("tinymodel", "must be package.module:callable"),
        ("tinymodel:projects", "has no attribute"),
        ("json:dumps", "calling it raised TypeError"),
        ("types:SimpleNamespace", "must return a torch.nn.Module, got SimpleNamespace"),
        ("torchvision:resnet5", "torchvision has no such model; there are"),
    ],
)
def test_a_source_that_cannot_be_used_is_told(config, source, told):
    """What was looked for, where, and what came instead."""
    with pytest.raises(ModelError) as caught:
        load_model(config, source=source)
    assert told in str(caught.value)


def test_an_exported_archive_is_a_source(config, tmp_path):
    """A .pt2 from torch.export needs no code at all."""
    program = torch.export.export(load_model(config).module, (torch.rand(1, 3, 32, 32),))
    torch.export.save(program, tmp_path / "v.pt2")
    model = load_model(config, source=str(tmp_path / "v.pt2"), checkpoint="")
    images = torch.rand(1, 3, 32, 32)
    assert torch.allclose(model.module(images), load_model(config).module(images))
