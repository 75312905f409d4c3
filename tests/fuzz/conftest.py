"""A thresholds.yaml over a folder of pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from explain_gate.config import GateConfig, load_config


@pytest.fixture
def gate(tmp_path) -> Callable[..., GateConfig]:
    """A configuration over `tmp_path / images` and given annotations."""

    def make(annotations: str, images: str = "images", **data: Any) -> GateConfig:
        section = {"images": images, "annotations": annotations, **data}
        (tmp_path / images).mkdir(parents=True, exist_ok=True)
        path = tmp_path / "thresholds.yaml"
        path.write_text(
            json.dumps(
                {
                    "version": 1,
                    "model": {"source": "none:none"},
                    "data": section,
                    "methods": {"grad_cam": {}},
                    "checks": {"alignment": {"iou": {"at_least": 0.5}}},
                }
            )
        )
        return load_config(path)

    return make
