"""The reference of a run, made comparable: the same images, preprocessing, method settings and environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from explain_gate.config import GateConfig
from explain_gate.data.regression_set import open_set
from explain_gate.errors import ReferenceError
from explain_gate.measuring.measure import measure_model
from explain_gate.measuring.progress import Progress
from explain_gate.measuring.remembering.store import Cache
from explain_gate.models.registered import REGISTRY
from explain_gate.records import ModelUnderTest, Profile, Rule

_SAME_ENVIRONMENT = ("torch", "device", "dtype")


def prepare_reference(
    found: Profile | Any,
    *,
    candidate: Profile,
    config: GateConfig,
    rules: Sequence[Rule],
    folder: Path,
    remeasure: bool,
    device: str,
    memory_budget: int | None,
    progress: Progress,
    cache: Cache | None = None,
    dtype: str = "float32",
    open_model: Callable[[str | None, str | None, str | None], ModelUnderTest],
    in_parts: Callable[[Cache, ModelUnderTest, Progress], None] | None = None,
) -> Profile:
    """A reference whose every number may be compared with the candidate's.

    Args:
        found: a recorded profile, whose files are known to be those that were measured, or a record with a
            `checkpoint` that is measured now, on this machine.
        candidate: what it is compared with.
        config: the gate.
        rules: what is measured.
        folder: where a reference that is measured now is written.
        remeasure: measure a recorded reference again from its checkpoint where it is not comparable.
        device: as for the candidate.
        memory_budget: as for the candidate.
        progress: told of every stage.
        cache: of what was measured before, not yet entered; None for none.
        dtype: as for the candidate.
        open_model: opens a model by its source, its checkpoint and the key in it, from a registry too.
        in_parts: fills the entered cache with what workers measure of a model.

    Raises:
        ReferenceError: it is not comparable, with every difference, and is not to be or cannot be measured again.
    """

    def measured(source: str | None, checkpoint: str | None, key: str | None = None) -> Profile:
        model = open_model(source, checkpoint, key)
        data = open_set(config)
        with cache or Cache(None) as remembered:
            if in_parts is not None:
                in_parts(remembered, model, progress)
            return measure_model(
                config,
                rules,
                model,
                data,
                folder,
                device=device,
                memory_budget=memory_budget,
                progress=progress,
                cache=remembered,
                dtype=dtype,
            )

    if not isinstance(found, Profile):
        return measured(None, str(found.checkpoint))
    differences = differing(candidate.manifest, found.manifest)
    if found.unverified:
        differences.insert(0, f"its numbers are unverified: {found.unverified}")
    if not differences:
        return found
    told = "; ".join(differences)
    model = found.manifest["model"]
    if not remeasure:
        raise ReferenceError(
            f"the reference {model.get('name')} ({str(model.get('digest'))[:12]}) is not comparable: {told}. "
            "Measure it again in this job with --reference-mismatch remeasure, or give its checkpoint as --reference"
        )
    checkpoint = model.get("checkpoint")
    if checkpoint is not None and not checkpoint.startswith(REGISTRY) and not Path(checkpoint).exists():
        raise ReferenceError(
            f"the reference is not comparable ({told}) and cannot be measured again: its checkpoint {checkpoint} is "
            "not here. Give the checkpoint as --reference"
        )
    # Profiles from before there were keys do not say that there was none: the file's is asked for.
    key = (model["checkpoint_key"] or "") if "checkpoint_key" in model else None
    return measured(model.get("source"), checkpoint, key)


def differing(candidate: Mapping[str, Any], reference: Mapping[str, Any]) -> list[str]:
    """What keeps two profiles' numbers from being compared, from their manifests; empty where nothing does."""
    found = []
    mine, theirs = candidate["dataset"], reference["dataset"]
    if mine.get("preprocessing") != theirs.get("preprocessing"):
        found.append(f"preprocessing was {theirs.get('preprocessing')}, is {mine.get('preprocessing')}")
    elif mine["digest"] != theirs["digest"]:
        found.append(
            f"the regression set was {theirs['images']} images ({theirs['digest'][:12]}), "
            f"is {mine['images']} ({mine['digest'][:12]})"
        )
    found += _differing_settings(candidate, reference)
    if candidate.get("seed") != reference.get("seed"):
        found.append(f"seed was {reference.get('seed')}, is {candidate.get('seed')}")
    for name in _SAME_ENVIRONMENT:
        before, now = reference["environment"].get(name), candidate["environment"].get(name)
        if before != now:
            found.append(f"{name} was {before}, is {now}")
    return found


def _differing_settings(candidate: Mapping[str, Any], reference: Mapping[str, Any]) -> list[str]:
    """Of methods, metrics and what the score is."""
    found = []
    methods = reference["methods"]
    for name, options in candidate["methods"].items():
        if name not in methods:
            found.append(f"method {name} was not measured")
        elif methods[name] != options:
            found.append(f"settings of {name} were {methods[name]}, are {options}")
    # References of earlier versions of this package say neither of the following.
    metrics = reference.get("metrics", {})
    for check, parameters in candidate.get("metrics", {}).items():
        if check in metrics and metrics[check] != parameters:
            found.append(f"parameters of {check} were {metrics[check]}, are {parameters}")
    if "target" in reference and candidate.get("target") != reference["target"]:
        found.append(f"model.target was {reference['target']}, is {candidate.get('target')}")
    return found
