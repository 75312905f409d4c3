"""A thresholds.yaml over a folder of pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import projects
import pytest

from explain_gate.config import GateConfig, load_config


@pytest.fixture
def gate(tmp_path) -> Callable[..., GateConfig]:
    """A configuration over `tmp_path / images` and given annotations."""

    def make(annotations: str, images: str = "images", **data: Any) -> GateConfig:
        return load_config(projects.write_gate(tmp_path, annotations, images, **data))

    return make
