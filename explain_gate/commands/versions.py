"""Versions beside each other: two references compared, the recorded history of a model, a folder of checkpoints."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explain_gate.comparing.profiles import Comparison, compare_profiles
from explain_gate.comparing.timeline import Run, Version
from explain_gate.config import GateConfig, load_config
from explain_gate.errors import OptionError, ReferenceError
from explain_gate.judging.gate import conclude, judge
from explain_gate.measuring.drift import with_drift
from explain_gate.measuring.job import tracking_settings
from explain_gate.measuring.progress import Progress
from explain_gate.plan import plan, waivers_of
from explain_gate.profile.profile import load_profile
from explain_gate.publishing.pages.comparison import write_comparison
from explain_gate.publishing.pages.history import render_history
from explain_gate.publishing.pictures.film import film_strips
from explain_gate.publishing.text.verdict_json import finding_from_json
from explain_gate.records import Profile, Verdict
from explain_gate.session.run import GateSession, RunOptions
from explain_gate.tracking.alias import Move
from explain_gate.tracking.history import RecordedRun, history
from explain_gate.tracking.references import resolve
from explain_gate.tracking.settings import TrackingSettings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """Two versions beside each other; `verdict` judges the second against the first where a config was given."""

    comparison: Comparison
    verdict: Verdict | None
    page: Path | None


def compare_references(
    first: str, second: str, *, config: str | None, output: Path | None, progress: Progress, today: str
) -> Compared:
    """Compare what two REFs measured; a REF that is a checkpoint is measured now, which needs a config.

    Raises:
        ReferenceError: a REF is missing, unreachable, or a checkpoint without a config to measure it by.
    """
    gate = load_config(config) if config else None
    settings = tracking_settings(gate) if gate else TrackingSettings()
    with tempfile.TemporaryDirectory(prefix="explain-gate-") as scratch:
        before, after = (
            _profile(ref, gate, settings, Path(scratch) / name, progress)
            for ref, name in ((first, "before"), (second, "after"))
        )
        verdict = _judged(gate, before, after, today) if gate else None
        comparison = compare_profiles(before, after)
        page = None
        if output is not None:
            page = write_comparison(comparison, before, after, output, findings=verdict.findings if verdict else ())
        return Compared(comparison=comparison, verdict=verdict, page=page)


def recorded_history(model: str, settings: TrackingSettings) -> list[Version]:
    """Every recorded version of a model with its gate runs, oldest first; a version is its weights.

    Raises:
        ReferenceError: none is recorded.
        TrackingError: the store is away.
    """
    return versions_of(history(model, settings))


def versions_of(recorded: Sequence[RecordedRun]) -> list[Version]:
    """Recorded runs, oldest first, by the weights that they judged, in the order of their first runs.

    A run that ended before it had weights is no version and is left out, unless there is nothing else.
    """
    grouped: dict[str, list[RecordedRun]] = {}
    for run in recorded:
        grouped.setdefault(run.model_digest, []).append(run)
    if len(grouped) > 1:
        grouped.pop("", None)
    return [_version(digest, runs) for digest, runs in grouped.items()]


def history_of_checkpoints(
    config: str, checkpoints: Sequence[Path], *, device: str, progress: Progress, tell: Callable[[str], None]
) -> str:
    """Measure checkpoints in order and render their history, with the images whose maps changed most.

    Raises:
        OptionError: there is no checkpoint.
    """
    if not checkpoints:
        raise OptionError("--checkpoints must match at least one file, matched none")
    versions, profiles, labels = [], [], []
    with tempfile.TemporaryDirectory(prefix="explain-gate-") as scratch:
        for checkpoint in natural_order(checkpoints):
            session = GateSession(
                RunOptions(config=config, checkpoint=str(checkpoint), device=device, bootstrap=True),
                work=str(Path(scratch) / checkpoint.stem),
            )
            profiles.append(session.measure(progress))
            verdict = session.conclude(tuple(session.findings.values()))
            labels.append(checkpoint.stem)
            run = Run(
                verdict=verdict.verdict,
                findings=verdict.findings,
                exit_code=verdict.exit_code,
                dataset_digest=str(verdict.dataset.get("digest", "")),
                config_digest=verdict.config_digest,
            )
            digest = str(verdict.model.get("digest", ""))
            versions.append(Version(label=checkpoint.stem, runs=(run,), model_digest=digest))
            tell(f"{checkpoint.stem}: {verdict.verdict}")
        return render_history(
            str(profiles[-1].manifest["model"]["name"]), versions, strips=film_strips(profiles, labels)
        )


def natural_order(files: Sequence[Path]) -> list[Path]:
    """Files by name, numbers in names by value: epoch-2 before epoch-10."""

    def key(file: Path) -> tuple[list[tuple[int, int, str]], str]:
        parts = re.split(r"(\d+)", file.name)
        return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts], str(file)

    return sorted(files, key=key)


def render_recorded(model: str, versions: Sequence[Version]) -> str:
    """The history page of recorded versions."""
    return render_history(model, versions)


def _profile(
    ref: str, gate: GateConfig | None, settings: TrackingSettings, folder: Path, progress: Progress
) -> Profile:
    found = resolve(ref, settings)
    if isinstance(found, Profile):
        return found
    if gate is None:
        raise ReferenceError(f"{ref} is a checkpoint, which must be measured first: add --config thresholds.yaml")
    from explain_gate.measuring.job import measure

    measure(gate, checkpoint=found.checkpoint, folder=folder, progress=progress)
    return load_profile(folder)


def _judged(gate: GateConfig, before: Profile, after: Profile, today: str) -> Verdict:
    rules = plan(gate, after.classes)
    waivers = waivers_of(gate)
    profile = with_drift(after, before, rules)
    findings = judge(profile, rules, before, waivers=waivers, today=today)
    return conclude(
        rules,
        findings,
        waivers=waivers,
        today=today,
        profile=profile,
        reference=dict(before.manifest["model"]),
    )


def _version(digest: str, runs: Sequence[RecordedRun]) -> Version:
    number = next((run.version for run in reversed(runs) if run.version), None)
    named = next(run for run in reversed(runs) if run.version == number)
    return Version(
        label=number or (f"{digest[:8]}…" if digest else "no weights"),
        runs=tuple(_run(run) for run in runs),
        model_digest=digest,
        aliases=named.aliases,
        moves=tuple(_told(move) for move in named.moves),
    )


def _run(run: RecordedRun) -> Run:
    images = run.dataset.get("images")
    return Run(
        verdict=run.verdict,
        findings=tuple(finding_from_json(plain) for plain in run.findings),
        time=run.time,
        exit_code=run.exit_code,
        run_id=run.run_id,
        dataset_digest=run.dataset_digest,
        images=images if isinstance(images, int) else None,
        terms=_terms(run.dataset, run.environment, run.parameters),
        config_digest=run.config_digest,
        git_commit=run.git_commit,
        git_dirty=bool(run.environment.get("git_dirty")),
        started_by=str(run.environment.get("started_by") or ""),
        link=run.link,
        report=run.report,
    )


def _terms(dataset: Mapping[str, Any], environment: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, str]:
    """On what terms values were measured: preprocessing, torch, device, dtype, and each method's settings."""
    terms = {name: str(environment[name]) for name in ("torch", "device", "dtype") if environment.get(name)}
    if dataset.get("preprocessing"):
        terms["preprocessing"] = json.dumps(dataset["preprocessing"], sort_keys=True, default=str)
    methods = {name.removeprefix("method."): text for name, text in parameters.items() if name.startswith("method.")}
    return terms | {f"settings of {name}": text for name, text in methods.items()}


def _told(move: Move) -> str:
    before = f"from version {move.before} " if move.before else ""
    return f"{move.alias} moved {before}to this version on {move.at[:10]} by {move.by}: {move.why}"
