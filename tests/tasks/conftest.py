"""Fixtures of tasks."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture
def fresh_squares() -> Iterator[None]:
    """Forgets the tiny projects' model and folders afterwards."""
    path = list(sys.path)
    sys.modules.pop("squares", None)
    yield
    sys.modules.pop("squares", None)
    sys.path[:] = path
