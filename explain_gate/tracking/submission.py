"""What one gate run says to MLflow, as plain JSON: computed once, so that a later delivery says exactly the same."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from explain_gate.errors import TrackingError
from explain_gate.profile.profile import profile_digest
from explain_gate.records import Profile, Verdict
from explain_gate.redact import redact
from explain_gate.tracking.logged import PARAMETER_LENGTH, metrics_of, parameters_of
from explain_gate.tracking.settings import TrackingSettings

SCHEMA_VERSION = 1
PROFILE_DIGEST = "explain_gate.profile_digest"
"""Tag of a run: the digest of its profile's manifest, which holds those of all its files."""
WEIGHTS = "explain_gate.weights_sha256"
"""Tag of a run: the digest of the file that held the weights."""
EVIDENCE = tuple(
    f"explain_gate.{name}"
    for name in (
        *("verdict", "exit_code", "config_digest", "dataset_digest", "model_digest", "git_commit", "report"),
        "judged_at",
    )
)
"""Tags that a run and the version it judged have in common."""
_TAG_LENGTH = 5000
_DIGEST_LENGTH = 36
_STARTED = ("started", "started_by", "started_from", "command", "git_dirty", "git_diff_digest")
"""Of verdict.environment: who or what started the run, when, and from which state of the code."""
_REGISTRY = re.compile(r"models:/(?P<name>[^/@]+)(?:/(?P<version>\d+)|@(?P<alias>[\w-]+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One gate run. `key` is its idempotency key: the store never holds two runs with one key.

    `started` and `ended` are milliseconds since 1970. `full_pass` allows a promotion. `registered` is (name, version)
    where the model came from the registry. `weights` is the checkpoint, sent along when the model gets registered.
    `output` is the finished output folder. `started_by` is who a move of the alias is put down to; `alias_back` is the
    reason for which a person lets it move back, None where it may not. `held_back` names the inconclusive rows for
    which the alias waits. `by_people` says why the gate does not move the alias itself, empty where it does, and
    `attested` that it takes an attestation. `sentence` is the verdict in one, as Markdown, for the version's
    description.
    """

    key: str
    name: str
    started: int
    ended: int
    exit_code: int
    full_pass: bool
    experiment: str
    promote: tuple[str, str] | None
    registered: tuple[str, str] | None
    model_name: str
    model_digest: str
    model_source: str
    weights: str | None
    dataset_name: str
    dataset_digest: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    version_tags: Mapping[str, str]
    output: str = ""
    started_by: str = ""
    alias_back: str | None = None
    held_back: str = ""
    by_people: str = ""
    attested: bool = False
    sentence: str = ""

    def to_json(self) -> str:
        """The submission as it waits in an outbox; it never holds the tracking URI."""
        return json.dumps({"schema_version": SCHEMA_VERSION, **asdict(self)}, indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Submission:
        """Read what `to_json` wrote.

        Raises:
            TrackingError: the text is damaged or of another schema version.
        """
        try:
            content = json.loads(text)
            if content.pop("schema_version", None) != SCHEMA_VERSION:
                raise TrackingError("a waiting run must be published by the version of explain-gate that stored it")
            for name in ("promote", "registered"):
                content[name] = tuple(content[name]) if content[name] else None
            return cls(**content)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise TrackingError(f"damaged record of a waiting run: {error}") from error


def describe(
    verdict: Verdict,
    profile: Profile | None,
    folder: Path,
    settings: TrackingSettings,
    *,
    ended: int,
    report: str | None = None,
    sentence: str = "",
) -> Submission:
    """Everything that is logged for a gate run, as plain values.

    `ended` is the time in milliseconds since 1970. `report` is where people find the report, when that is not the
    run's own artifact; it defaults to the CI job's address. `sentence` is the verdict in one, as Markdown.
    """
    model, dataset = verdict.model, verdict.dataset
    full = is_full_pass(verdict)
    waiting = ", ".join(held_back(verdict)) if full and not settings.promote_inconclusive else ""
    key, evidence = run_key(verdict, folder), _evidence(verdict, report)
    return Submission(
        key=key,
        name=folder.name or "gate",
        started=ended - int(verdict.seconds * 1000),
        ended=ended,
        exit_code=verdict.exit_code,
        full_pass=full and not waiting,
        held_back=waiting,
        by_people=settings.by_people,
        attested=settings.require_attestation,
        sentence=redact(sentence),
        experiment=settings.experiment,
        promote=settings.promote,
        registered=_registered(model),
        model_name=str(model.get("name") or "model"),
        model_digest=str(model.get("digest") or ""),
        model_source=redact(str(model.get("source") or "")),
        weights=_weights(model),
        dataset_name=str(dataset.get("name") or "regression set")[:PARAMETER_LENGTH],
        dataset_digest=(str(dataset.get("digest") or "") or "unknown")[:_DIGEST_LENGTH],
        parameters=parameters_of(verdict, profile),
        metrics=metrics_of(verdict),
        tags=_tags({**evidence, "explain_gate.run_key": key, **_run_tags(verdict, folder, settings, ended)}),
        version_tags=_tags({**evidence, "explain_gate.judged_at": str(ended)}),
        output=str(folder.absolute()),
        started_by=str(verdict.environment.get("started_by") or ""),
        alias_back=redact(settings.alias_back)[:PARAMETER_LENGTH] if settings.alias_back else None,
    )


def _evidence(verdict: Verdict, report: str | None) -> dict[str, str]:
    """What run and model version both say of the verdict and of what it rests on."""
    return {
        "explain_gate.verdict": verdict.verdict,
        "explain_gate.exit_code": str(verdict.exit_code),
        "explain_gate.selection": verdict.selection,
        "explain_gate.config_digest": verdict.config_digest,
        "explain_gate.dataset_digest": str(verdict.dataset.get("digest") or ""),
        "explain_gate.model_digest": str(verdict.model.get("digest") or ""),
        "explain_gate.git_commit": str(verdict.environment.get("git_commit") or ""),
        "explain_gate.report": report or str(verdict.environment.get("job") or ""),
    }


def _run_tags(verdict: Verdict, folder: Path, settings: TrackingSettings, ended: int) -> dict[str, str]:
    """What only the run says: which profile, which model, who started it and from where."""
    registered = _registered(verdict.model)
    promoted = settings.promote[0] if settings.promote else None
    return {
        "explain_gate.inconclusive": ", ".join(f.key for f in verdict.findings if f.status == "inconclusive"),
        PROFILE_DIGEST: profile_digest(folder) or "",
        WEIGHTS: str(verdict.model.get("weights_sha256") or ""),
        "explain_gate.judged_at": str(ended),
        "explain_gate.model_name": str(verdict.model.get("name") or ""),
        "explain_gate.model_version": registered[1] if registered else "",
        "explain_gate.registered_model": (registered[0] if registered else promoted) or "",
        **{f"explain_gate.{name}": _as_tag(verdict.environment.get(name)) for name in _STARTED},
        "mlflow.user": str(verdict.environment.get("started_by") or ""),
        "mlflow.source.git.commit": str(verdict.environment.get("git_commit") or ""),
        "mlflow.source.name": "explain-gate",
    }


def held_back(verdict: Verdict) -> tuple[str, ...]:
    """Inconclusive rows that cannot tell the version from one that they must catch: the alias waits for them."""
    return tuple(finding.key for finding in verdict.findings if finding.may_hide)


def is_full_pass(verdict: Verdict) -> bool:
    """Whether the verdict may move an alias: the whole file was planned, each rule judged once, and nothing broke.

    Waived rules do not hinder; they are the team's decision, with a date.
    """
    return (
        verdict.verdict == "passed"
        and verdict.exit_code == 0
        and verdict.selection == "full"
        and bool(verdict.planned)
        and sorted(verdict.planned) == sorted(verdict.judged)
        and not verdict.failed_tests
        and not any(finding.status in ("failed", "unmeasured") for finding in verdict.findings)
    )


def run_key(verdict: Verdict, folder: Path) -> str:
    """The same for the same output folder, another for every other gate run: its seconds alone tell two apart."""
    content = json.dumps([folder.name, asdict(verdict)], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def _as_tag(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _tags(values: Mapping[str, str]) -> dict[str, str]:
    return {name: redact(value)[:_TAG_LENGTH] for name, value in values.items() if value}


def _registered(model: Mapping[str, Any]) -> tuple[str, str] | None:
    """(name, version) of a model from the registry; None without a version: an alias may have moved since."""
    parts = _REGISTRY.fullmatch(str(model.get("source") or ""))
    if parts is None:
        return None
    version = parts["version"] or model.get("version")
    return (parts["name"], str(version)) if version else None


def _weights(model: Mapping[str, Any]) -> str | None:
    checkpoint = model.get("checkpoint")
    return str(Path(checkpoint).resolve()) if checkpoint and Path(checkpoint).is_file() else None
