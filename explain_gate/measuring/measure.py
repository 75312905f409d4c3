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
from typing import Any

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
from explain_gate.models.build import build_module, load_target
from explain_gate.models.digest import digest_of
from explain_gate.own_code import load_function
from explain_gate.profile.audit import write_audit
from explain_gate.profile.profile import ProfileWriter
from explain_gate.records import ModelUnderTest, Profile, Rule

_LOG = logging.getLogger(__name__)
_TRIED = 8
"""Images on which forward may fail before the model is called broken."""
_MOST_REFERENCES = 64
"""Images in a folder of baselines, held in memory at once."""


def measure_model(
    config: GateConfig,
    rules: Sequence[Rule],
    model: ModelUnderTest,
    data: RegressionSet,
    folder: Path,
    *,
    device: str = "auto",
    memory_budget: int | None = None,
    progress: Progress,
    cache: Cache | None = None,
    alone: bool = False,
    dtype: str = "float32",
) -> Profile:
    """Measure a loaded model on an opened regression set; the profile is written to `folder`.

    What `cache`, an entered one, holds of exactly this is read instead of measured; what is measured is put there.
    `alone`: `data` is a worker's part of a larger set; what looks at the whole set is left to its caller.
    """
    began = time.perf_counter()
    cache = cache or Cache(None)
    place = pick_device(device)
    options = _method_options(config, rules)
    precision = pick_dtype(dtype, options)
    module = converted(model.module, place, precision)
    original, model = model.module, replace(model, module=module)
    before = _digest(model, config)
    seed = config.sections.seed
    height, width = data.first().pixels.shape[-2:]
    with (
        deterministic(),
        tempfile.TemporaryDirectory(dir=_made(folder), prefix=".scratch-") as scratch,
        ProfileWriter(folder, count=len(data), height=height, width=width) as writer,
    ):
        environment = {**describe_environment(place, config.path.parent), "dtype": dtype}
        target = load_target(config)
        try:
            model = _with_target_layers(model, data, rules, place, target)
        except ModelError:
            _say_unrepeatable(_probe_maker(config, model, data, memory_budget, target)(module, seed), data)
            raise
        make_probe = _probe_maker(config, model, data, memory_budget, target)
        variants = Variants(
            module, make_probe, seed=seed, rebuild=lambda: build_module(config, model.source).to(place, precision)
        )
        with Resources(
            data=data,
            variants=variants,
            maps=KeptMaps(data, seed=seed),
            backgrounds=Backgrounds(data, Path(scratch), seed=seed, size=(height, width)),
            options=options,
            cues=lambda ask: CueSearch(data, ask, seed=seed, folder=folder / "cues", memory=memory),
            looks=lambda ask: Looks(data, ask, seed=seed, memory=memory),
        ) as resources:
            facts = Facts.of(config, rules, model, data, options, device=place.type, dtype=dtype)
            memory = Memory(cache, facts, data, resources=resources, alone=alone)
            predictions = predict(variants.probe, data, writer, progress, memory)
            faults = {
                method: explain_all(resources, method, data, predictions, writer, progress, memory)
                for method in options
            }
            measurements = score(config, rules, resources, data, predictions, faults, progress, memory)
            forward, backward = variants.passes()
            if precision != torch.float32:
                able = [row for row in range(len(data)) if row not in predictions.reasons]
                rows = data.lowest(able, COMPARED, seed=seed, purpose="precision")
                environment["agreement_with_float32"] = agreement(
                    make_probe,
                    original.to(place),
                    data,
                    rows,
                    predictions.logits,
                    resources.maps.maps,
                    resources.maps.usable,
                    options,
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
                "preprocessing": data.preprocessing.describe(),
            },
            "methods": {name: _plain(chosen) for name, chosen in options.items()},
            "metrics": {check: dict(metric.parameters) for check, metric in facts.metrics.items()},
            "target": config.sections.model.target,
            "seed": seed,
            "config_digest": config.digest,
            "environment": environment,
            "outputs": predictions.logits.shape[1],
            "warnings": [
                *data.notes,
                *unlike_the_model(model.module, model.source, data.preprocessing),
                *predictions.warnings,
            ],
            "passes": {"forward": forward, "backward": backward},
            "cache": {"read": cache.found, "written": cache.kept},
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


def _with_target_layers(
    model: ModelUnderTest,
    data: RegressionSet,
    rules: Sequence[Rule],
    place: torch.device,
    target: Callable[..., Any] | None,
) -> ModelUnderTest:
    asked = {name for rule in rules for name in (rule.method or "").split(PAIR)}
    needed = any("layers" in METHODS[name].needs for name in asked if name in METHODS)
    if model.target_layers or not needed:
        return model
    first = data.first()
    raised: ModelError | None = None
    for row in range(first.index, min(len(data), first.index + _TRIED)):
        sample = data.sample(row)
        pixels = sample.pixels[None].to(place)
        try:
            label = torch.tensor([sample.label])
            return replace(model, target_layers=find_target_layers(model.module, pixels, label, target=target))
        except ExplainGateError:
            raise
        except Exception as error:  # noqa: BLE001 - the user's forward may raise anything, on one image of many
            raised = raised or forward_raised(model.module, pixels, error)
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


def _probe_maker(
    config: GateConfig,
    model: ModelUnderTest,
    data: RegressionSet,
    memory_budget: int | None,
    target: Callable[..., Any] | None,
) -> Callable[..., Probe]:
    """Probes for the model and for its re-initialised twins, all alike."""

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
            target=target,
            target_layers=model.target_layers,
            memory_budget=memory_budget,
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
