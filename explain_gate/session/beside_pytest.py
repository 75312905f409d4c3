"""Measuring inside a pytest session: progress is seen although output is captured; libraries' warnings are told."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from explain_gate.measuring.progress import Progress
    from explain_gate.session.run import GateSession

_LIBRARIES = ("PIL", "numpy", "scipy", "torch", "torchvision", "pyarrow", "safetensors", "sklearn")
"""What these warn of, such as a picture's damaged EXIF, is told; a session's `-W error` is meant for its own code."""


def measure(session: GateSession, config: pytest.Config, at: Callable[[str], None]) -> None:
    """Measure with a bar where the terminal is one, else with lines.

    Args:
        session: the run.
        config: of the pytest session that it is measured in.
        at: told where the measuring is, for the case that the process dies of it.
    """
    # Set here and not around each reader: pictures are decoded in a thread, and filters belong to the process.
    with warnings.catch_warnings():
        for library in _LIBRARIES:
            warnings.filterwarnings("default", module=rf"{library}(\.|$)")
        capture = config.pluginmanager.getplugin("capturemanager")
        if capture is None:
            _measure_with_progress(session, at)
        else:
            with capture.global_and_fixture_disabled():
                _measure_with_progress(session, at)


def _measure_with_progress(session: GateSession, at: Callable[[str], None]) -> None:
    from explain_gate.measuring.progress import Bars, Lines

    at("opening model and data")
    if sys.stderr.isatty():
        with Bars() as bars:
            session.measure(_Noted(bars, at))
    else:
        session.measure(_Noted(Lines(), at))


class _Noted:
    """Progress that also leaves word of where the measuring is."""

    def __init__(self, progress: Progress, at: Callable[[str], None]) -> None:
        self._progress = progress
        self._at = at

    def advance(self, stage: str, done: int, total: int) -> None:
        """Pass it on."""
        self._at(f"{stage}, {done} of {total} images done")
        self._progress.advance(stage, done, total)
