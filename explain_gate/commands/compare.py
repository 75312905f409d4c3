"""`explain-gate compare`: two versions beside each other, and the second judged against the first."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from explain_gate.comparing.profiles import Comparison, compare_profiles
from explain_gate.config import GateConfig, load_config
from explain_gate.errors import ReferenceError
from explain_gate.judging.gate import conclude, judge
from explain_gate.measuring.drift import with_drift
from explain_gate.measuring.job import measure, tracking_settings
from explain_gate.measuring.progress import Lines, Progress
from explain_gate.plan import plan, waivers_of
from explain_gate.profile.profile import load_profile
from explain_gate.publishing.pages.comparison import write_comparison
from explain_gate.publishing.text.comparison import comparison_lines
from explain_gate.records import Profile, Verdict
from explain_gate.tracking.references import resolve
from explain_gate.tracking.settings import TrackingSettings


def compare(first: str, second: str, *, config: str | None, output: Path | None, say: Callable[[str], None]) -> int:
    """Compare two REFs and tell what changed; returns 1 where a config is given and its rules break.

    Raises:
        ReferenceError: a REF is missing, unreachable, or a checkpoint without a config to measure it by.
    """
    today = dt.datetime.now(dt.UTC).date().isoformat()
    compared = compare_references(first, second, config=config, output=output, progress=Lines(), today=today)
    for line in comparison_lines(compared.comparison, compared.verdict.findings if compared.verdict else ()):
        say(line)
    if compared.page is not None:
        say(f"page: {compared.page}")
    return compared.verdict.exit_code if compared.verdict else 0


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


def _profile(
    ref: str, gate: GateConfig | None, settings: TrackingSettings, folder: Path, progress: Progress
) -> Profile:
    version = resolve(ref, settings)
    if isinstance(version, Profile):
        return version
    if gate is None:
        raise ReferenceError(f"{ref} is a checkpoint, which must be measured first: add --config thresholds.yaml")
    measure(gate, checkpoint=version.checkpoint, folder=folder, progress=progress)
    return load_profile(folder)


def _judged(gate: GateConfig, before: Profile, after: Profile, today: str) -> Verdict:
    rules = plan(gate, after.classes, bare=after.bare)
    waivers = waivers_of(gate, today)
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
