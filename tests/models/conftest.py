"""The tiny project's configuration and tensors."""

from __future__ import annotations

import projects
import pytest

from explain_gate.config import load_config
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
