"""Several processes on one machine: each measures a part of the images into the shared cache, the caller then reads it.

Nothing but the cache connects them, so a worker that dies costs time only: what it left out is measured by its
successor or, at last, by the caller. Metrics that look at the whole set are always measured by the caller.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from explain_gate.config import load_config
from explain_gate.data.regression_set import RegressionSet, open_set
from explain_gate.errors import ExplainGateError
from explain_gate.execution.cache import MOST_BYTES, Cache
from explain_gate.execution.predicting import BATCH
from explain_gate.execution.progress import Progress, Silent
from explain_gate.execution.runner import measure_model
from explain_gate.models import load_model
from explain_gate.plan import plan

_LOG = logging.getLogger(__name__)
_ATTEMPTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one worker is told, as JSON on its standard input."""

    config: str
    source: str | None
    checkpoint: str | None
    rows: tuple[int, ...]
    device: str
    dtype: str
    threads: int
    memory_budget: int | None
    cache: str
    cache_size: int | None


def measure_in_processes(
    count: int,
    *,
    config: Path,
    source: str | None,
    checkpoint: str | None,
    images: int,
    device: str,
    dtype: str,
    memory_budget: int | None,
    cache: Path,
    cache_size: int | None,
    progress: Progress,
) -> None:
    """Fill the cache with `count` workers; with several GPUs each takes the next one.

    Worker failures are logged and left to the caller, who meets the same fault or measures what is missing.
    """
    threads = max(1, torch.get_num_threads() // count)
    waiting = [
        Share(
            config=str(config),
            source=source,
            checkpoint=checkpoint,
            rows=rows,
            device=_device_of(worker, device),
            dtype=dtype,
            threads=threads,
            memory_budget=memory_budget // count if memory_budget else None,
            cache=str(cache),
            cache_size=cache_size,
        )
        for worker, rows in enumerate(shares(images, count))
        if rows
    ]
    done, total = 0, len(waiting)
    for attempt in range(_ATTEMPTS):
        running = [(share, _start(share)) for share in waiting]
        waiting = []
        try:
            for share, worker in running:
                if worker.wait() == 0:
                    done += 1
                    progress.advance(f"{total} workers", done, total)
                    continue
                _LOG.warning("a worker ended with %s (attempt %d of %d)", worker.returncode, attempt + 1, _ATTEMPTS)
                waiting.append(share)
        finally:
            for _, worker in running:
                if worker.poll() is None:
                    worker.kill()
                    worker.wait()


def shares(images: int, count: int) -> list[tuple[int, ...]]:
    """Rows of each worker: whole batches in turn, so that batches are those of a single process."""
    blocks = [tuple(range(start, min(start + BATCH, images))) for start in range(0, images, BATCH)]
    return [tuple(row for block in blocks[worker::count] for row in block) for worker in range(count)]


def work(share: Share) -> None:
    """Measure one share into the cache."""
    torch.set_num_threads(share.threads)
    config = load_config(share.config)
    whole = open_set(config)
    part = RegressionSet([whole.entries[row] for row in share.rows], whole.classes, whole.preprocessing)
    with (
        tempfile.TemporaryDirectory(prefix="explain-gate-") as folder,
        Cache(Path(share.cache), most_bytes=share.cache_size or MOST_BYTES) as cache,
    ):
        measure_model(
            config,
            plan(config, list(whole.classes)),
            load_model(config, source=share.source, checkpoint=share.checkpoint),
            part,
            Path(folder),
            device=share.device,
            memory_budget=share.memory_budget,
            progress=Silent(),
            cache=cache,
            alone=True,
            dtype=share.dtype,
        )


def main(arguments: Sequence[str]) -> int:
    """A worker's process; its error is the caller's to tell, who meets it too."""
    plain = json.loads(arguments[0])
    try:
        work(Share(**{**plain, "rows": tuple(plain["rows"])}))
    except ExplainGateError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _start(share: Share) -> subprocess.Popen[bytes]:
    places = [str(Path(__file__).parents[2]), str(Path.cwd()), os.environ.get("PYTHONPATH", "")]
    code = "import sys; from explain_gate.execution.processes import main; sys.exit(main(sys.stdin.readlines()))"
    worker = subprocess.Popen(  # noqa: S603 - this interpreter and fixed code
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={
            **os.environ,
            "OMP_NUM_THREADS": str(share.threads),
            "PYTHONPATH": os.pathsep.join(part for part in places if part),
        },
    )
    if worker.stdin is not None:
        try:
            worker.stdin.write(json.dumps(asdict(share)).encode())
            worker.stdin.close()
        except BrokenPipeError:
            pass  # it died at once; wait() tells
    return worker


def _device_of(worker: int, device: str) -> str:
    if device in ("auto", "cuda") and torch.cuda.is_available():
        return f"cuda:{worker % torch.cuda.device_count()}"
    return device
