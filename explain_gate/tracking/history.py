"""Every recorded gate run of a model, oldest first; what trend charts and audits are made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from explain_gate.errors import ReferenceError, TrackingError
from explain_gate.records import Leaderboard, Lesson
from explain_gate.tracking.alias import JUDGED_AT, Move, moves_of
from explain_gate.tracking.approvals import Approval, approvals_of
from explain_gate.tracking.delivery import run_link
from explain_gate.tracking.downloads import run_artifact
from explain_gate.tracking.leaderboards import leaderboard_of
from explain_gate.tracking.lessons import in_order, lessons_of
from explain_gate.tracking.registry import quoted
from explain_gate.tracking.settings import TrackingSettings
from explain_gate.tracking.store import Store, connect

if TYPE_CHECKING:
    from mlflow.entities import Run

_DOWNLOADS_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordedRun:
    """One gate run as it was recorded.

    `findings` (value, interval, bound, status ...), `dataset` and `environment` are those of its verdict.json;
    empty where the run has none. `version` is the registered version it judged or made; `aliases` are those that
    version holds today, `moves` how they came to it, `approvals` and `lessons` what people put on record beside
    it, `leaderboard` which of its methods a study found best. `link` leads to the run in MLflow, `report` to where
    its report was said to be.
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
    dataset: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    moves: tuple[Move, ...] = ()
    approvals: tuple[Approval, ...] = ()
    lessons: tuple[Lesson, ...] = ()
    waivers: tuple[Mapping[str, Any], ...] = ()
    leaderboard: Leaderboard | None = None


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
        registered = _registered(store, model)
        with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
            verdicts = list(pool.map(lambda run: _verdict(store, run), runs))
        return [_entry(store, run, verdict, registered) for run, verdict in zip(runs, verdicts, strict=True)]


def _runs(store: Store, experiment_id: str, model: str) -> list[Run]:
    runs: dict[str, Run] = {}
    for tag in ("explain_gate.model_name", "explain_gate.registered_model"):
        token: str | None = None
        while True:
            page = store.call(
                store.client.search_runs, [experiment_id], f"tags.`{tag}` = {quoted(model)}", page_token=token
            )
            runs |= {run.info.run_id: run for run in page if run.info.status != "RUNNING"}
            token = page.token
            if not token:
                break
    # A quick run asked a part of the gate, so it says nothing about the version as a whole.
    whole = [run for run in runs.values() if run.data.tags.get("explain_gate.selection", "full") == "full"]
    return sorted(whole, key=lambda run: (int(run.data.tags.get(JUDGED_AT, "0")), run.info.run_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Registered:
    """What the registry knows of a model's versions: number by digest, aliases held now and moves by number."""

    versions: Mapping[str, str]
    aliases: Mapping[str, tuple[str, ...]]
    moves: Mapping[str, tuple[Move, ...]]
    approvals: Mapping[str, tuple[Approval, ...]]
    lessons: Mapping[str, tuple[Lesson, ...]]
    leaderboards: Mapping[str, Leaderboard | None]


def _registered(store: Store, model: str) -> _Registered:
    registered = store.find(store.client.get_registered_model, model)
    if registered is None:
        return _Registered(versions={}, aliases={}, moves={}, approvals={}, lessons={}, leaderboards={})
    aliases: dict[str, tuple[str, ...]] = {}
    for alias, version in sorted(registered.aliases.items()):
        aliases[str(version)] = (*aliases.get(str(version), ()), alias)
    versions = list(store.call(store.client.search_model_versions, f"name = {quoted(model)}"))
    tag = "explain_gate.model_digest"
    return _Registered(
        versions={version.tags[tag]: str(version.version) for version in versions if tag in version.tags},
        aliases=aliases,
        moves={str(version.version): moves_of(version.tags) for version in versions},
        approvals={str(version.version): approvals_of(version.tags) for version in versions},
        lessons={str(version.version): lessons_of(version.tags) for version in versions},
        leaderboards={str(version.version): leaderboard_of(version.tags) for version in versions},
    )


def _verdict(store: Store, run: Run) -> dict[str, Any]:
    """The run's verdict.json; empty where it has none."""
    path = run_artifact(store, run, "verdict.json")
    if path is None:
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {**document, "findings": tuple(document["findings"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrackingError(f"run {run.info.run_id}: damaged verdict.json: {error}") from error


def _entry(store: Store, run: Run, verdict: Mapping[str, Any], registered: _Registered) -> RecordedRun:
    tags = run.data.tags
    digest = tags.get("explain_gate.model_digest", "")
    version = tags.get("explain_gate.model_version") or registered.versions.get(digest)
    return RecordedRun(
        run_id=run.info.run_id,
        time=datetime.fromtimestamp(int(tags.get(JUDGED_AT, "0")) / 1000, UTC),
        verdict=tags.get("explain_gate.verdict", "error"),
        exit_code=int(tags.get("explain_gate.exit_code", "3")),
        model_name=tags.get("explain_gate.model_name", ""),
        version=version,
        aliases=registered.aliases.get(version, ()) if version else (),
        model_digest=digest,
        dataset_digest=tags.get("explain_gate.dataset_digest", ""),
        config_digest=tags.get("explain_gate.config_digest", ""),
        git_commit=tags.get("explain_gate.git_commit"),
        link=run_link(store.settings, run),
        report=tags.get("explain_gate.report"),
        parameters=dict(run.data.params),
        findings=verdict.get("findings", ()),
        dataset=verdict.get("dataset") or {},
        environment=verdict.get("environment") or {},
        moves=registered.moves.get(version, ()) if version else (),
        approvals=registered.approvals.get(version, ()) if version else (),
        lessons=in_order((*(registered.lessons.get(version, ()) if version else ()), *lessons_of(tags))),
        waivers=tuple(verdict.get("waivers", ())),
        leaderboard=(registered.leaderboards.get(version) if version else None) or leaderboard_of(tags),
    )
