"""A Ray worker's side: one share measured here, into the cache of the process that asked or on its way back to it."""

from __future__ import annotations

import functools
import socket
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from explain_gate.errors import ConfigError, DataError, OptionError
from explain_gate.measuring.job import Compute, Version, open_job
from explain_gate.measuring.remembering.store import Cache
from explain_gate.measuring.workers.share import Share, facts_of, opened, work
from explain_gate.profile.working_folder import is_here
from explain_gate.records import ModelUnderTest

Entries = list[tuple[str, dict[str, bytes]]]
"""Of a cache, by kind."""


def measure_share(
    share: Share, known: tuple[tuple[str, str], ...], weights: list[Any], lent: Entries | None = None
) -> Entries:
    """A worker's task; returns what the process that asked cannot read from its cache.

    Args:
        share: what to measure.
        known: the facts of the process that asked; a worker of other code or files would measure something else.
        weights: a reference to safetensors, nothing where the source has its weights.
        lent: what a turn goes on from, for a worker that cannot read the cache of the process that asked.
    """
    if share.scratch is not None and is_here(Path(share.scratch)):
        work(share, _model(share.config, share.source, share.device, share.dtype, known, weights[0]))
        return []
    try:
        with tempfile.TemporaryDirectory(prefix="explain-gate-") as folder:
            own = replace(share, cache=folder, scratch=None)
            before = _put(Path(folder), lent or [])
            work(own, _model(share.config, share.source, share.device, share.dtype, known, weights[0]))
            with Cache(Path(folder)) as cache:
                return [
                    (kind, {key: content for key, content in contents.items() if key not in before})
                    for kind, contents in cache.everything()
                ]
    except (ConfigError, DataError) as error:
        raise OptionError(
            f"on the node {socket.gethostname()}: {error}\n"
            "Code, thresholds.yaml, images and annotations must lie at the same path on every node"
        ) from error


def _put(folder: Path, lent: Entries) -> set[str]:
    """Give a new cache what was lent; its keys."""
    with Cache(folder) as cache:
        for kind, contents in lent:
            cache.put(kind, contents)
    return {key for _, contents in lent for key in contents}


@functools.lru_cache(maxsize=1)
def _model(
    config: str, source: str, device: str, dtype: str, known: tuple[tuple[str, str], ...], weights: Any
) -> ModelUnderTest:
    """The model, loaded once in a worker."""
    import ray

    gate, data = opened(config)
    content = ray.get(weights)
    with tempfile.TemporaryDirectory(prefix="explain-gate-") as folder:
        file = Path(folder) / "weights.safetensors"
        file.write_bytes(content)
        version = Version(source=source, checkpoint=file if content else "", checkpoint_key="")
        job = open_job(gate, version, Compute(device=device, dtype=dtype), data=data)
    mine = facts_of(job).by_name()
    others = [name for name, value in known if mine[name] != value]
    if others:
        raise OptionError(
            f"the Ray worker on {socket.gethostname()} differs from the process that started it in: {', '.join(others)}"
        )
    return job.model
