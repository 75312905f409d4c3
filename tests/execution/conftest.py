"""One gate over the tiny project, measured in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from explain_gate.execution.progress import Silent
from explain_gate.session import GateSession, RunOptions


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads cost more than they save on pictures of 32 pixels."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def fresh_modules() -> Iterator[Callable[[], None]]:
    """Forgets the tiny project's model, so that its changed source is imported anew."""
    path = list(sys.path)

    def forget() -> None:
        sys.modules.pop("tinymodel", None)

    forget()
    yield forget
    forget()
    sys.path[:] = path


@pytest.fixture
def measured(tmp_path, fresh_modules) -> Callable[..., GateSession]:
    """Measures `tmp_path / "project"` and returns the session with its profile and findings."""

    def run(progress: Any = None, **options: Any) -> GateSession:
        fresh_modules()
        sys.path[:] = [place for place in sys.path if not place.startswith(str(tmp_path))]
        options = {"output": str(tmp_path / "out"), "tracking": False, "device": "cpu", **options}
        session = GateSession(RunOptions(config=str(tmp_path / "project" / "thresholds.yaml"), **options))
        session.measure(progress or Silent())
        return session

    return run
