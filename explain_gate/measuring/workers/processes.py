"""Several processes on one machine: each measures parts into the shared cache, the caller then reads it.

Nothing but the cache connects them, so a worker that dies costs time only: what it left out is measured by its
successor or, at last, by the caller. Workers end with the caller, whatever ends it.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import Field, asdict, replace
from pathlib import Path
from queue import Queue
from typing import Any, ClassVar, NoReturn, Protocol, TypeVar

import torch

from explain_gate.errors import ExplainGateError
from explain_gate.measuring.job import Job, Turn
from explain_gate.measuring.progress import Progress
from explain_gate.measuring.remembering.store import Cache
from explain_gate.measuring.workers.share import (
    Ledger,
    Share,
    share_from,
    share_of,
    shared,
    split,
    turns_of,
    weights_of,
    work,
)

_LOG = logging.getLogger(__name__)
_ATTEMPTS = 2


def measure_in_processes(job: Job, cache: Cache, count: int, scratch: Path, progress: Progress) -> None:
    """Fill the cache with `count` workers; with several GPUs each takes the next one. `scratch` vanishes after it.

    Worker failures are logged and left to the caller, who meets the same fault or measures what is missing.

    Raises:
        ModelError: workers cannot build the model.
    """
    ledger = Ledger(job, cache)
    rows = ledger.open()
    if cache.folder is None or not (rows or not ledger.whole):
        return
    checkpoint = _written(weights_of(job.model), scratch / "weights.safetensors")
    threads = max(1, torch.get_num_threads() // count)

    def share(worker: int, part: Sequence[int], turn: Turn | None = None) -> Share:
        assert cache.folder is not None  # noqa: S101 - asked above
        told = share_of(
            job,
            part,
            cache.folder,
            scratch=scratch,
            checkpoint=str(checkpoint or ""),
            compute=shared(job.compute, _device_of(worker, job.compute.device), count),
            threads=threads,
        )
        return replace(told, turn=turn)

    stage, done, total = f"{count} workers", len(job.data) - len(rows), len(job.data)
    progress.advance(stage, done, total)
    with Workers(count) as workers:
        for one in workers.do([share(worker, part) for worker, part in enumerate(split(rows, count)) if part]):
            ledger.finish(one.rows)
            done += len(one.rows)
            progress.advance(stage, done, total)
        whole = True
        for turns in turns_of(job, count):
            shares = [share(worker, (), turn) for worker, turn in enumerate(turns)]
            whole = len(list(workers.do(shares))) == len(shares) and whole
        if whole:
            ledger.finish_whole()


class Told(Protocol):
    """What a worker is told to do: a dataclass of plain values."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def threads(self) -> int:
        """With how many it does so."""


T = TypeVar("T", bound=Told)
MEASURES = "from explain_gate.measuring.workers.processes import main; main()"


class Workers(AbstractContextManager["Workers"]):
    """Processes that take one share of a work after the other. Use in a `with`, after which none is left.

    Args:
        count: how many.
        serves: the code that a process runs, which ends in `serve`.
    """

    def __init__(self, count: int, serves: str = MEASURES) -> None:
        self._serves = serves
        self._idle: list[subprocess.Popen[bytes]] = []
        self._running: set[subprocess.Popen[bytes]] = set()
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="worker")
        self._left = False

    def do(self, shares: Sequence[T]) -> Iterator[T]:
        """Those that are finished, as they are; one whose worker died is given to another, once."""
        waiting = {self._pool.submit(self._done, share): share for share in shares}
        for future in as_completed(waiting):
            if future.result():
                yield waiting[future]

    def __exit__(self, *_: object) -> None:
        self._left = True
        for process in list(self._running):
            process.kill()
        self._pool.shutdown()
        for process in [*self._idle, *self._running]:
            process.kill()
            process.communicate()

    def _done(self, share: Told) -> bool:
        for attempt in range(_ATTEMPTS):
            worker = self._idle.pop() if self._idle else _start(share.threads, self._serves)
            self._running.add(worker)
            if self._left:
                worker.kill()  # it began while the others were ended
            code = _answer(worker, share)
            self._running.discard(worker)
            if code is not None:
                self._idle.append(worker)
                return code == 0
            worker.communicate()
            if self._left:
                break
            _LOG.warning("a worker ended with %s (attempt %d of %d)", worker.returncode, attempt + 1, _ATTEMPTS)
        return False


def main() -> NoReturn:
    """The process of a worker that measures."""
    serve(lambda line: work(share_from(line)))


def serve(do: Callable[[bytes], None]) -> NoReturn:
    """A worker's process: what it is told a line on its standard input, an exit code a line back.

    An error is the caller's to tell, who meets it too.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the model's code prints is no answer
    shares: Queue[bytes] = Queue()
    threading.Thread(target=_read, args=(shares,), daemon=True).start()
    while True:
        try:
            do(shares.get())
        except ExplainGateError as error:
            sys.stderr.write(f"{error}\n")
            answers.write(f"{error.exit_code}\n")
        else:
            answers.write("0\n")


def places() -> str:
    """PYTHONPATH of a worker: it finds what this process finds."""
    folders = [str(Path(__file__).parents[3]), str(Path.cwd()), os.environ.get("PYTHONPATH", "")]
    return os.pathsep.join(place for place in folders if place)


def _read(shares: Queue[bytes]) -> None:
    """Take lines as they come. The caller keeps this standard input open as long as it wants what is measured here."""
    begun = b""
    while more := os.read(0, 1 << 16):  # not through sys.stdin, whose lock would be held when the process ends
        *lines, begun = (begun + more).split(b"\n")
        for line in lines:
            shares.put(line)
    os._exit(1)


def _start(threads: int, serves: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - this interpreter and fixed code
        [sys.executable, "-c", serves],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": places()},
    )


def _answer(worker: subprocess.Popen[bytes], share: Told) -> int | None:
    """How a worker says that a share ended, as an exit code; None where it died over it."""
    assert worker.stdin is not None  # noqa: S101 - both are pipes
    assert worker.stdout is not None  # noqa: S101 - as above
    try:
        worker.stdin.write(json.dumps(asdict(share)).encode() + b"\n")
        worker.stdin.flush()
    except BrokenPipeError:
        return None
    answer = worker.stdout.readline().strip()
    return int(answer) if answer else None


def _written(weights: bytes | None, file: Path) -> Path | None:
    if weights is None:
        return None
    file.write_bytes(weights)
    return file


def _device_of(worker: int, device: str) -> str:
    if device in ("auto", "cuda") and torch.cuda.is_available():
        return f"cuda:{worker % torch.cuda.device_count()}"
    return device
