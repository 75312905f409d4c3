"""Every recorded gate run of a model, oldest first; what trend charts and audits are made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from explain_gate.errors import ReferenceError, TrackingError
from explain_gate.tracking.alias import JUDGED_AT
from explain_gate.tracking.delivery import run_link
from explain_gate.tracking.downloads import run_artifact
from explain_gate.tracking.registry import quoted
from explain_gate.tracking.settings import TrackingSettings
from explain_gate.tracking.store import Store, connect

if TYPE_CHECKING:
    from mlflow.entities import Run

_DOWNLOADS_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordedRun:
    """One gate run as it was recorded.

    `findings` are those of its verdict.json (value, interval, bound, status ...); empty where the run has none.
    `version` is the registered version it judged or made; `aliases` are those that version holds today.
    `link` leads to the run in MLflow, `report` to where its report was said to be.
    """

    run_id: str
    time: datetime
    verdict: str
    exit_code: int
    model_name: str
    version: str | None
    aliases: tuple[str, ...]
    model_digest: str
    dataset_digest: str
    config_digest: str
    git_commit: str | None
    link: str
    report: str | None
    parameters: Mapping[str, str]
    findings: tuple[Mapping[str, Any], ...]


def history(model: str, settings: TrackingSettings) -> list[RecordedRun]:
    """The recorded gate runs of a model in `settings.experiment`, by its own name or its name in the registry.

    Raises:
        ReferenceError: none is recorded; the message ends with the command that records one.
        TrackingError: the store is away.
    """
    with connect(settings) as store:
        experiment = store.call(store.client.get_experiment_by_name, settings.experiment)
        runs = _runs(store, str(experiment.experiment_id), model) if experiment is not None else []
        if not runs:
            raise ReferenceError(
                f"no gate run of {model} is recorded in experiment {settings.experiment} at {settings.shown_uri}. "
                "Record one by: explain-gate run --config thresholds.yaml"
            )
        versions, aliases = _registered(store, model)
        with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
            findings = list(pool.map(lambda run: _findings(store, run), runs))
        return [_entry(store, run, found, versions, aliases) for run, found in zip(runs, findings, strict=True)]


def _runs(store: Store, experiment_id: str, model: str) -> list[Run]:
    found: dict[str, Run] = {}
    for tag in ("explain_gate.model_name", "explain_gate.registered_model"):
        token: str | None = None
        while True:
            page = store.call(
                store.client.search_runs, [experiment_id], f"tags.`{tag}` = {quoted(model)}", page_token=token
            )
            found |= {run.info.run_id: run for run in page if run.info.status != "RUNNING"}
            token = page.token
            if not token:
                break
    return sorted(found.values(), key=lambda run: (int(run.data.tags.get(JUDGED_AT, "0")), run.info.run_id))


def _registered(store: Store, model: str) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Digest -> version, and version -> the aliases it holds now."""
    registered = store.find(store.client.get_registered_model, model)
    if registered is None:
        return {}, {}
    aliases: dict[str, tuple[str, ...]] = {}
    for alias, version in sorted(registered.aliases.items()):
        aliases[str(version)] = (*aliases.get(str(version), ()), alias)
    versions = store.call(store.client.search_model_versions, f"name = {quoted(model)}")
    tag = "explain_gate.model_digest"
    return {version.tags[tag]: str(version.version) for version in versions if tag in version.tags}, aliases


def _findings(store: Store, run: Run) -> tuple[Mapping[str, Any], ...]:
    path = run_artifact(store, run, "verdict.json")
    if path is None:
        return ()
    try:
        return tuple(json.loads(path.read_text(encoding="utf-8"))["findings"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrackingError(f"run {run.info.run_id}: damaged verdict.json: {error}") from error


def _entry(
    store: Store,
    run: Run,
    findings: tuple[Mapping[str, Any], ...],
    versions: Mapping[str, str],
    aliases: Mapping[str, tuple[str, ...]],
) -> RecordedRun:
    tags = run.data.tags
    digest = tags.get("explain_gate.model_digest", "")
    version = tags.get("explain_gate.model_version") or versions.get(digest)
    return RecordedRun(
        run_id=run.info.run_id,
        time=datetime.fromtimestamp(int(tags.get(JUDGED_AT, "0")) / 1000, UTC),
        verdict=tags.get("explain_gate.verdict", "error"),
        exit_code=int(tags.get("explain_gate.exit_code", "3")),
        model_name=tags.get("explain_gate.model_name", ""),
        version=version,
        aliases=aliases.get(version, ()) if version else (),
        model_digest=digest,
        dataset_digest=tags.get("explain_gate.dataset_digest", ""),
        config_digest=tags.get("explain_gate.config_digest", ""),
        git_commit=tags.get("explain_gate.git_commit"),
        link=run_link(store.settings, run),
        report=tags.get("explain_gate.report"),
        parameters=dict(run.data.params),
        findings=findings,
    )
