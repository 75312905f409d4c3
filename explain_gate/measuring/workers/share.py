"""Measuring in parts, whoever does it: which images are still open, how they are cut, what a worker is told and does.

Parts are measured into a cache, from which the process that wanted them goes on. So a worker that dies costs time only.
First come the images, each by itself; then what is searched in the whole set; then the scores of behaviour, for which
images lend each other their backgrounds, patches and looks. Maps that are compared with those of other images, or of a
sample, are left to the process that has all of them.
"""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import save

from explain_gate.config import GateConfig, load_config
from explain_gate.data.regression_set import RegressionSet, open_set
from explain_gate.errors import ModelError
from explain_gate.measuring.job import Compute, Job, Turn, Version, open_job
from explain_gate.measuring.measure import measure_model
from explain_gate.measuring.predict import BATCH
from explain_gate.measuring.progress import Silent
from explain_gate.measuring.remembering.digests import digest
from explain_gate.measuring.remembering.keys import Facts
from explain_gate.measuring.remembering.store import Cache
from explain_gate.measuring.rows import rows_of_behaviour
from explain_gate.measuring.searches import searches_of
from explain_gate.models.registered import REGISTRY
from explain_gate.records import ModelUnderTest

_NO_BOUND = 2**63 - 1
_KIND = "parts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one worker is told; plain values, so that they travel as JSON. No checkpoint: the source has its weights.

    `rules`: check and method of those that are asked. `rows` are measured by themselves; with a `turn` it is done for
    the whole set: its searches, and the scores of its rows.
    """

    config: str
    source: str
    checkpoint: str
    rules: tuple[tuple[str, str | None], ...]
    rows: tuple[int, ...]
    device: str
    dtype: str
    threads: int
    memory_budget: int | None
    cache: str
    scratch: str | None
    turn: Turn | None = None


def share_from(line: bytes) -> Share:
    """A share that travelled as JSON."""
    plain = json.loads(line)
    turn = plain.pop("turn")
    plain["rules"] = tuple((check, method) for check, method in plain["rules"])
    plain["rows"] = tuple(plain["rows"])
    if turn is None:
        return Share(**plain)
    searches = tuple((kind, place, label, classes, half) for kind, place, label, classes, half in turn["searches"])
    return Share(**plain, turn=Turn(searches=searches, rows=tuple(turn["rows"])))


def share_of(
    job: Job, rows: Sequence[int], cache: Path, *, scratch: Path, checkpoint: str, compute: Compute, threads: int
) -> Share:
    """A part of the job's rows. `scratch` is the caller's own folder, for what is to vanish with it."""
    return Share(
        config=str(job.config.path),
        source=job.model.source,
        checkpoint=checkpoint,
        rules=tuple((rule.check, rule.method) for rule in job.rules),
        rows=tuple(rows),
        device=compute.device,
        dtype=compute.dtype,
        threads=threads,
        memory_budget=compute.memory_budget,
        cache=str(cache.absolute()),
        scratch=str(scratch),
    )


def shared(compute: Compute, device: str, among: int) -> Compute:
    """What one of so many workers on this machine computes with: its device, and its part of the memory."""
    budget = compute.memory_budget
    return replace(compute, device=device, memory_budget=budget // among if budget else None)


def split(rows: Sequence[int], count: int) -> list[list[int]]:
    """The rows of each of `count` workers: whole batches in turn, so that batches are those of a single process."""
    batches = pieces(rows, BATCH)
    return [[row for batch in batches[worker::count] for row in batch] for worker in range(count)]


def pieces(rows: Sequence[int], size: int) -> list[list[int]]:
    """The rows in order, at most `size` at a time."""
    return [list(rows[start : start + size]) for start in range(0, len(rows), size)]


def weights_of(model: ModelUnderTest) -> bytes | None:
    """The model's tensors as safetensors, for workers that build the rest from its source; None where that has them.

    Raises:
        ModelError: a registered whole model or an MLflow folder, which only the process that opened it can load.
    """
    if model.source.startswith(REGISTRY) or not (":" in model.source or model.source.endswith(".pt2")):
        raise ModelError(
            f"{model.source} holds a whole model, which workers cannot build. Measure it without --workers and "
            "--engine, or write model.source: package.module:callable and the version as model.checkpoint"
        )
    if model.source.endswith(".pt2"):
        return None
    state = model.module.state_dict()
    # Tied weights become copies: the format knows no shared memory, and loading ties them again.
    tensors = {name: part.detach().cpu().clone() for name, part in state.items() if isinstance(part, torch.Tensor)}
    return save({name: tensor.contiguous() for name, tensor in tensors.items()})


def facts_of(job: Job) -> Facts:
    """What the numbers of all methods of the file depend on."""
    return Facts.of(job, job.config.method_options())


class Ledger:
    """Which images workers have finished under the same facts. Kept in the cache, for runs that are done again.

    It only saves time. Its entries go before all others that the same run used: an image that is finished here, and
    whose numbers were evicted, would be left to the one process that started the workers.
    """

    def __init__(self, job: Job, cache: Cache) -> None:
        self._data = job.data
        self._cache = cache
        facts = facts_of(job)
        self.facts = facts.by_name()
        self._world = facts.finished(job.rules)

    def open(self) -> list[int]:
        """The rows that no worker has finished yet."""
        rows = range(len(self._data))
        if not self._cache.has([self._world]):
            return list(rows)  # without reading every image first
        keys = {row: self._key(row) for row in rows}
        present = self._cache.has(list(keys.values()))
        return [row for row, key in keys.items() if key not in present]

    def finish(self, rows: Sequence[int]) -> None:
        """These need no worker any more."""
        self._cache.put(_KIND, dict.fromkeys([self._world, *map(self._key, rows)], b""), fleeting=True)

    @property
    def whole(self) -> bool:
        """Whether workers have finished what needs this very set."""
        return bool(self._cache.has([self._of_all]))

    def finish_whole(self) -> None:
        """The whole set needs no worker any more."""
        self._cache.put(_KIND, {self._of_all: b""}, fleeting=True)

    @functools.cached_property
    def _of_all(self) -> str:
        return digest(self._world, sorted(self._key(row) for row in range(len(self._data))))

    def _key(self, row: int) -> str:
        try:
            return digest(self._world, self._data.identity(row))
        except OSError as error:
            return digest(self._world, row, str(error))


def turns_of(job: Job, count: int) -> list[list[Turn]]:
    """What needs the whole set, in rounds of at most `count` turns: searches before what goes on from them."""
    rounds = [
        [Turn(searches=tuple(searches[worker::count])) for worker in range(min(count, len(searches)))]
        for searches in searches_of(job.rules, job.data)
    ]
    scored = [Turn(rows=tuple(rows)) for rows in split(rows_of_behaviour(job), count) if rows]
    return [turns for turns in [*rounds, scored] if turns]


def work(share: Share, model: ModelUnderTest | None = None) -> None:
    """Measure one share into its cache; without a model at hand, the one that it names."""
    torch.set_num_threads(share.threads)
    job = job_of(share, model)
    own = replace(job, turn=share.turn) if share.turn else replace(job, data=job.data.part(share.rows), part=True)
    with (
        tempfile.TemporaryDirectory(prefix="explain-gate-", dir=share.scratch) as folder,
        Cache(Path(share.cache), most_bytes=_NO_BOUND) as cache,
    ):
        measure_model(own, Path(folder), progress=Silent(), cache=cache)


def job_of(share: Share, model: ModelUnderTest | None = None) -> Job:
    """The whole job, as a worker opens it; without a model at hand, the one that the share names."""
    config, whole = opened(share.config)
    version = Version(source=share.source, checkpoint=share.checkpoint, checkpoint_key="")
    compute = Compute(device=share.device, dtype=share.dtype, memory_budget=share.memory_budget)
    job = open_job(config, version, compute, data=whole, model=model)
    return replace(job, rules=tuple(rule for rule in job.rules if (rule.check, rule.method) in share.rules))


@functools.lru_cache(maxsize=1)
def opened(config: str) -> tuple[GateConfig, RegressionSet]:
    """A thresholds.yaml and its regression set; a worker that measures many shares reads them once."""
    gate = load_config(config)
    return gate, open_set(gate)
