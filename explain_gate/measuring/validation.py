"""Whether `run` could measure: every file's header, and two images through all that a run does, made cheap.

It goes through the functions that a run goes through, so what is refused there is refused here, in the same words.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from explain_gate.attribution.base import Probe
from explain_gate.attribution.hooks import find_layer
from explain_gate.config import GateConfig
from explain_gate.data.images import size_of
from explain_gate.data.regression_set import RegressionSet, raise_faults, require_one_size
from explain_gate.errors import DataError
from explain_gate.measuring.device import pick_device
from explain_gate.measuring.job import Job
from explain_gate.measuring.measure import measure_model
from explain_gate.measuring.progress import Progress
from explain_gate.metrics import PAIR
from explain_gate.records import Profile, Rule

_TRIED = 8
"""Images that are asked for one on which forward works, as a run does."""

_IMAGES = 2
"""Images that go through everything."""

_MOST = {
    "smooth_grad": {"samples": 2},
    "integrated_gradients": {"max_steps": 8},
    "expected_gradients": {"samples": 2},
    "rise": {"masks": 2},
}
"""Options that cost passes, and how many are enough to see that the method works."""

_PARTS = 49
"""Regions of kernel_shap where its options do not say."""

_STAND_IN = {"score_cam": "eigen_cam"}
"""A method that asks once per channel, and one that looks at the same layers and asks once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What was found out. `logits` is how many scores the model gives; `warnings` say what its numbers mean."""

    height: int
    width: int
    logits: int
    target_layers: tuple[str, ...]
    warnings: tuple[str, ...]


def check_pictures(data: RegressionSet, *, thorough: bool) -> None:
    """Look at the header of every picture and draw what is annotated on it; decode one of each class, or all.

    Raises:
        DataError: pictures or annotations that cannot be used, all of them listed, or several sizes.
    """
    faults: list[str] = []
    sizes: dict[tuple[int, int], str] = {}
    decoded: set[str] = set()
    for row, entry in enumerate(data.entries):
        try:
            if thorough or entry.class_name not in decoded:
                pixels = data.sample(row).pixels
                size = (pixels.shape[-2], pixels.shape[-1])
                decoded.add(entry.class_name)
            else:
                size = size_of(entry.path, entry.shapes, entry.size, data.preprocessing)
        except (DataError, OSError) as error:
            faults.append(str(error))
        else:
            sizes.setdefault(size, entry.image)
    raise_faults(faults)
    require_one_size(sizes)


def try_out(job: Job, progress: Progress) -> Trial:
    """Two images through every method, layer search, metric and control of the rules, with few passes each.

    Raises:
        ConfigError, DataError, ModelError, OptionError: what a run would end with.
    """
    _check_stand_ins(job)
    data, config = job.data, job.config
    sections = config.sections.model_copy(update={"methods": _cheap_methods(config, data)})
    cheap = replace(
        job,
        config=replace(config, sections=sections),
        rules=tuple(map(_with_stand_ins, job.rules)),
        data=data.part(_rows(job)),
    )
    with tempfile.TemporaryDirectory(prefix="explain-gate-validate-") as folder:
        return _trial(measure_model(cheap, Path(folder), progress=progress))


def _trial(profile: Profile) -> Trial:
    dataset, manifest = profile.manifest["dataset"], profile.manifest
    return Trial(
        height=dataset["height"],
        width=dataset["width"],
        logits=manifest["outputs"],
        target_layers=tuple(manifest["model"]["target_layers"]),
        warnings=tuple(manifest["warnings"]),
    )


def _rows(job: Job) -> list[int]:
    """Images of different classes that can be predicted; the first ones where a model can predict none of some."""
    place, data = pick_device(job.compute.device), job.data
    first = {entry.class_name: row for row, entry in reversed(list(enumerate(data.entries)))}
    order = list(dict.fromkeys([*sorted(first.values()), *range(len(data))]))[:_TRIED]
    able: list[int] = []
    with Probe(job.model.module.to(place), target=job.target, task=job.task, fold_norms=False) as probe:
        for row in order:
            sample = data.sample(row)
            # What is wrong is said by the run of everything, in its words; here another image is tried.
            with suppress(Exception):
                logits = probe.logits(sample.pixels[None].to(place), job.task.targets([sample.truth]))
                if bool(logits.isfinite().all()):
                    able.append(row)
            if len(able) == _IMAGES:
                break
    return sorted(able) if able else order


def _cheap_methods(config: GateConfig, data: RegressionSet) -> dict[str, dict[str, Any]]:
    """The methods with as few passes as show that they work; an option that cannot be used stays as it is written."""
    sides = data.first().pixels.shape[-2:]
    cheap: dict[str, dict[str, Any]] = {}
    for name, options in config.method_options().items():
        chosen = {**options, **_few_passes(name, options, min(sides))}
        if name not in _STAND_IN:
            cheap[name] = chosen
        else:
            cheap.setdefault(_STAND_IN[name], chosen)
    return cheap


def _few_passes(name: str, options: Mapping[str, Any], side: int) -> dict[str, Any]:
    most = _MOST.get(name, {})
    if name == "kernel_shap" and isinstance(parts := options.get("parts", _PARTS), int):
        most = {"samples": 2 * parts}
    if name == "occlusion" and not {"window", "stride"} & set(options):
        most = {"window": -(-side // 2), "stride": -(-side // 2)}
    elif name == "occlusion" and isinstance(window := options.get("window", side // 7), int):
        stride = options.get("stride", window)
        return {"stride": window} if isinstance(stride, int) and 1 <= stride <= window else {}
    return {option: few for option, few in most.items() if _is_more(options.get(option, few + 1), few)}


def _is_more(value: Any, few: int) -> bool:
    return isinstance(value, int) and value > few


def _check_stand_ins(job: Job) -> None:
    """The layers of methods that are not tried themselves."""
    asked = {name for rule in job.rules for name in (rule.method or "").split(PAIR)}
    for name, options in job.config.method_options().items():
        layer = options.get("layer")
        if name in _STAND_IN and name in asked and layer is not None:
            for one in [layer] if isinstance(layer, str) else layer:
                find_layer(job.model.module, one)


def _with_stand_ins(rule: Rule) -> Rule:
    if rule.method is None:
        return rule
    return replace(rule, method=PAIR.join(_STAND_IN.get(name, name) for name in rule.method.split(PAIR)))
