"""Publish: every file a run leaves behind, written from the verdict and the profile alone."""

from __future__ import annotations

from pathlib import Path

from explain_gate.records import Profile, Verdict
from explain_gate.reporting.gallery import build_gallery
from explain_gate.reporting.html import render_html
from explain_gate.reporting.junit import verdict_to_junit
from explain_gate.reporting.per_image import PerImage
from explain_gate.reporting.summary import verdict_to_markdown
from explain_gate.reporting.verdict_json import verdict_to_json


def publish(verdict: Verdict, profile: Profile | None, folder: Path, *, config_text: str | None = None) -> None:
    """Write verdict.json, junit.xml, summary.md, index.html and assets/ into an existing folder.

    The folder is a temporary one whose profile/ is already there; the caller renames it into place. The verdict comes
    first, so that a report that cannot be drawn does not take the result with it.

    Args:
        verdict: the result of the run.
        profile: what was measured; None where nothing was, then the report has no charts and no pictures.
        folder: where to write; files of the same name are replaced.
        config_text: thresholds.yaml as it was read, for the report to quote; passwords in addresses are hidden.

    Raises:
        ValueError: a number of the verdict is NaN or infinite.
    """
    _write(folder / "verdict.json", verdict_to_json(verdict))
    _write(folder / "junit.xml", verdict_to_junit(verdict))
    _write(folder / "summary.md", verdict_to_markdown(verdict))
    per_image = PerImage(profile) if profile is not None else None
    gallery = build_gallery(verdict, per_image, folder)
    _write(folder / "index.html", render_html(verdict, per_image, gallery, config_text=config_text))


def _write(path: Path, text: str) -> None:
    # A file name that is not UTF-8 reaches us as lone surrogates, which cannot be written.
    path.write_bytes(text.encode("utf-8", "replace"))
