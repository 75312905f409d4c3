"""The job's model made ready to be asked: target layers are named, probes of it and of its twins are made alike."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from explain_gate.attribution import METHODS
from explain_gate.attribution.base import Probe
from explain_gate.attribution.diagnosis import forward_raised
from explain_gate.attribution.target_layer import find_target_layers
from explain_gate.data.annotations.names import IMAGE_SUFFIXES
from explain_gate.data.images import load
from explain_gate.data.preprocessing import normalize
from explain_gate.data.regression_set import RegressionSet
from explain_gate.errors import ConfigError, ExplainGateError, ModelError
from explain_gate.measuring.predict import check_repeatable
from explain_gate.metrics import PAIR

if TYPE_CHECKING:
    from explain_gate.measuring.job import Job


_TRIED = 8
"""Images on which forward may fail before the model is called broken."""

_MOST_REFERENCES = 64
"""Images in a folder of baselines, held in memory at once."""
_LOG = logging.getLogger(__name__)


def with_target_layers(job: Job, place: torch.device) -> Job:
    """The job with the layers that CAM methods look at, searched for where no one names them."""
    asked = {name for rule in job.rules for name in (rule.method or "").split(PAIR)}
    needed = any("layers" in METHODS[name].needs for name in asked if name in METHODS)
    if job.model.target_layers or not needed:
        return job
    try:
        return replace(job, model=replace(job.model, target_layers=_searched_layers(job, place)))
    except ModelError:
        _say_unrepeatable(probe_maker(job)(job.model.module, job.seed), job.data)
        raise


def _searched_layers(job: Job, place: torch.device) -> tuple[str, ...]:
    first = job.data.first()
    raised: ModelError | None = None
    for row in range(first.index, min(len(job.data), first.index + _TRIED)):
        sample = job.data.sample(row)
        pixels = sample.pixels[None].to(place)
        try:
            return find_target_layers(
                job.model.module, pixels, job.task.targets([sample.truth]), target=job.target, task=job.task
            )
        except ExplainGateError:
            raise
        except Exception as error:  # noqa: BLE001 - the user's forward may raise anything, on one image of many
            raised = raised or forward_raised(job.model.module, pixels, error)
    assert raised is not None  # noqa: S101 - a set has an image
    raise raised


def _say_unrepeatable(probe: Probe, data: RegressionSet) -> None:
    """A score that is random or depends on its batch may have no layer for that reason alone, so that one is told.

    Raises:
        ModelError: it is one.
    """
    try:
        with probe:
            check_repeatable(probe, data, range(len(data)))
    except ModelError:
        raise
    except Exception as error:  # noqa: BLE001 - the user's forward may raise anything; what was found first is told
        _LOG.debug("not predicted twice: %s", error)


def probe_maker(job: Job) -> Callable[..., Probe]:
    """Probes for the model and for its re-initialised twins, all alike."""
    config, data = job.config, job.data

    def read_images(path: str) -> Tensor:
        wanted = config.resolve(Path(path))
        files = [wanted] if wanted.is_file() else []
        if wanted.is_dir():
            files = sorted(file for file in wanted.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
        if not 1 <= len(files) <= _MOST_REFERENCES:
            raise ConfigError(
                f"{config.path}:{config.line('methods')}: must name an image file or a folder of at most "
                f"{_MOST_REFERENCES}, found {len(files)} at {wanted}"
            )
        read = [load(file, (), None, data.preprocessing)[0] for file in files]
        return torch.stack([normalize(one, data.preprocessing) for one in read])

    def make(module: torch.nn.Module, seed: int, *, fold_norms: bool = True) -> Probe:
        return Probe(
            module,
            target=job.target,
            task=job.task,
            target_layers=job.model.target_layers,
            memory_budget=job.compute.memory_budget,
            seed=seed,
            black=normalize(torch.zeros(data.preprocessing.channels, 1, 1), data.preprocessing),
            read_images=read_images,
            fold_norms=fold_norms,
        )

    return make
