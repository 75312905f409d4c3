"""The measuring stage: images x methods x metrics -> profile. The only place where the model is asked.

1. predict    every image once: logits, pictures and regions for the report; faulty files are found here
2. explain    every method once per image; maps go to disk, scaled to 1 and rounded to half precision
3. score      every metric of the rules on the maps as they are kept, and the controls
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from explain_gate.attribution import METHODS
from explain_gate.attribution.base import Probe
from explain_gate.attribution.diagnosis import forward_raised
from explain_gate.attribution.target_layer import find_target_layers
from explain_gate.config import GateConfig
from explain_gate.data.annotations.names import IMAGE_SUFFIXES
from explain_gate.data.images import load
from explain_gate.data.oddities import unlike_the_model
from explain_gate.data.preprocessing import normalize
from explain_gate.data.regression_set import RegressionSet
from explain_gate.errors import ConfigError, ExplainGateError, ModelError
from explain_gate.measuring.asking.backgrounds import Backgrounds
from explain_gate.measuring.asking.cues import CueSearch
from explain_gate.measuring.asking.looks import Looks
from explain_gate.measuring.asking.maps import KeptMaps
from explain_gate.measuring.asking.resources import Resources
from explain_gate.measuring.asking.variants import Variants
from explain_gate.measuring.device import deterministic, pick_device
from explain_gate.measuring.environment import describe_environment
from explain_gate.measuring.explain import explain_all
from explain_gate.measuring.precision import COMPARED, agreement, converted, pick_dtype
from explain_gate.measuring.predict import check_repeatable, predict
from explain_gate.measuring.progress import Progress
from explain_gate.measuring.remembering.keys import Facts
from explain_gate.measuring.remembering.recall import Memory
from explain_gate.measuring.remembering.store import Cache
from explain_gate.measuring.score import score
from explain_gate.metrics import PAIR
from explain_gate.models.build import build_module
from explain_gate.models.digest import digest_of
from explain_gate.own_code import load_function
from explain_gate.profile.audit import write_audit
from explain_gate.profile.writer import ProfileWriter
from explain_gate.records import ModelUnderTest, Profile, Rule

if TYPE_CHECKING:
    from explain_gate.measuring.job import Job

_LOG = logging.getLogger(__name__)
_TRIED = 8
"""Images on which forward may fail before the model is called broken."""
_MOST_REFERENCES = 64
"""Images in a folder of baselines, held in memory at once."""


def measure_model(job: Job, folder: Path, *, progress: Progress, cache: Cache | None = None) -> Profile:
    """Measure one model version on one regression set; the profile is written to `folder`.

    What `cache`, an entered one, holds of exactly this is read instead of measured; what is measured is put there.
    """
    began = time.perf_counter()
    cache = cache or Cache(None)
    config, data, seed = job.config, job.data, job.seed
    place = pick_device(job.compute.device)
    options = _method_options(config, job.rules)
    precision = pick_dtype(job.compute.dtype, options)
    original = job.model.module
    job = replace(job, model=replace(job.model, module=converted(original, place, precision)))
    before = _digest(job.model, config)
    height, width = data.first().pixels.shape[-2:]
    with (
        deterministic(),
        tempfile.TemporaryDirectory(dir=_made(folder), prefix=".scratch-") as scratch,
        ProfileWriter(folder, count=len(data), height=height, width=width) as writer,
    ):
        environment = {**describe_environment(place, config.path.parent), "dtype": job.compute.dtype}
        job = _with_target_layers(job, place)
        model, make_probe = job.model, _probe_maker(job)
        variants = Variants(
            model.module, make_probe, seed=seed, rebuild=lambda: build_module(config, model.source).to(place, precision)
        )
        with Resources(
            data=data,
            variants=variants,
            maps=KeptMaps(data, seed=seed),
            backgrounds=Backgrounds(data, Path(scratch), seed=seed, size=(height, width)),
            options=options,
            cues=lambda ask: CueSearch(data, ask, task=job.task, seed=seed, folder=folder / "cues", memory=memory),
            looks=lambda ask: Looks(data, ask, task=job.task, seed=seed, memory=memory),
        ) as resources:
            facts = Facts.of(job, options)
            memory = Memory(cache, facts, data, resources)
            predictions = predict(variants.probe, data, writer, progress, memory)
            faults = {
                method: explain_all(resources, method, data, predictions, writer, progress, memory)
                for method in options
            }
            measurements = score(job, resources, predictions, faults, progress, memory)
            forward, backward = variants.passes()
            if precision != torch.float32:
                able = [row for row in range(len(data)) if row not in predictions.reasons]
                rows = data.lowest(able, COMPARED, seed=seed, purpose="precision")
                environment["agreement_with_float32"] = agreement(
                    make_probe, original.to(place), rows, predictions.logits, resources
                )
        _unchanged(model, before, config)
        manifest = {
            "model": _describe_model(model),
            "dataset": {
                "digest": data.digest_of_all(),
                "images": len(data),
                "classes": _class_names(data),
                "height": height,
                "width": width,
                "preprocessing": {
                    **data.preprocessing.describe(),
                    # Two versions are compared only where their pictures were made alike.
                    **({"code": facts.preprocessing["code"]} if data.preprocessing.transform else {}),
                },
            },
            "methods": {name: _plain(chosen) for name, chosen in options.items()},
            "metrics": {check: dict(metric.parameters) for check, metric in facts.metrics.items()},
            "target": config.sections.model.target,
            "task": job.task.name,
            "seed": seed,
            "config_digest": config.digest,
            "selection": job.selection,
            "environment": environment,
            "outputs": predictions.logits.shape[1],
            "warnings": [
                *data.notes,
                *unlike_the_model(model.module, model.source, data.preprocessing),
                *predictions.warnings,
            ],
            "passes": {"forward": forward, "backward": backward},
            "cache": {"read": cache.read, "written": cache.written},
            "seconds": round(time.perf_counter() - began, 3),
        }
        return writer.finish(predictions.images, measurements, manifest, also=write_audit)


def _method_options(config: GateConfig, rules: Sequence[Rule]) -> dict[str, dict[str, Any]]:
    """Options of the methods that some rule asks for; a user's own method is imported here, so that it is found."""
    asked = {name for rule in rules for name in (rule.method or "").split(PAIR)}
    options = {name: dict(chosen) for name, chosen in config.method_options().items() if name in asked}
    for name in options:
        if ":" in name:
            load_function(name, config.path.parent, f"methods.{name}")
    return options


def _with_target_layers(job: Job, place: torch.device) -> Job:
    """The job with the layers that CAM methods look at, searched for where no one names them."""
    asked = {name for rule in job.rules for name in (rule.method or "").split(PAIR)}
    needed = any("layers" in METHODS[name].needs for name in asked if name in METHODS)
    if job.model.target_layers or not needed:
        return job
    try:
        return replace(job, model=replace(job.model, target_layers=_found_layers(job, place)))
    except ModelError:
        _say_unrepeatable(_probe_maker(job)(job.model.module, job.seed), job.data)
        raise


def _found_layers(job: Job, place: torch.device) -> tuple[str, ...]:
    first = job.data.first()
    raised: ModelError | None = None
    for row in range(first.index, min(len(job.data), first.index + _TRIED)):
        sample = job.data.sample(row)
        pixels = sample.pixels[None].to(place)
        try:
            return find_target_layers(
                job.model.module, pixels, torch.tensor([sample.label]), target=job.target, task=job.task
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


def _probe_maker(job: Job) -> Callable[..., Probe]:
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


def _digest(model: ModelUnderTest, config: GateConfig) -> str:
    return digest_of(model.module, model.source, config.sections.model.arguments)


def _unchanged(model: ModelUnderTest, before: str, config: GateConfig) -> None:
    if _digest(model, config) != before:
        raise ModelError(
            f"{model.source}: the model changed its own weights or buffers while it was measured, so the numbers "
            "belong to no version. Look for state that forward updates in eval mode."
        )


def _describe_model(model: ModelUnderTest) -> dict[str, Any]:
    return {
        "source": model.source,
        "checkpoint": model.checkpoint,
        "checkpoint_key": model.checkpoint_key,
        "notes": list(model.notes),
        "digest": model.digest,
        "name": model.name,
        "version": model.version,
        "target_layers": list(model.target_layers),
    }


def _class_names(data: RegressionSet) -> list[str]:
    return [name for name, _ in sorted(data.classes.items(), key=lambda pair: pair[1])]


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "image file" if isinstance(value, Tensor) else value for name, value in options.items()}


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
