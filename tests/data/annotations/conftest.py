"""Pictures for annotations of every format."""

from __future__ import annotations

import pytest
from drawings import picture


@pytest.fixture
def images(tmp_path):
    """Two pictures, and one in a folder."""
    for name in ("a.png", "b.jpg", "deep/c.png"):
        picture(tmp_path / "images" / name)
    return tmp_path / "images"
