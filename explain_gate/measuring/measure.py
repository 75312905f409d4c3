"""The measuring stage: images x methods x metrics -> profile. The only place where the model is asked.

1. predict    every image once: logits, pictures and regions for the report; faulty files are found here
2. explain    every method once per image; maps go to disk, scaled to 1 and rounded to half precision
3. score      every metric of the rules on the maps as they are kept, and the controls
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from explain_gate.attribution.base import Probe
from explain_gate.config import GateConfig
from explain_gate.data.oddities import unlike_the_model
from explain_gate.data.regression_set import RegressionSet, digest_of_set
from explain_gate.errors import ModelError
from explain_gate.measuring.asking.backgrounds import Backgrounds
from explain_gate.measuring.asking.cues import CueSearch
from explain_gate.measuring.asking.looks import Looks
from explain_gate.measuring.asking.maps import KeptMaps
from explain_gate.measuring.asking.panels import Panels
from explain_gate.measuring.asking.resources import Resources
from explain_gate.measuring.asking.variants import Variants
from explain_gate.measuring.coarse import too_coarse
from explain_gate.measuring.confounds import find_confounds, told_confounds
from explain_gate.measuring.device import deterministic, pick_device
from explain_gate.measuring.environment import describe_environment
from explain_gate.measuring.explain import explain_all
from explain_gate.measuring.precision import COMPARED, agreement, converted, pick_dtype
from explain_gate.measuring.predict import Predictions, predict
from explain_gate.measuring.probes import probe_maker, with_target_layers
from explain_gate.measuring.progress import Progress
from explain_gate.measuring.remembering.keys import Facts
from explain_gate.measuring.remembering.recall import Memory
from explain_gate.measuring.remembering.store import Cache
from explain_gate.measuring.remembering.whole import keep_whole
from explain_gate.measuring.rows import rows_asked
from explain_gate.measuring.score import score
from explain_gate.measuring.searches import look_up
from explain_gate.measuring.strengths import keep_strengths
from explain_gate.metrics import PAIR
from explain_gate.models.build import build_module
from explain_gate.models.digest import digest_of
from explain_gate.own_code import load_function
from explain_gate.plan import demands_of
from explain_gate.profile.audit import write_audit
from explain_gate.profile.writer import ProfileWriter
from explain_gate.records import ModelUnderTest, Profile, Rule

if TYPE_CHECKING:
    from explain_gate.measuring.job import Job


def measure_model(
    job: Job, folder: Path, *, progress: Progress, cache: Cache | None = None, whole: str | None = None
) -> Profile:
    """Measure one model version on one regression set; the profile is written to `folder`.

    What `cache`, an entered one, holds of exactly this is read instead of measured; what is measured is put there, and
    the profile under the key `whole` where there is one.
    """
    began = time.perf_counter()
    cache = cache or Cache(None)
    config, data = job.config, job.data
    place = pick_device(job.compute.device)
    # A worker that has a turn scores what needs no map of a method.
    options = _method_options(config, job.rules) if job.turn is None else {}
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
        job = with_target_layers(job, place)
        make_probe = probe_maker(job)
        variants = _variants(job, make_probe, place, precision)
        facts = Facts.of(job, options)
        with _opened(job, facts, variants, options, cache, Path(scratch)) as (resources, memory):
            predictions = predict(variants.probe, data, writer, progress, memory)
            keep_strengths(job.task, predictions.logits, sorted(data.classes.values()), writer)
            confounds = () if job.is_share else find_confounds(data, seed=job.seed, memory=memory.searched)
            for search in () if job.turn is None else job.turn.searches:
                look_up(search, resources, memory, seed=job.seed)
            faults = {
                method: explain_all(
                    resources, method, data, predictions, writer, progress, memory, rows_asked(job, method)
                )
                for method in options
            }
            measurements = score(job, resources, predictions, faults, progress, memory, folder)
            forward, backward = variants.passes()
            if precision != torch.float32 and not job.is_share:
                rows = data.lowest(predictions.able, COMPARED, seed=job.seed, purpose="precision")
                environment["agreement_with_float32"] = agreement(
                    make_probe, original.to(place), rows, predictions.logits, resources
                )
        _unchanged(job.model, before, config)
        described = _describe(job, options, facts, predictions)
        described["confounds"] = [asdict(one) for one in confounds]
        described["warnings"] += told_confounds(confounds)
        described["warnings"] += too_coarse(job.rules, resources.maps.details, predictions.images)
        manifest = {
            **described,
            "environment": environment,
            "passes": {"forward": forward, "backward": backward},
            "cache": {"read": cache.read, "written": cache.written},
            "seconds": round(time.perf_counter() - began, 3),
        }
        profile = writer.finish(predictions.images, measurements, manifest, also=write_audit)
    if whole is not None:
        keep_whole(whole, profile, memory)
    return profile


def _variants(job: Job, make_probe: Callable[..., Probe], place: torch.device, precision: torch.dtype) -> Variants:
    """The model and what metrics ask of its twins, which are built anew where the model cannot be copied."""
    return Variants(
        job.model.module,
        make_probe,
        seed=job.seed,
        rebuild=lambda: build_module(job.config, job.model.source).to(place, precision),
    )


@contextlib.contextmanager
def _opened(
    job: Job,
    facts: Facts,
    variants: Variants,
    options: Mapping[str, Mapping[str, Any]],
    cache: Cache,
    scratch: Path,
) -> Iterator[tuple[Resources, Memory]]:
    """All that metrics may ask of the model and the set, and what is remembered of their answers.

    `scratch` lies inside the profile's folder, to which pictures of cues go.
    """
    data, seed, task = job.data, job.seed, job.task
    height, width = data.first().pixels.shape[-2:]
    maps = KeptMaps(data, seed=seed)
    with Resources(
        data=data,
        variants=variants,
        maps=maps,
        panels=Panels(data, maps, seed=seed),
        backgrounds=Backgrounds(data, scratch, seed=seed, size=(height, width)),
        options=options,
        cues=lambda ask: CueSearch(
            data, ask, task=task, seed=seed, folder=scratch.parent / "cues", memory=memory.searched
        ),
        looks=lambda ask: Looks(data, ask, task=task, seed=seed, memory=memory.searched),
    ) as resources:
        memory = Memory(cache, facts, data, resources)
        yield resources, memory


def _describe(
    job: Job, options: Mapping[str, Mapping[str, Any]], facts: Facts, predictions: Predictions
) -> dict[str, Any]:
    """What was measured on what, and how: the manifest without what the run itself cost."""
    data, model = job.data, job.model
    height, width = data.first().pixels.shape[-2:]
    return {
        "model": _describe_model(model),
        "dataset": {
            "digest": digest_of_set(data),
            "images": len(data),
            "classes": _class_names(data),
            "bare": list(data.bare),
            "height": height,
            "width": width,
            "licence": job.config.sections.data.licence,
            "preprocessing": {
                **data.preprocessing.describe(),
                # Two versions are compared only where their pictures were made alike.
                **({"code": facts.preprocessing["code"]} if data.preprocessing.transform else {}),
            },
        },
        "methods": {name: _plain(chosen) for name, chosen in options.items()},
        "metrics": {check: dict(metric.parameters) for check, metric in facts.metrics.items()},
        "target": job.config.sections.model.target,
        "task": job.task.name,
        "task_parameters": job.config.sections.model.task.parameters,
        "seed": job.seed,
        "config_digest": job.config.digest,
        "selection": job.selection,
        "demands": demands_of(job.config, job.rules),
        "outputs": predictions.logits.shape[1],
        "warnings": [
            *data.notes,
            *unlike_the_model(model.module, model.source, data.preprocessing),
            *predictions.warnings,
        ],
    }


def _method_options(config: GateConfig, rules: Sequence[Rule]) -> dict[str, dict[str, Any]]:
    """Options of the methods that some rule asks for; a user's own method is imported here, so that it is found."""
    asked = {name for rule in rules for name in (rule.method or "").split(PAIR)}
    options = {name: dict(chosen) for name, chosen in config.method_options().items() if name in asked}
    for name in options:
        if ":" in name:
            load_function(name, config.path.parent, f"methods.{name}")
    return options


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
        "weights_sha256": model.weights_sha256,
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
