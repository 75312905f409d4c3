"""Publish: every file a run leaves behind, written from the verdict and the profile alone."""

from __future__ import annotations

from pathlib import Path

from explain_gate.records import Profile, Verdict
from explain_gate.reporting.attachments import save_worst
from explain_gate.reporting.cues import build_cues
from explain_gate.reporting.drift import build_drift
from explain_gate.reporting.gallery import build_gallery
from explain_gate.reporting.html import render_html
from explain_gate.reporting.junit import verdict_to_junit
from explain_gate.reporting.openmetrics import verdict_to_openmetrics
from explain_gate.reporting.per_image import PerImage
from explain_gate.reporting.summary import verdict_to_markdown
from explain_gate.reporting.verdict_json import verdict_to_json


def publish(
    verdict: Verdict,
    profile: Profile | None,
    folder: Path,
    *,
    config_text: str | None = None,
    reference: Profile | None = None,
    location: str = "",
) -> None:
    """Write verdict.json, junit.xml, metrics.txt, summary.md, index.html and assets/ into an existing folder.

    The folder is a temporary one whose profile/ is already there; the caller renames it into place. The verdict comes
    first, so that a report that cannot be drawn does not take the result with it.

    Args:
        verdict: the result of the run.
        profile: what was measured; None where nothing was, then the report has no charts and no pictures.
        folder: where to write; files of the same name are replaced.
        config_text: thresholds.yaml as it was read, for the report to quote; passwords in addresses are hidden.
        reference: what was measured of the version that the verdict compares with; its maps are shown beside.
        location: where the folder will lie, as seen from the repository's root; CI systems look for pictures there.

    Raises:
        ValueError: a number of the verdict is NaN or infinite.
    """
    _write(folder / "verdict.json", verdict_to_json(verdict))
    _write(folder / "junit.xml", verdict_to_junit(verdict))
    _write(folder / "metrics.txt", verdict_to_openmetrics(verdict))
    _write(folder / "summary.md", verdict_to_markdown(verdict))
    per_image = PerImage(profile) if profile is not None else None
    gallery = build_gallery(verdict, per_image, folder)
    pictures = {key: _beside(location, path) for key, path in save_worst(verdict, profile, gallery, folder).items()}
    if pictures:
        _write(folder / "junit.xml", verdict_to_junit(verdict, pictures))
    drift = build_drift(profile, reference, folder) if profile is not None and reference is not None else None
    cues = build_cues(profile, folder) if profile is not None else ()
    page = render_html(verdict, per_image, gallery, config_text=config_text, drift=drift, cues=cues)
    _write(folder / "index.html", page)


def _beside(location: str, path: str) -> str:
    return f"{location.rstrip('/')}/{path}" if location else path


def _write(path: Path, text: str) -> None:
    # A file name that is not UTF-8 reaches us as lone surrogates, which cannot be written.
    path.write_bytes(text.encode("utf-8", "replace"))
