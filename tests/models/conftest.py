"""The tiny project's configuration and tensors."""

from __future__ import annotations

import projects
import pytest
import torch
from networks import Net

from explain_gate.config import load_config
from explain_gate.models.fitting import load_checkpoint
from explain_gate.models.open import load_model


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The tiny project's configuration; its model module is forgotten between tests."""
    monkeypatch.delitem(__import__("sys").modules, "tinymodel", raising=False)
    return load_config(projects.write_project(tmp_path))


@pytest.fixture
def state(config):
    """The tiny model's tensors."""
    return load_model(config).module.state_dict()


@pytest.fixture
def load(tmp_path):
    """Saves an object with torch.save, loads it into a network; returns the network and the notes."""

    def loaded(content, *, key=None, net=None):
        torch.save(content, tmp_path / "v.pt")
        net = Net() if net is None else net
        return net, load_checkpoint(net, tmp_path / "v.pt", key=key, classes=lambda: 4)

    return loaded
