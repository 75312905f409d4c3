"""What a version is compared with: REF -> the profile of a recorded run, or a checkpoint to measure in the same job."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from explain_gate.errors import ReferenceError, TrackingError
from explain_gate.profile.profile import UNVERIFIED, load_profile, profile_digest, verify
from explain_gate.records import Profile
from explain_gate.tracking.downloads import run_artifact
from explain_gate.tracking.registry import RUN_ID
from explain_gate.tracking.settings import TrackingSettings
from explain_gate.tracking.store import Store, connect
from explain_gate.tracking.submission import PROFILE_DIGEST

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

REGISTRY_URI = re.compile(r"models:/(?P<name>[^/@]+)(?:/(?P<version>\d+)|@(?P<alias>[\w-]+))")

_GATE = "explain-gate run --config thresholds.yaml"
_BOOTSTRAP = f"start without one by: {_GATE} --bootstrap"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointReference:
    """A reference that has no profile yet: measure this file in the same job, on the same machine."""

    checkpoint: Path


def resolve(ref: str, settings: TrackingSettings) -> Profile | CheckpointReference:
    """The profile behind REF, every file compared with its digest; a checkpoint file comes back as CheckpointReference.

    REF is an output or profile folder, `run:ID`, `models:/NAME@ALIAS`, `models:/NAME/VERSION` or a checkpoint file.
    Of a recorded run the manifest itself is compared with the digest that stands in the run.

    Raises:
        ReferenceError: it is missing, incomplete, changed since it was measured, or unreachable; the message ends with
            the command that creates one.
    """
    if ref.startswith("run:"):
        if re.fullmatch(r"run:[\w-]+", ref) is None:
            raise ReferenceError(f"reference must be run:ID with the id of an MLflow run, got {ref}; {_BOOTSTRAP}")
        return _from_store(ref, settings)
    if ref.startswith("models:/"):
        if REGISTRY_URI.fullmatch(ref) is None:
            raise ReferenceError(
                f"reference must be models:/NAME@ALIAS or models:/NAME/VERSION, got {ref}; {_BOOTSTRAP}"
            )
        return _from_store(ref, settings)
    path = Path(ref)
    if path.is_file():
        return CheckpointReference(checkpoint=path)
    if path.is_dir():
        return _load(path, f"{_GATE} --bootstrap --output {ref}")
    raise ReferenceError(
        f"reference {ref}: there is no such folder or checkpoint (nor is it run:ID or models:/NAME@ALIAS). "
        f"Create it by: {_GATE} --bootstrap --output {ref}"
    )


def find_version(store: Store, uri: str) -> ModelVersion | None:
    """The registered version behind `models:/NAME@ALIAS` or `models:/NAME/VERSION`; None where there is none."""
    parts = REGISTRY_URI.fullmatch(uri)
    if parts is None:
        return None
    if parts["alias"]:
        return store.find(store.client.get_model_version_by_alias, parts["name"], parts["alias"])
    return store.find(store.client.get_model_version, parts["name"], parts["version"])


def _from_store(ref: str, settings: TrackingSettings) -> Profile:
    try:
        with connect(settings) as store:
            run = _run_of(ref, store)
            folder = run_artifact(store, run, "profile")
    except TrackingError as error:
        raise ReferenceError(
            f"reference {ref} cannot be reached: {error}. "
            f"Measure one in this job instead: {_GATE} --reference CHECKPOINT"
        ) from error
    if folder is None:
        raise ReferenceError(f"reference {ref}: run {run.info.run_id} holds no profile; {_BOOTSTRAP}")
    command = f"{_GATE} --bootstrap"
    recorded, now = run.data.tags.get(PROFILE_DIGEST), profile_digest(folder)
    if recorded and recorded != now:
        raise ReferenceError(
            f"reference {ref}: {folder} is not the profile of run {run.info.run_id}: its manifest's digest must be "
            f"{recorded[:12]}..., is {str(now)[:12]}.... Create it by: {command}"
        )
    profile = _load(folder, command)
    return profile if recorded else replace(profile, unverified=profile.unverified or UNVERIFIED)


def _run_of(ref: str, store: Store) -> Run:
    run_id, remedy = ref.removeprefix("run:"), _BOOTSTRAP
    if ref.startswith("models:/"):
        version = find_version(store, ref)
        if version is None:
            raise ReferenceError(f"reference {ref} is not in the registry at {store.settings.shown_uri}; {_BOOTSTRAP}")
        remedy = f"gate it by: {_GATE} --model models:/{version.name}/{version.version} --bootstrap"
        run_id = version.tags.get(RUN_ID, "")
        if not run_id:
            raise ReferenceError(f"reference {ref}: version {version.version} was never gated; {remedy}")
    run = store.find(store.client.get_run, run_id)
    if run is None or run.info.lifecycle_stage == "deleted":
        raise ReferenceError(f"reference {ref}: run {run_id} is not at {store.settings.shown_uri}; {remedy}")
    if run.info.status == "RUNNING":
        raise ReferenceError(
            f"reference {ref}: run {run_id} is not recorded whole yet; complete it by: explain-gate publish OUTBOX"
        )
    return run


def _load(folder: Path, command: str) -> Profile:
    try:
        profile = load_profile(folder)
        verify(profile)
    except ReferenceError as error:
        raise ReferenceError(f"{error}. Create it by: {command}") from error
    selection = profile.manifest.get("selection", "full")
    if selection != "full":
        raise ReferenceError(f"{folder}: only a part of the gate was run here (--{selection}). Create it by: {command}")
    return profile
