"""What every test shares: one thread, no network, a small profile to judge, a gate measured in this process."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explain_gate.records import ImageRow, Measurement, Profile

sys.path.insert(0, str(Path(__file__).parent))
pytest_plugins = ["pytester", "order", "waits"]

# Threads cost more than they save on pictures of 32 pixels, and most where cores are shared: they wait for each other.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("MLFLOW_TRACKING_URI", "")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Test processes beside each other take one core each; results must not depend on how many there are."""
    import torch

    # Loaded once here: pytester forgets what a run inside this process imports, and torch cannot be loaded twice.
    for name in ("explain_gate.measuring.measure", "explain_gate.publishing.publish"):
        importlib.import_module(name)

    torch.set_num_threads(1)


@pytest.fixture
def few_plugins(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Pytest started by a test loads the gate and xdist alone; others of this environment take seconds each time.

    Returns:
        Arguments of pytest that load these two.
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return ("-p", "explain_gate", "-p", "xdist")


@pytest.fixture
def make_profile() -> Callable[..., Profile]:
    """A profile in memory: values by (check, method); a text in place of a number is the reason it is unmeasured."""

    def make(
        values: Mapping[tuple[str, str | None], Sequence[float | str]],
        *,
        classes: Sequence[str] = ("cat", "dog"),
        manifest: Mapping[str, Any] | None = None,
    ) -> Profile:
        count = max(len(column) for column in values.values())
        images = tuple(
            ImageRow(
                image=f"{classes[row % len(classes)]}_{row:03d}.png",
                label=row % len(classes),
                class_name=classes[row % len(classes)],
                accepted=(row % len(classes),),
                digest=f"{row:064x}",
                predicted=row % len(classes),
                probability=0.9,
                region_area=0.2,
                region_reason=None,
            )
            for row in range(count)
        )
        measurements = tuple(
            Measurement(
                check=check,
                method=method,
                rows=np.arange(len(column)),
                values=np.array([np.nan if isinstance(value, str) else value for value in column], dtype=np.float64),
                reasons=tuple(value if isinstance(value, str) else None for value in column),
            )
            for (check, method), column in values.items()
        )
        facts = {
            "model": {"source": "shop:build", "checkpoint": None, "digest": "ab" * 32, "name": "shop", "version": None},
            "dataset": {"digest": "cd" * 32, "images": count, "classes": list(classes)},
            "environment": {},
            "config_digest": "ef" * 32,
            "seconds": 1.0,
            "passes": {"forward": 1, "backward": 1},
        }
        return Profile(manifest={**facts, **(manifest or {})}, images=images, measurements=measurements)

    return make


@pytest.fixture
def write_project() -> Callable[..., Any]:
    """Writes the tiny project of tests/projects.py into a folder."""
    import projects

    return projects.write_project


@pytest.fixture
def interruptible() -> Iterator[None]:
    """An interrupt reaches this process as KeyboardInterrupt, also where it was started to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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
def measured(tmp_path, fresh_modules) -> Callable[..., Any]:
    """Measures `tmp_path / "project"` and returns the session with its profile and findings."""
    from explain_gate.measuring.progress import Silent
    from explain_gate.options import RunOptions
    from explain_gate.session.run import GateSession

    def run(progress: Any = None, **options: Any) -> GateSession:
        fresh_modules()
        sys.path[:] = [place for place in sys.path if not place.startswith(str(tmp_path))]
        options = {"output": str(tmp_path / "out"), "tracking": False, "device": "cpu", **options}
        session = GateSession(RunOptions(config=str(tmp_path / "project" / "thresholds.yaml"), **options))
        session.measure(progress or Silent())
        return session

    return run
