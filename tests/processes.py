"""Processes that tests start: signals as in a terminal, whatever this process inherited; events are waited for."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 300.0
"""How long an event may take on a busy machine before it counts as never."""
_PORTS = iter(range(20_000 + os.getpid() * 37 % 10_000, 32_000))
_WITH_SIGNALS = """
import os, signal, sys
for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"):
    signal.signal(getattr(signal, name), signal.SIG_IGN if name in sys.argv[1].split() else signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, ())
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def python(*arguments: str, ignored: str = "") -> list[str]:
    """The command that runs this interpreter with every signal at its default, whatever this process inherited.

    Args:
        arguments: of the interpreter.
        ignored: names of signals to ignore instead, as `nohup` and a shell's `&` do: "SIGINT SIGHUP".
    """
    return [sys.executable, "-I", "-S", "-c", _WITH_SIGNALS, ignored, *arguments]


def gate(*arguments: str, ignored: str = "") -> list[str]:
    """The command line of the gate, as `python`."""
    return python("-m", "explain_gate.cli", *arguments, ignored=ignored)


def wait_for(event: Callable[[], object], what: str, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until `event()` holds.

    Raises:
        AssertionError: it does not come.
    """
    deadline = time.monotonic() + seconds
    while not event():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} seconds"
        time.sleep(0.02)


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens, and which neither the system nor another test process gives away.

    Below the ports that the system hands out by itself, and counted on, so that none comes twice.
    """
    for port in _PORTS:
        with contextlib.suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def members(session: int) -> dict[int, str]:
    """The living processes of a session with their command lines; Linux only."""
    return {process: line for process, found, line in _processes() if found == session}


def _processes() -> Iterator[tuple[int, int, str]]:
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, _, session = (place / "stat").read_text().rpartition(")")[2].split()[:4]
            if state not in "ZX":
                line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                yield int(place.name), int(session), line
