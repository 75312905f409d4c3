"""A run that ends before the machine's own limit does it, with a verdict that says so."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from explain_gate.errors import ExplainGateError

if TYPE_CHECKING:
    from explain_gate.measuring.progress import Progress


class TimeLimitError(ExplainGateError):
    """The time that a run was given is over."""


class _Alarm(BaseException):
    """Goes through every `except Exception` on its way: no image and no model is to blame for it."""


@contextlib.contextmanager
def within(seconds: float | None, progress: Progress) -> Iterator[Progress]:
    """The progress to measure with; what takes longer than that many seconds ends. None: as long as it takes.

    Where the system has an alarm it comes in the middle of a stage, else when a stage next advances.

    Raises:
        TimeLimitError: the time is over.
    """
    if seconds is None:
        yield progress
        return
    limited = _Limited(progress, time.monotonic() + seconds)
    try:
        with _alarm(seconds):
            yield limited
    except _Alarm:
        raise TimeLimitError(
            f"no verdict: {seconds:g} s are over (--time-limit), while {limited.stage}. What is measured is kept, so "
            "the same command goes on from there; with --no-cache it begins anew"
        ) from None


class _Limited:
    def __init__(self, progress: Progress, deadline: float) -> None:
        self._progress = progress
        self._deadline = deadline
        self.stage = "model and data were opened"

    def advance(self, stage: str, done: int, total: int) -> None:
        """Pass it on, unless the time is over."""
        self.stage = f"{stage} was at {done} of {total} images"
        self._progress.advance(stage, done, total)
        if time.monotonic() >= self._deadline:
            raise _Alarm


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    able = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    # Somebody else's alarm, such as a test's time limit, stays theirs.
    if not able or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def ring(*_: object) -> None:
        raise _Alarm

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
