"""Workers of a Ray cluster: each measures shares of the images, and what they find comes into this process's cache.

Code, thresholds.yaml, images and annotations must lie at the same path on every node. The weights travel once, through
the object store. A worker on this very machine writes into the cache itself; others send its entries back. A share
whose worker is lost goes to another one, up to `_ATTEMPTS` times.
"""

from __future__ import annotations

import contextlib
import logging
import math
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from explain_gate.attribution.diagnosis import first_line
from explain_gate.data.regression_set import RegressionSet
from explain_gate.errors import DataError, ExplainGateError, OptionError
from explain_gate.measuring.device import pick_device
from explain_gate.measuring.job import Job
from explain_gate.measuring.predict import BATCH
from explain_gate.measuring.progress import Progress
from explain_gate.measuring.remembering.store import Cache
from explain_gate.measuring.workers.crew import Crew
from explain_gate.measuring.workers.processes import places
from explain_gate.measuring.workers.ray_runtime import running_ray
from explain_gate.measuring.workers.ray_worker import Entries, measure_share
from explain_gate.measuring.workers.share import Ledger, Share, pieces, share_of, shared, turns_of, weights_of

_LOG = logging.getLogger(__name__)
_ATTEMPTS = 3
_SHARES_EACH = 4
"""Shares per worker at least, where there are images enough, so that the last ones end at about the same time."""
_MOST_BATCHES = 16
"""Of one share: what a lost worker costs, and what travels back at once."""
_LOOK_SECONDS = 30.0
_LENT = ("logits", "marks", "signatures", "operations", "cues", "confounds")
"""Kinds of entries that scores of behaviour go on from."""


def measure_on_ray(job: Job, cache: Cache, crew: Crew, scratch: Path, progress: Progress) -> None:
    """Fill the cache by tasks on a Ray cluster.

    Files that cannot be used are left to the caller, who reads them all and names them all.

    Args:
        job: what to measure.
        cache: an entered one, where everything goes.
        crew: how many shares are measured at once, None for one for each GPU of the cluster, without any one; and the
            address of the cluster, None for $RAY_ADDRESS, else a Ray that is started here and ends with the run.
        scratch: a folder that vanishes after it.
        progress: told of finished images.

    Raises:
        OptionError: there is no such cluster, it lacks what the run needs, or its nodes do not see the same files.
        ModelError: as in this process.
        ExplainGateError: the workers of one share died every time.
    """
    ledger = Ledger(job, cache)
    rows = ledger.open()
    if cache.folder is None or not (rows or not ledger.whole):
        return
    place = pick_device(job.compute.device).type
    gpus = torch.cuda.device_count() if place == "cuda" else 0
    count = crew.count or max(1, gpus)
    weights = weights_of(job.model) or b""
    with running_ray(crew.address, cpus=count, gpus=gpus, store=2 * len(weights)) as (ray, own):
        resources = ray.cluster_resources()
        _check(resources, gpus, job.compute.device)
        if not own and crew.count is None and gpus:
            count = int(resources["GPU"])
        # On one's own machine more workers than GPUs share them; elsewhere they wait for one.
        each = min(1.0, int(1000 * gpus / count) / 1000) if own else min(1, gpus)
        task = _task(ray, each)
        # The weights are wrapped, so that a worker fetches them once and not with every share.
        known, sent = tuple(sorted(ledger.facts.items())), [ray.put(weights)]

        def submit(share: Share, lent: Any = None) -> Any:
            return task.remote(share, known, sent, lent)

        stage, done, total = f"{count} Ray workers", len(job.data) - len(rows), len(job.data)
        progress.advance(stage, done, total)
        own_part = shared(job.compute, place, count if own else 1)
        threads = max(1, torch.get_num_threads() // count) if own else 1
        plain = share_of(job, (), cache.folder, scratch=scratch, checkpoint="", compute=own_part, threads=threads)
        try:
            shares = [replace(plain, rows=tuple(part)) for part in _parts(rows, count)]
            for share, entries in _measured(ray, submit, shares, job.data, count, gpus):
                _keep(cache, entries)
                ledger.finish(share.rows)
                done += len(share.rows)
                progress.advance(stage, done, total)
            for turns in turns_of(job, count):
                lent = ray.put(cache.everything(_LENT))
                shares = [replace(plain, turn=turn) for turn in turns]
                for _, entries in _measured(ray, partial(submit, lent=lent), shares, job.data, count, gpus):
                    _keep(cache, entries)
            ledger.finish_whole()
        except DataError as error:
            _LOG.warning("a worker met files that cannot be used: %s", error)


def _keep(cache: Cache, entries: Entries) -> None:
    for kind, contents in entries:
        cache.put(kind, contents)


def _task(ray: Any, gpus: float) -> Any:
    return ray.remote(
        num_cpus=1,
        num_gpus=gpus,
        # A lost share is counted and sent again here, so that one that kills its worker every time comes to an end.
        max_retries=0,
        # A worker with a GPU would be replaced after every share, and load the model again.
        max_calls=0,
        # Workers of their own, which hold no module or model of an earlier run.
        runtime_env={"env_vars": {"PYTHONPATH": places(), "EXPLAIN_GATE_RUN": uuid.uuid4().hex}},
    )(measure_share)


def _measured(
    ray: Any, submit: Callable[[Share], Any], shares: Sequence[Share], data: RegressionSet, count: int, gpus: int
) -> Iterator[tuple[Share, Entries]]:
    """Shares as they are finished; `count` are on their way, also while the caller looks at one."""
    waiting, running, attempts = deque(shares), dict[Any, Share](), Counter[Share]()

    def fill() -> None:
        while waiting and len(running) < count:
            share = waiting.popleft()
            running[submit(share)] = share

    try:
        fill()
        while running:
            ready, _ = ray.wait(list(running), timeout=_LOOK_SECONDS)
            if not ready:
                _check(ray.cluster_resources(), gpus)
                continue
            share = running.pop(ready[0])
            try:
                entries = _result(ray, ready.pop())
            except _LostWorker as lost:
                attempts[share] += 1
                _LOG.warning("a Ray worker was lost (%s, attempt %d of %d)", lost, attempts[share], _ATTEMPTS)
                if attempts[share] == _ATTEMPTS:
                    raise ExplainGateError(_told(share, data, lost)) from lost
                waiting.appendleft(share)  # so that one that kills every worker is known early
                fill()
                continue
            fill()
            yield share, entries
    finally:
        with contextlib.suppress(ray.exceptions.RayError):  # what is cancelled may have died with the cluster
            for reference in running:
                ray.cancel(reference, force=True)


class _LostWorker(Exception):  # noqa: N818 - an outcome that is tried again
    """A share has no result, through no fault that its code told."""


def _result(ray: Any, reference: Any) -> Entries:
    """What a task returned, or the error that a run in this process would have met."""
    known = ray.exceptions
    try:
        entries: Entries = ray.get(reference)
    except (
        known.WorkerCrashedError,
        known.NodeDiedError,
        known.ObjectLostError,
        known.OutOfMemoryError,
    ) as error:
        raise _LostWorker(type(error).__name__) from error
    except known.RayTaskError as error:
        if isinstance(error.cause, ExplainGateError):
            raise error.cause from error
        raise  # what crashes a local run crashes this one
    except known.RayError as error:
        raise ExplainGateError(f"Ray failed: {first_line(error)}") from error
    return entries


def _parts(rows: Sequence[int], count: int) -> list[list[int]]:
    """Whole batches, so that they are those of a single process, in a few shares for each of `count` workers."""
    batches = math.ceil(len(rows) / (BATCH * count * _SHARES_EACH))
    return pieces(rows, BATCH * min(_MOST_BATCHES, batches))


def _check(resources: Mapping[str, float], gpus: int, device: str = "") -> None:
    """A task that no node can run would wait for ever.

    Raises:
        OptionError: the cluster has none of what every share needs, or GPUs that this process cannot go on with.
    """
    if gpus and resources.get("GPU", 0) < 1:
        raise OptionError("the Ray cluster has no GPU; measure with --device cpu")
    if resources.get("CPU", 0) < 1:
        raise OptionError("the Ray cluster has no CPU to measure with")
    if device == "auto" and not gpus and resources.get("GPU", 0) >= 1:
        raise OptionError(
            "the Ray cluster has GPUs, and this process, which measures what needs the whole set, has none. Start it "
            "on a node with a GPU (ray job submit --entrypoint-num-gpus 1), or measure with --device cpu"
        )


def _told(share: Share, data: RegressionSet, lost: _LostWorker) -> str:
    rows = share.rows if share.turn is None else share.turn.rows
    images = (
        f"{len(rows)} images, {data.entries[rows[0]].image} to {data.entries[rows[-1]].image}" if rows else "searches"
    )
    return (
        f"{_ATTEMPTS} Ray workers died, one after the other, on the same {images} "
        f"({lost}). Either the model's code crashes on one of them, or memory is short: try fewer "
        "--workers, or a smaller --memory-budget"
    )
