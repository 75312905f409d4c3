"""The reference of a run, made comparable: the same images, preprocessing, method settings and environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from explain_gate.errors import ReferenceError
from explain_gate.measuring.job import Job
from explain_gate.models.registered import REGISTRY
from explain_gate.records import Profile
from explain_gate.tasks import DEFAULT

_SAME_ENVIRONMENT = ("torch", "device", "dtype")


def prepare_reference(
    recorded: Profile | Any,
    *,
    candidate: Profile,
    job: Callable[[], Job],
    remeasure: bool,
    measured: Callable[[Job], Profile],
) -> Profile:
    """A reference whose every number may be compared with the candidate's.

    Args:
        recorded: a profile, whose files are known to be those that were measured, or a record with a
            `checkpoint` that is measured now, on this machine.
        candidate: what it is compared with.
        job: opens the candidate's.
        remeasure: measure a recorded reference again from its checkpoint where it is not comparable.
        measured: measures the same job of another version.

    Raises:
        ReferenceError: it is not comparable, with every difference, and is not to be or cannot be measured again.
        ModelError: the version that is to be measured cannot be opened.
    """
    if not isinstance(recorded, Profile):
        return measured(job().of_version(None, str(recorded.checkpoint)))
    differences = differing(candidate.manifest, recorded.manifest)
    if recorded.unverified:
        differences.insert(0, f"its numbers are unverified: {recorded.unverified}")
    if not differences:
        return recorded
    told = "; ".join(differences)
    model = recorded.manifest["model"]
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
    # An empty text: it had none, whatever thresholds.yaml names for the candidate.
    return measured(job().of_version(model.get("source"), checkpoint or "", key))


def differing(candidate: Mapping[str, Any], reference: Mapping[str, Any]) -> list[str]:
    """What keeps two profiles' numbers from being compared, from their manifests; empty where nothing does."""
    differences = []
    mine, theirs = candidate["dataset"], reference["dataset"]
    if mine.get("preprocessing") != theirs.get("preprocessing"):
        differences.append(f"preprocessing was {theirs.get('preprocessing')}, is {mine.get('preprocessing')}")
    elif mine["digest"] != theirs["digest"]:
        differences.append(
            f"the regression set was {theirs['images']} images ({theirs['digest'][:12]}), "
            f"is {mine['images']} ({mine['digest'][:12]})"
        )
    differences += _differing_settings(candidate, reference)
    if candidate.get("seed") != reference.get("seed"):
        differences.append(f"seed was {reference.get('seed')}, is {candidate.get('seed')}")
    for name in _SAME_ENVIRONMENT:
        before, now = reference["environment"].get(name), candidate["environment"].get(name)
        if before != now:
            differences.append(f"{name} was {before}, is {now}")
    return differences


def _differing_settings(candidate: Mapping[str, Any], reference: Mapping[str, Any]) -> list[str]:
    """Of methods, metrics and what the score is."""
    differences = []
    methods = reference["methods"]
    for name, options in candidate["methods"].items():
        if name not in methods:
            differences.append(f"method {name} was not measured")
        elif methods[name] != options:
            differences.append(f"settings of {name} were {methods[name]}, are {options}")
    # References of earlier versions of this package say neither of the following.
    metrics = reference.get("metrics", {})
    for check, parameters in candidate.get("metrics", {}).items():
        if check in metrics and metrics[check] != parameters:
            differences.append(f"parameters of {check} were {metrics[check]}, are {parameters}")
    if (before := reference.get("task", DEFAULT)) != (now := candidate.get("task", DEFAULT)):
        differences.append(f"model.task was {before}, is {now}")
    if "target" in reference and candidate.get("target") != reference["target"]:
        differences.append(f"model.target was {reference['target']}, is {candidate.get('target')}")
    return differences
