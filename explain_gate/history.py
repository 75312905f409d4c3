"""A model over time as a page: from the gate runs that MLflow holds, or from a folder of checkpoints measured in order.

Both end in the same records, so both give the same page: `write_history(file, model, versions, strips)`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from explain_gate.config import GateConfig, load_config
from explain_gate.errors import OptionError, ReferenceError
from explain_gate.gate import conclude, judge
from explain_gate.plan import plan, waivers_of
from explain_gate.profile import load_profile
from explain_gate.records import Profile
from explain_gate.reporting.film import Strip, film_strips
from explain_gate.reporting.history_page import render_history
from explain_gate.reporting.timeline import Version
from explain_gate.reporting.verdict_json import finding_from_json

if TYPE_CHECKING:
    from explain_gate.execution.progress import Progress
    from explain_gate.tracking.history import RecordedRun
    from explain_gate.tracking.settings import TrackingSettings


def recorded_versions(model: str, settings: TrackingSettings) -> list[Version]:
    """Every recorded gate run of a model, oldest first.

    Raises:
        ReferenceError: none is recorded.
        TrackingError: the store is away, or a record is damaged.
    """
    from explain_gate.tracking.history import history

    return [_recorded(run) for run in history(model, settings)]


def checkpoint_versions(
    config: GateConfig | str | Path,
    checkpoints: Sequence[str | Path],
    folder: Path,
    *,
    device: str = "auto",
    memory_budget: int | None = None,
    progress: Progress | None = None,
) -> tuple[list[Version], tuple[Strip, ...]]:
    """Measure checkpoints in their natural order (2 before 10) and judge each by the config's fixed bounds.

    A profile that `folder` already holds of the same file name, weights and config is not measured again, so that a
    training run can be followed while it goes on. Rules against a reference are told as not compared.

    Args:
        config: a thresholds.yaml, or its path.
        checkpoints: files of weights.
        folder: takes one profile folder per checkpoint.
        device: as in `measure`.
        memory_budget: as in `measure`.
        progress: told of every stage.

    Raises:
        OptionError: there is no checkpoint.
        ConfigError, DataError, ModelError: the input cannot be used.
    """
    if not checkpoints:
        raise OptionError("history --checkpoints: no file matches; give a pattern such as 'checkpoints/*.safetensors'")
    if not isinstance(config, GateConfig):
        config = load_config(config)
    versions, profiles = [], []
    for checkpoint in natural_order(checkpoints):
        profile = _measured(config, checkpoint, folder / checkpoint.name, device, memory_budget, progress)
        versions.append(_judged(config, checkpoint, profile))
        profiles.append(profile)
    return versions, film_strips(profiles, [version.label for version in versions])


def write_history(file: Path, model: str, versions: Sequence[Version], strips: Sequence[Strip] = ()) -> None:
    """Write the page; it is one file that needs nothing beside it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(render_history(model, versions, strips=strips).encode("utf-8", "replace"))


def natural_order(paths: Sequence[str | Path]) -> list[Path]:
    """Files by name, numbers in them by value: epoch-2 before epoch-10."""

    def key(path: Path) -> tuple[list[tuple[int, int, str]], str]:
        parts = re.split(r"(\d+)", path.name)
        return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts], str(path)

    return sorted(map(Path, paths), key=key)


def _recorded(run: RecordedRun) -> Version:
    return Version(
        label=run.version or run.model_digest[:8] or run.run_id[:8],
        verdict=run.verdict,
        exit_code=run.exit_code,
        findings=tuple(finding_from_json(entry) for entry in run.findings),
        time=run.time,
        aliases=run.aliases,
        run_id=run.run_id,
        model_digest=run.model_digest,
        dataset_digest=run.dataset_digest,
        config_digest=run.config_digest,
        git_commit=run.git_commit,
        link=run.link,
        report=run.report,
    )


def _measured(
    config: GateConfig,
    checkpoint: Path,
    folder: Path,
    device: str,
    memory_budget: int | None,
    progress: Progress | None,
) -> Profile:
    from explain_gate.execution.runner import measure
    from explain_gate.models import load_model

    digest = load_model(config, checkpoint=checkpoint).digest
    try:
        kept = load_profile(folder)
    except ReferenceError:
        kept = None
    if (
        kept is not None
        and kept.manifest["model"].get("digest") == digest
        and kept.manifest.get("config_digest") == config.digest
    ):
        return kept
    return measure(
        config, checkpoint=checkpoint, folder=folder, device=device, memory_budget=memory_budget, progress=progress
    )


def _judged(config: GateConfig, checkpoint: Path, profile: Profile) -> Version:
    # Drift is a fact about two versions; here every checkpoint stands for itself.
    rules = [rule for rule in plan(config, list(profile.classes)) if not rule.check.startswith("drift.")]
    today = dt.datetime.now(dt.UTC).date().isoformat()
    findings = judge(profile, rules, waivers=waivers_of(config), today=today)
    verdict = conclude(rules, findings, profile=profile)
    return Version(
        label=checkpoint.stem,
        verdict=verdict.verdict,
        exit_code=verdict.exit_code,
        findings=verdict.findings,
        model_digest=str(verdict.model.get("digest") or ""),
        dataset_digest=str(verdict.dataset.get("digest") or ""),
        config_digest=verdict.config_digest,
        report=str(profile.folder) if profile.folder is not None else None,
    )
