"""Progress of long work: a bar where the terminal is one, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, Self, TextIO

_COUNTED = {"drawing classes": "classes", "retraining": "retrains"}
"""What a stage counts where it is no images."""


class Progress(Protocol):
    """Told of every stage as it advances."""

    def advance(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` images, or of what else the stage counts, are finished."""


class Silent:
    """Tells nobody."""

    def advance(self, stage: str, done: int, total: int) -> None:
        """Say nothing."""


class Lines:
    """One line when a stage ends, and one every half minute of a long one with the time that is left; for logs."""

    every_seconds = 30.0

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._began: dict[str, tuple[float, int]] = {}
        self._told: dict[str, float] = {}

    def advance(self, stage: str, done: int, total: int) -> None:
        """Write a line when it is due."""
        now = time.monotonic()
        # What was done before, such as what the cache knew, says nothing of how long the rest takes.
        began, before = self._began.setdefault(stage, (now, done))
        if done >= total:
            self._stream.write(f"{stage}: {total} {_COUNTED.get(stage, 'images')} in {now - began:.1f} s\n")
        elif now - self._told.setdefault(stage, began) > self.every_seconds:
            self._told[stage] = now
            left = f", about {(total - done) * (now - began) / (done - before):.0f} s left" if done > before else ""
            counted = _COUNTED.get(stage, "images")
            self._stream.write(f"{stage}: {done} of {total} {counted}, {now - began:.0f} s so far{left}\n")
        self._stream.flush()


class Bars:
    """A bar for each stage; use as a context manager."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            TextColumn("{task.description:<32}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
        )
        self._tasks: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def advance(self, stage: str, done: int, total: int) -> None:
        """Move the stage's bar."""
        if stage not in self._tasks:
            self._tasks[stage] = int(self._bars.add_task(stage, total=total))
        from rich.progress import TaskID

        self._bars.update(TaskID(self._tasks[stage]), completed=done, total=total)
