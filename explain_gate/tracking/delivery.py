"""One submission into the store, exactly once: every step can be repeated, the mark that it is done comes last."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explain_gate.profile.sums import SUMS
from explain_gate.redact import redact
from explain_gate.tracking.alias import Move, write_move
from explain_gate.tracking.registry import MODEL_DIGEST, RUN_ID, model_id_of, quoted, settle
from explain_gate.tracking.settings import TrackingSettings
from explain_gate.tracking.store import Store
from explain_gate.tracking.submission import Submission

if TYPE_CHECKING:
    from mlflow.entities import Run

DELIVERED = "explain_gate.delivered"
REPORT = "explain_gate.report"
RUN_KEY = "explain_gate.run_key"
UPLOADED = "explain_gate.uploaded"
"""Tag of a run: how many files were sent with it, and how large they are together."""
PAGE = "report.html"
"""The report as one file, which the store's own viewer shows whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """Where a submission went. `move` is the alias's, `kept` says why it stayed."""

    run_id: str
    link: str
    move: Move | None = None
    kept: str | None = None


def send(store: Store, submission: Submission, folder: Path, weights: Path | None) -> Delivered:
    """Bring the store to hold this run whole, whatever an earlier attempt left there.

    Order: run, model, numbers, files, status, version tags, alias, its line in verdict.json, mark. An interruption
    before the mark is completed by the next call; after it, the next call changes nothing.

    Raises:
        TrackingError: the store is away or refuses.
    """
    experiment_id = experiment_of(store, submission.experiment)
    run = _run(store, experiment_id, submission)
    run_id = str(run.info.run_id)
    link = run_link(store.settings, run)
    if DELIVERED in run.data.tags:
        return Delivered(run_id=run_id, link=link, kept="it was recorded before")
    model_id = _model(store, experiment_id, run_id, submission)
    _numbers(store, run_id, model_id, submission, {REPORT: link, UPLOADED: _size_told(folder)})
    store.transfer(store.client.log_artifacts, run_id, str(folder))
    status = "FAILED" if submission.exit_code not in {0, 1} else "FINISHED"
    store.call(store.client.set_terminated, run_id, status, submission.ended)
    evidence = {REPORT: link, **submission.version_tags, RUN_ID: run_id}
    page = f"{link}/artifacts/{PAGE}" if store.settings.remote and (folder / PAGE).is_file() else link
    promotion = settle(store, model_id, submission, evidence, weights, page=page)
    if promotion.move is not None:
        _tell(store, run_id, folder, promotion.move)
    store.call(store.client.set_tag, run_id, DELIVERED, "true")
    return Delivered(run_id=run_id, link=link, move=promotion.move, kept=promotion.kept)


def run_link(settings: TrackingSettings, run: Run) -> str:
    """Where a person looks at a run: its page on the server, or the report file where there is no server."""
    if settings.remote:
        return f"{redact(settings.bare_uri).rstrip('/')}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    return f"{run.info.artifact_uri}/index.html"


def _size_told(folder: Path) -> str:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return f"{len(sizes):,} files, {sum(sizes) / 1e6:,.1f} MB"


def _tell(store: Store, run_id: str, folder: Path, move: Move) -> None:
    """The move in the run's own verdict.json, which was sent before the alias could move."""
    path = write_move(folder, move)
    if path is not None:
        for file in (path, path.with_name(SUMS)):
            if file.is_file():
                store.transfer(store.client.log_artifact, run_id, str(file))


def experiment_of(store: Store, name: str) -> str:
    """The id of an experiment, made where it is missing."""
    client = store.client
    experiment = store.call(client.get_experiment_by_name, name)
    if experiment is None:
        location = _artifacts_beside(store.settings.uri, name)
        created = store.create(client.create_experiment, name, artifact_location=location)
        experiment = None if created else store.call(client.get_experiment_by_name, name)
        return str(created or (experiment and experiment.experiment_id))
    return str(experiment.experiment_id)


def _artifacts_beside(uri: str, name: str) -> str | None:
    """For a SQLite file a folder beside it; MLflow would take the current directory of whoever runs first."""
    path = uri.removeprefix("sqlite:///")
    if path == uri or not path or path == ":memory:":
        return None
    folder = re.sub(r"[^\w\-.]+", "_", name).strip(".") or "experiment"
    return (Path(path).absolute().parent / "mlartifacts" / folder).as_uri()


def _run(store: Store, experiment_id: str, submission: Submission) -> Run:
    """The run with this key. Where a lost answer led to two, the one that got further stays."""

    def runs_with_key() -> list[Run]:
        filter_string = f"tags.`{RUN_KEY}` = {quoted(submission.key)}"
        runs = store.call(store.client.search_runs, [experiment_id], filter_string)
        return sorted(runs, key=lambda run: (DELIVERED not in run.data.tags, run.info.run_id))

    runs = runs_with_key()
    if not runs:
        store.call(
            store.client.create_run,
            experiment_id,
            start_time=submission.started,
            tags=dict(submission.tags),
            run_name=submission.name,
        )
        # The answer of a retried request tells one run where there may be two.
        runs = runs_with_key()
    for twin in runs[1:]:
        store.call(store.client.delete_run, twin.info.run_id)
    return runs[0]


def _model(store: Store, experiment_id: str, run_id: str, submission: Submission) -> str | None:
    """The LoggedModel of this digest, or the one behind the registered version; None for a version without one."""
    client = store.client
    if submission.registered is not None:
        version = store.find(client.get_model_version, *submission.registered)
        return model_id_of(version) if version is not None else None

    def known() -> list[Any]:
        filter_string = f"tags.`{MODEL_DIGEST}` = {quoted(submission.model_digest)}"
        models = store.call(client.search_logged_models, [experiment_id], filter_string)
        return sorted(models, key=lambda model: (model.creation_timestamp, model.model_id))

    models = known()
    if not models:
        store.call(
            client.create_logged_model,
            experiment_id,
            name=re.sub(r"[/:.%\"']+", "-", submission.model_name),
            source_run_id=run_id,
            tags={MODEL_DIGEST: submission.model_digest},
            params={"source": submission.model_source},
        )
        models = known()
    model = models[0]
    if str(model.status) != "READY":
        store.call(client.finalize_logged_model, model.model_id, "READY")
    return str(model.model_id)


def _numbers(store: Store, run_id: str, model_id: str | None, submission: Submission, own: Mapping[str, str]) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelInput, Metric, Param, RunTag

    name, digest = submission.dataset_name, submission.dataset_digest
    counted = {key: submission.parameters.get(f"dataset.{key}") for key in ("images", "classes")}
    dataset = Dataset(
        name=name,
        digest=digest,
        source_type="explain-gate",
        source=json.dumps({"digest": digest}),
        profile=json.dumps({key: text for key, text in counted.items() if text}),
    )
    inputs = [DatasetInput(dataset, [InputTag("mlflow.data.context", "regression set")])]
    models = [LoggedModelInput(model_id)] if model_id else []
    store.call(store.client.log_inputs, run_id, inputs, models)
    metrics = [
        Metric(key, value, submission.ended, 0, model_id=model_id, dataset_name=name, dataset_digest=digest)
        for key, value in submission.metrics.items()
    ]
    parameters = [Param(key, value) for key, value in submission.parameters.items()]
    tags = [RunTag(key, value) for key, value in (dict(own) | dict(submission.tags)).items()]
    store.call(store.client.log_batch, run_id, metrics, parameters, tags, synchronous=True)
