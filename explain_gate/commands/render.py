"""Every surface of a finished run again, from verdict.json and profile/ alone: no model, no data, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explain_gate.config import load_config
from explain_gate.errors import OptionError, ReferenceError
from explain_gate.profile.profile import load_profile
from explain_gate.publishing.pages.single_file import FILE, single_file
from explain_gate.publishing.publish import CONFIG, write_surfaces
from explain_gate.publishing.text.verdict_json import verdict_from_json
from explain_gate.records import Profile, Verdict
from explain_gate.session import output as output_folder
from explain_gate.session.destination import from_here


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What came of it: sentences about what the surfaces lack, and whether each could be written whole."""

    told: tuple[str, ...]
    whole: bool


def render_again(
    folder: Path, *, config: str | None = None, reference: str | None = None, single: bool = False
) -> Rendered:
    """Write junit.xml, metrics.txt, summary.md, results.sarif, audit.html, index.html and assets/ of a run once more.

    verdict.json and profile/ may be of any earlier version, and stay as they are.

    Args:
        folder: a run's output folder.
        config: the run's thresholds.yaml, for the report to quote; default the copy in the folder.
        reference: REF of what the run compared with; default the folder's own `reference/`.
        single: write report.html too, the page with its pictures inside.

    Raises:
        OptionError: the folder is no output folder, or it cannot be written.
        ReferenceError: verdict.json or the profile is damaged, or config or reference are not those of the run.
    """
    verdict = _verdict(folder)
    profile = load_profile(folder / "profile") if (folder / "profile").exists() else None
    if profile is not None:
        _same_model(verdict.model, profile, f"{folder}: profile/")
    shown_beside = _reference(folder, verdict, reference)
    text = _config_text(folder, verdict, config)
    hold = output_folder.hold(folder)
    try:
        before = output_folder.files_in(folder)
        failures = write_surfaces(
            verdict, profile, folder, config_text=text, reference=shown_beside, location=from_here(folder)
        )
        if single:
            page = (folder / "index.html").read_text(encoding="utf-8")
            (folder / FILE).write_text(single_file(page, folder), encoding="utf-8")
        output_folder.note_rendered(folder, before)
    except OSError as error:
        raise OptionError(f"{folder}: cannot be written: {error.strerror}") from error
    finally:
        hold.release()
    told = list(failures)
    if text is None:
        told.append(f"the report quotes no rules: {folder} holds no copy of thresholds.yaml; give it with --config")
    if verdict.reference is not None and shown_beside is None:
        told.append("the report shows no maps beside those of the reference; give it with --reference")
    return Rendered(told=tuple(told), whole=not failures)


def _verdict(folder: Path) -> Verdict:
    path = folder / "verdict.json"
    try:
        return verdict_from_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise OptionError(f"{folder}: must be a run's output folder, but there is no verdict.json in it") from error
    except ReferenceError as error:
        raise ReferenceError(f"{path}: {error}") from error


def _reference(folder: Path, verdict: Verdict, reference: str | None) -> Profile | None:
    if verdict.reference is None:
        if reference is not None:
            raise ReferenceError(f"--reference {reference}: the run in {folder} compared with no reference")
        return None
    if reference is None:
        own = folder / "reference"
        return load_profile(own) if own.is_dir() else None
    from explain_gate.tracking.references import resolve
    from explain_gate.tracking.settings import TrackingSettings

    profile = resolve(reference, TrackingSettings())
    if not isinstance(profile, Profile):
        raise ReferenceError(f"--reference {reference}: must be something measured, not a checkpoint")
    _same_model(verdict.reference, profile, f"--reference {reference}")
    return profile


def _same_model(told: Mapping[str, Any], profile: Profile, whose: str) -> None:
    judged = told.get("digest")
    measured = profile.manifest["model"].get("digest")
    if judged and measured != judged:
        raise ReferenceError(
            f"{whose} is of other weights than verdict.json: must be {str(judged)[:12]}, is {str(measured)[:12]}"
        )


def _config_text(folder: Path, verdict: Verdict, config: str | None) -> str | None:
    if config is None:
        kept = folder / CONFIG
        return kept.read_text(encoding="utf-8") if kept.is_file() else None
    given = load_config(config)
    if given.digest != verdict.config_digest:
        raise ReferenceError(
            f"--config {config}: is not the file of this run: its SHA-256 must be {verdict.config_digest[:12]}, is "
            f"{given.digest[:12]}"
        )
    return given.text
