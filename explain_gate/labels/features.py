"""What pictures give the last layer of a model, for whoever asks which of them the model takes for the same."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from explain_gate.attribution.base import Probe
from explain_gate.measuring.device import pick_device
from explain_gate.measuring.job import Job
from explain_gate.studies.blocks import find_blocks, read
from explain_gate.studies.kept import Kept

_AT_ONCE = 16


def features_of(job: Job, places: Sequence[int], kept: Kept, tell: Callable[[int, int], None]) -> NDArray[np.float64]:
    """What enters the head for each sample, (N, D); what `kept` holds is not measured again.

    Args:
        job: one model version on the regression set.
        places: of the samples in the set.
        kept: a file of this model and set.
        tell: hears how many samples of how many are done.

    Raises:
        ModelError: the network has no head that can be read.
        DataError: a picture cannot be used.
    """
    job.model.module.to(pick_device(job.compute.device))
    parts = []
    with Probe(job.model.module, target=job.target, task=job.task, fold_norms=False, seed=job.seed) as probe:
        first = job.data.first()
        _, head = find_blocks(probe, first.pixels[None], job.task.targets([first.truth]))
        for start in range(0, len(places), _AT_ONCE):
            some = places[start : start + _AT_ONCE]
            key = hashlib.sha256("\n".join(job.data.key(place) for place in some).encode()).hexdigest()
            if key not in kept.answers:
                made = _features(job, probe, head, some)
                kept.keep(key, [base64.b64encode(made.tobytes()).decode(), list(made.shape)])
            text, shape = kept.answers[key]
            parts.append(np.frombuffer(base64.b64decode(text), dtype=np.float32).reshape(shape))
            tell(min(start + _AT_ONCE, len(places)), len(places))
    return np.concatenate(parts).astype(np.float64)


def _features(job: Job, probe: Probe, head: str, places: Sequence[int]) -> NDArray[np.float32]:
    samples = [job.data.sample(place) for place in places]
    pixels = torch.stack([sample.pixels for sample in samples])
    targets = job.task.targets([sample.truth for sample in samples]).to(probe.device)
    with torch.no_grad(), read(probe.module, (), head) as (_, entered):
        probe.columns(probe.prepare(pixels), targets)
    made: NDArray[np.float32] = torch.cat(entered).flatten(1).float().cpu().numpy()
    return made
