"""REF -> the run that was recorded of it, and the registered version that it judged. Loads no model."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explain_gate.errors import ReferenceError
from explain_gate.profile.profile import profile_digest
from explain_gate.tracking.alias import JUDGED_AT
from explain_gate.tracking.downloads import run_artifact
from explain_gate.tracking.references import REGISTRY_URI, find_version
from explain_gate.tracking.registry import MODEL_DIGEST, RUN_ID, numbers_of, quoted
from explain_gate.tracking.store import Store
from explain_gate.tracking.submission import PROFILE_DIGEST, WEIGHTS

if TYPE_CHECKING:
    from mlflow.entities import Run

_REGISTERED = "explain_gate.registered_model"
_VERSION = "explain_gate.model_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedVersion:
    """What the store knows of a REF.

    `run` is the gate run that REF names, or the last one of the registered version; None for a version that was never
    gated. `name` and `number` are the registered version, both None where the model is not registered. `tags` are the
    version's. `weights` is the file that REF names, where it is one.
    """

    run: Run | None
    name: str | None
    number: str | None
    tags: Mapping[str, str]
    weights: Path | None = None

    @property
    def named(self) -> str:
        """As a sentence calls it: `version 3 of pets`, or the run of a model that is not registered."""
        if self.number is not None:
            return f"version {self.number} of {self.name}"
        return f"run {self.run.info.run_id}" if self.run is not None else "nothing"

    @property
    def digest(self) -> str:
        """Of the model; empty where nobody wrote it down."""
        tag = self.run.data.tags.get("explain_gate.model_digest", "") if self.run is not None else ""
        return tag or self.tags.get(MODEL_DIGEST, "")


def recorded_version(store: Store, ref: str, *, model: str | None) -> RecordedVersion:
    """What is recorded of REF.

    Args:
        store: where; its settings name the experiment that is searched.
        ref: a run's output or profile folder, `run:ID`, `models:/NAME@ALIAS`, `models:/NAME/VERSION` or a checkpoint
            file, as a person wrote it.
        model: the registered model in which the version of a run, a folder or a file is looked for; None: the one that
            the run names itself.

    Raises:
        ReferenceError: nothing of it is recorded; the message says how to record it.
        TrackingError: the store is away or refuses.
    """
    if ref.startswith("models:/"):
        return _of_registry(store, ref)
    path, weights = Path(ref), None
    if ref.startswith("run:"):
        run = _by_id(store, ref)
    elif path.is_dir():
        digest = profile_digest(path)
        if digest is None:
            raise ReferenceError(f"{ref}: must be a run's output folder or its profile, but there is no profile in it")
        run = _by_tag(store, PROFILE_DIGEST, digest, ref)
    elif path.is_file():
        weights = path.absolute()
        with path.open("rb") as stream:
            run = _by_tag(store, WEIGHTS, hashlib.file_digest(stream, "sha256").hexdigest(), ref)
    else:
        raise ReferenceError(
            f"{ref}: must be a run's folder, run:ID, models:/NAME@ALIAS, models:/NAME/VERSION or a checkpoint file; "
            "there is no such folder or file"
        )
    return _of_run(store, run, model, weights)


def last_run(store: Store, version: RecordedVersion) -> Run | None:
    """The last gate run of the same weights, which may be a later one than REF names.

    Raises:
        TrackingError: the store is away.
    """
    return _last(store, "explain_gate.model_digest", version.digest) if version.digest else version.run


def verdict_of(store: Store, run: Run) -> dict[str, Any]:
    """The run's verdict.json as it was recorded; empty where it has none.

    Raises:
        ReferenceError: it is damaged.
        TrackingError: the store is away.
    """
    path = run_artifact(store, run, "verdict.json")
    if path is None:
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReferenceError(f"run {run.info.run_id}: damaged verdict.json: {error}") from error
    return document if isinstance(document, dict) else {}


def _of_registry(store: Store, ref: str) -> RecordedVersion:
    if REGISTRY_URI.fullmatch(ref) is None:
        raise ReferenceError(f"{ref}: must be models:/NAME@ALIAS or models:/NAME/VERSION")
    version = find_version(store, ref)
    if version is None:
        raise ReferenceError(f"{ref}: is not in the registry at {store.settings.shown_uri}")
    run_id = version.tags.get(RUN_ID)
    run = store.find(store.client.get_run, run_id) if run_id else None
    return RecordedVersion(run=run, name=str(version.name), number=str(version.version), tags=dict(version.tags))


def _of_run(store: Store, run: Run, model: str | None, weights: Path | None) -> RecordedVersion:
    tags = run.data.tags
    name = model or tags.get(_REGISTERED) or None
    number = tags.get(_VERSION) if tags.get(_REGISTERED) == name else _named_as_checkpoint(run, name)
    digest = tags.get("explain_gate.model_digest")
    if name is not None and number is None and digest:
        number = next((str(one) for one in numbers_of(store, name, digest)), None)
    version = store.find(store.client.get_model_version, name, number) if name and number else None
    if version is None:
        return RecordedVersion(run=run, name=name, number=None, tags={}, weights=weights)
    return RecordedVersion(run=run, name=name, number=number, tags=dict(version.tags), weights=weights)


def _named_as_checkpoint(run: Run, name: str | None) -> str | None:
    """The version of a run whose weights came from the registry and whose code did not."""
    parts = REGISTRY_URI.fullmatch(run.data.params.get("model.checkpoint", ""))
    return run.data.params.get("model.version") if parts is not None and parts["name"] == name else None


def _by_id(store: Store, ref: str) -> Run:
    if re.fullmatch(r"run:[\w-]+", ref) is None:
        raise ReferenceError(f"{ref}: must be run:ID with the id of an MLflow run")
    run = store.find(store.client.get_run, ref.removeprefix("run:"))
    if run is None or run.info.lifecycle_stage == "deleted":
        raise ReferenceError(f"{ref}: is not recorded at {store.settings.shown_uri}")
    return run


def _by_tag(store: Store, tag: str, value: str, ref: str) -> Run:
    settings = store.settings
    run = _last(store, tag, value)
    if run is None:
        raise ReferenceError(
            f"{ref}: no gate run of it is recorded in experiment {settings.experiment} at {settings.shown_uri}. Send "
            f"what waits by: explain-gate publish {settings.outbox}; or gate it by: explain-gate run"
        )
    return run


def _last(store: Store, tag: str, value: str) -> Run | None:
    """The run with this tag that was judged last in the experiment."""
    experiment = store.call(store.client.get_experiment_by_name, store.settings.experiment)
    filter_string = f"tags.`{tag}` = {quoted(value)}"
    runs = store.call(store.client.search_runs, [experiment.experiment_id], filter_string) if experiment else []
    return max(runs, key=lambda run: (int(run.data.tags.get(JUDGED_AT, "0")), run.info.run_id), default=None)
