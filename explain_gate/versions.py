"""Versions beside each other: two references compared, the recorded history of a model, a folder of checkpoints."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from explain_gate.config import GateConfig, load_config
from explain_gate.errors import OptionError, ReferenceError
from explain_gate.execution.drift import with_drift
from explain_gate.execution.progress import Progress
from explain_gate.gate import conclude, judge
from explain_gate.plan import plan, waivers_of
from explain_gate.profile import load_profile
from explain_gate.records import Profile, Verdict
from explain_gate.reporting.comparison import Comparison, compare_profiles
from explain_gate.reporting.comparison_page import write_comparison
from explain_gate.reporting.film import film_strips
from explain_gate.reporting.history_page import render_history
from explain_gate.reporting.timeline import Version
from explain_gate.reporting.verdict_json import finding_from_json
from explain_gate.session import GateSession, RunOptions, tracking_settings
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
    """Every recorded gate run of a model, oldest first.

    Raises:
        ReferenceError: none is recorded.
        TrackingError: the store is away.
    """
    return [_version(run) for run in history(model, settings)]


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
            versions.append(
                Version(
                    label=checkpoint.stem,
                    verdict=verdict.verdict,
                    findings=verdict.findings,
                    exit_code=verdict.exit_code,
                    model_digest=str(verdict.model.get("digest", "")),
                    dataset_digest=str(verdict.dataset.get("digest", "")),
                    config_digest=verdict.config_digest,
                )
            )
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
    from explain_gate.execution.runner import measure

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


def _version(run: RecordedRun) -> Version:
    return Version(
        label=run.version or run.time.strftime("%Y-%m-%d %H:%M"),
        verdict=run.verdict,
        findings=tuple(finding_from_json(plain) for plain in run.findings),
        time=run.time,
        exit_code=run.exit_code,
        aliases=run.aliases,
        run_id=run.run_id,
        model_digest=run.model_digest,
        dataset_digest=run.dataset_digest,
        config_digest=run.config_digest,
        git_commit=run.git_commit,
        link=run.link,
        report=run.report,
    )
