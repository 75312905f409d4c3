"""What a measuring process leaves for the one that started it: where it is, and where its verdict lies.

Both sides see one temporary folder of the starting process. Nothing here needs torch, or pytest.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

_WHERE = "where"
_VERDICT = "verdict"
_ONE_EVENT_SECONDS = 1.0
_LOOK_SECONDS = 0.5
_GRACE_SECONDS = 60.0
"""How long a process whose starter is gone may take to leave its verdict and remove its files."""
_STARTER_GONE = int(getattr(signal, "SIGRTMAX", signal.SIGUSR2))
"""A signal that this process sends to itself: unlike SIGTERM, nobody inherits it as ignored."""
_TOLD = {_STARTER_GONE: "the end of the process that started it"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """The folder that both processes see, and the run that it is about."""

    folder: Path
    run_id: str

    def at(self, where: str) -> None:
        """Leave a line that says what is being done; told where the process dies of it."""
        # Advice for the dead: it must not end a run that lives.
        with contextlib.suppress(OSError):
            (self.folder / _WHERE).write_text(where, encoding="utf-8", errors="replace")

    def announce(self, verdict: Path) -> None:
        """Say where the verdict of this run lies, once it is final.

        Raises:
            OSError: the folder cannot be written.
        """
        draft = self.folder / f"{_VERDICT}.new"
        draft.write_bytes(os.fsencode(verdict.absolute()))
        draft.rename(self.folder / _VERDICT)

    def last(self) -> str:
        """The last line that the measuring process left; empty where it left none."""
        try:
            return (self.folder / _WHERE).read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    def verdict_file(self) -> Path | None:
        """Where the measuring process says that its verdict lies."""
        try:
            return Path(os.fsdecode((self.folder / _VERDICT).read_bytes()))
        except OSError:
            return None

    def verdict(self) -> dict[str, Any]:
        """The verdict of this run.

        Raises:
            ValueError: there is none, it is not whole, or it is another run's; the text says which.
        """
        path = self.verdict_file()
        if path is None:
            raise ValueError("it left no verdict.json")
        try:
            document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ValueError(f"{path} cannot be read: {error}") from error
        code = document.get("exit_code") if isinstance(document, dict) else None
        if type(code) is not int or not 0 <= code <= 5 or document.get("verdict") not in _VERDICTS[code]:
            raise ValueError(f"{path} is not a whole verdict")
        if document.get("run_id") != self.run_id:
            raise ValueError(f"{path} is of another run")
        return document


_VERDICTS = {0: ("passed",), 1: ("failed",), 2: ("error",), 3: ("error",), 4: ("error",), 5: ("error",)}


def follow_starter() -> None:
    """Make the measuring process end as its user expects: by Ctrl-C, by SIGTERM, and when its starter is gone.

    Ctrl-C reaches both processes from the terminal, and the starter passes on what it gets: within a second the two are
    one event. A signal that is ignored stays ignored; the end of the starter is not, whatever was inherited.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    seen = [0.0]

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as signal.signal asks
        now = time.monotonic()
        if now - seen[0] > _ONE_EVENT_SECONDS:
            seen[0] = now
            raise KeyboardInterrupt(_TOLD.get(number) or signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    signal.signal(_STARTER_GONE, interrupt)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(starter: int) -> None:
    """Interrupt this process once its starter is gone: nobody is left who reads what it finds."""
    while os.getppid() == starter:
        time.sleep(_LOOK_SECONDS)
    os.kill(os.getpid(), _STARTER_GONE)
    # What catches the interrupt and goes on, or never returns from a library, measures for nobody.
    time.sleep(_GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
