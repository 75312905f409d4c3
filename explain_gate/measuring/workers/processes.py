"""Several processes on one machine: each measures a part of the images into the shared cache, the caller then reads it.

Nothing but the cache connects them, so a worker that dies costs time only: what it left out is measured by its
successor or, at last, by the caller. Workers end with the caller, whatever ends it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import torch

from explain_gate.errors import ExplainGateError
from explain_gate.measuring.job import Job
from explain_gate.measuring.progress import Progress
from explain_gate.measuring.remembering.store import Cache
from explain_gate.measuring.workers.share import Ledger, Share, share_of, shared, split, weights_of, work

_LOG = logging.getLogger(__name__)
_ATTEMPTS = 2


def measure_in_processes(job: Job, cache: Cache, count: int, scratch: Path, progress: Progress) -> None:
    """Fill the cache with `count` workers; with several GPUs each takes the next one. `scratch` vanishes with the run.

    Worker failures are logged and left to the caller, who meets the same fault or measures what is missing.

    Raises:
        ModelError: workers cannot build the model.
    """
    ledger = Ledger(job, cache)
    rows = ledger.open()
    if not rows or cache.folder is None:
        return
    checkpoint = _written(weights_of(job.model), scratch / ".weights.safetensors")
    threads = max(1, torch.get_num_threads() // count)
    waiting = [
        share_of(
            job,
            part,
            cache.folder,
            scratch=scratch,
            checkpoint=str(checkpoint or ""),
            compute=shared(job.compute, _device_of(worker, job.compute.device), count),
            threads=threads,
        )
        for worker, part in enumerate(split(rows, count))
        if part
    ]
    stage, done, total = f"{count} workers", len(job.data) - len(rows), len(job.data)
    progress.advance(stage, done, total)
    for attempt in range(_ATTEMPTS):
        running = [(share, _start(share)) for share in waiting]
        waiting = []
        try:
            for share, worker in running:
                if worker.wait() == 0:
                    ledger.finish(share.rows)
                    done += len(share.rows)
                    progress.advance(stage, done, total)
                    continue
                _LOG.warning("a worker ended with %s (attempt %d of %d)", worker.returncode, attempt + 1, _ATTEMPTS)
                waiting.append(share)
        finally:
            for _, worker in running:
                if worker.poll() is None:
                    worker.kill()
                    worker.wait()
                if worker.stdin is not None:
                    with contextlib.suppress(BrokenPipeError):
                        worker.stdin.close()
    if checkpoint is not None:
        checkpoint.unlink()


def main(told: str) -> int:
    """A worker's process; its error is the caller's to tell, who meets it too."""
    threading.Thread(target=_end_with_caller, daemon=True).start()
    plain = json.loads(told)
    try:
        work(Share(**{**plain, "rows": tuple(plain["rows"])}))
    except ExplainGateError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def places() -> str:
    """PYTHONPATH of a worker: it finds what this process finds."""
    folders = [str(Path(__file__).parents[3]), str(Path.cwd()), os.environ.get("PYTHONPATH", "")]
    return os.pathsep.join(place for place in folders if place)


def _end_with_caller() -> None:
    """The caller keeps this standard input open as long as it lives; without it nobody wants what is measured here."""
    while os.read(0, 1):  # not through sys.stdin, whose lock would be held when the worker ends first
        pass
    os._exit(1)


def _start(share: Share) -> subprocess.Popen[bytes]:
    code = "import sys; from explain_gate.measuring.workers.processes import main; sys.exit(main(sys.stdin.readline()))"
    worker = subprocess.Popen(  # noqa: S603 - this interpreter and fixed code
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": str(share.threads), "PYTHONPATH": places()},
    )
    if worker.stdin is not None:
        try:
            worker.stdin.write(json.dumps(asdict(share)).encode() + b"\n")
            worker.stdin.flush()
        except BrokenPipeError:
            pass  # it died at once; wait() tells
    return worker


def _written(weights: bytes | None, file: Path) -> Path | None:
    if weights is None:
        return None
    file.write_bytes(weights)
    return file


def _device_of(worker: int, device: str) -> str:
    if device in ("auto", "cuda") and torch.cuda.is_available():
        return f"cuda:{worker % torch.cuda.device_count()}"
    return device
