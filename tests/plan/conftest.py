"""A text as a team's thresholds.yaml."""

from __future__ import annotations

import pytest

from explain_gate.config import load_config


@pytest.fixture
def load(tmp_path):
    """Load a text as thresholds.yaml."""

    def load_text(text: str):
        path = tmp_path / "thresholds.yaml"
        path.write_text(text, encoding="utf-8")
        return load_config(path)

    return load_text
