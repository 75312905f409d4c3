"""Publish: every file a run leaves behind, written from the verdict and the profile alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from explain_gate.comparing.per_image import PerImage
from explain_gate.errors import ReferenceError
from explain_gate.profile.files import write_whole
from explain_gate.publishing.pages.audit import FILE as AUDIT
from explain_gate.publishing.pages.audit import render_audit
from explain_gate.publishing.pages.cues import build_cues
from explain_gate.publishing.pages.drift import build_drift
from explain_gate.publishing.pages.evidence import build_evidence
from explain_gate.publishing.pages.report import Views, render_html
from explain_gate.publishing.pages.strategies import build_strategies
from explain_gate.publishing.pictures.attachments import save_worst
from explain_gate.publishing.pictures.gallery import Gallery, build_gallery
from explain_gate.publishing.pictures.kept import Kept, left_out_told
from explain_gate.publishing.text.github import repository_path
from explain_gate.publishing.text.junit import verdict_to_junit
from explain_gate.publishing.text.openmetrics import verdict_to_openmetrics
from explain_gate.publishing.text.sarif import verdict_to_sarif
from explain_gate.publishing.text.summary import verdict_to_markdown
from explain_gate.publishing.text.verdict_json import verdict_to_json
from explain_gate.records import Profile, Verdict
from explain_gate.redact import redact

CONFIG = "thresholds.yaml"
"""The copy of the rules in an output folder, with passwords hidden, so that a report is rendered from it again."""


def publish(
    verdict: Verdict,
    profile: Profile | None,
    folder: Path,
    *,
    config_text: str | None = None,
    reference: Profile | None = None,
    location: str = "",
) -> Verdict:
    """Write verdict.json and every surface into an existing folder.

    The folder is a temporary one whose profile/ is already there; the caller renames it into place. verdict.json is the
    verdict: it is written first, and it has to be. The others show it: one that cannot be written, or not whole, is
    told in the verdict and decides nothing.

    Args:
        verdict: the result of the run.
        profile: what was measured; None where nothing was, then the report has no charts and no pictures.
        folder: where to write; files of the same name are replaced.
        config_text: thresholds.yaml as it was read, for the report to quote; passwords in addresses are hidden.
        reference: what was measured of the version that the verdict compares with; its maps are shown beside.
        location: where the folder will lie, as seen from the repository's root; CI systems look for pictures there.

    Returns:
        The verdict as verdict.json holds it: with what could not be written beside it.

    Raises:
        ValueError: a number of the verdict is NaN or infinite.
        OSError: verdict.json cannot be written.
    """
    write_verdict(verdict, folder)
    failures = write_surfaces(verdict, profile, folder, config_text=config_text, reference=reference, location=location)
    if not failures:
        return verdict
    verdict = replace(verdict, not_published=(*verdict.not_published, *failures))
    with contextlib.suppress(OSError):  # the one without this note stands; the terminal tells
        write_verdict(verdict, folder)
    return verdict


def write_surfaces(
    verdict: Verdict,
    profile: Profile | None,
    folder: Path,
    *,
    config_text: str | None = None,
    reference: Profile | None = None,
    location: str = "",
) -> tuple[str, ...]:
    """Write what shows a verdict: every file beside verdict.json, index.html and assets/ among them.

    Arguments are those of `publish`; verdict.json is left as it is.

    Returns:
        A sentence for each that could not be written, or that lacks pictures whose files are damaged.
    """
    surfaces = _Surfaces(verdict, folder)
    surfaces.write("junit.xml", verdict_to_junit)
    surfaces.write("metrics.txt", verdict_to_openmetrics)
    surfaces.write("summary.md", verdict_to_markdown)
    surfaces.write("results.sarif", lambda judged: verdict_to_sarif(judged, _from_root))
    if config_text is not None:
        surfaces.write(CONFIG, lambda _: redact(config_text))
    surfaces.write(AUDIT, lambda judged: render_audit(judged, profile, config_text=config_text))
    with surfaces.told("index.html"):
        per_image = PerImage(profile) if profile is not None else None
        gallery = build_gallery(verdict, per_image, folder)
        pictures = {key: _beside(location, path) for key, path in save_worst(verdict, profile, gallery, folder).items()}
        if pictures:
            surfaces.write("junit.xml", lambda judged: verdict_to_junit(judged, pictures))
        views, lacks = _views(profile, reference, gallery, folder)
        page = render_html(verdict, per_image, gallery, views, config_text=config_text, left_out=lacks)
        _write(folder / "index.html", page)
        surfaces.failures += [f"index.html: {sentence}" for sentence in lacks]
    return tuple(surfaces.failures)


def _views(
    profile: Profile | None, reference: Profile | None, gallery: Gallery, folder: Path
) -> tuple[Views, list[str]]:
    """What the page shows of the profile beside the rules, and a sentence for each part of all pictures that lacks."""
    left_out, lacks, views = dict(gallery.left_out), [], Views()
    if profile is not None:
        kept = Kept(profile)
        views = Views(
            cues=build_cues(kept, folder),
            strategies=build_strategies(kept, folder),
            evidence=build_evidence(kept, folder),
        )
        left_out |= kept.left_out
    if profile is not None and reference is not None:
        try:
            drift = build_drift(profile, reference, folder)
            views = replace(views, drift=drift)
            left_out |= drift.left_out if drift is not None else {}
        except ReferenceError as error:
            lacks.append(f"maps are not shown beside those of the reference: {error}")
    if left_out:
        lacks.insert(0, left_out_told(left_out))
    return views, lacks


def write_verdict(verdict: Verdict, folder: Path) -> None:
    """Write verdict.json in one step: whoever reads it sees the old one or the new one, never a part.

    Raises:
        OSError: it cannot be written; an earlier one is as it was.
    """
    _write(folder / "verdict.json", verdict_to_json(verdict))


class _Surfaces:
    """Writes what shows the verdict, and keeps what became of those that cannot be written."""

    def __init__(self, verdict: Verdict, folder: Path) -> None:
        self._verdict = verdict
        self._folder = folder
        self.failures: list[str] = []

    def write(self, name: str, render: Callable[[Verdict], str]) -> None:
        """Render one file."""
        with self.told(name):
            _write(self._folder / name, render(self._verdict))

    @contextlib.contextmanager
    def told(self, name: str) -> Iterator[None]:
        """Keep the failure of a surface."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever keeps a surface from being drawn, the verdict stands
            self.failures.append(f"{name} could not be written: {type(error).__name__}: {error}")


def _from_root(file: str) -> str:
    return repository_path(Path(file), os.environ.get("GITHUB_WORKSPACE"))


def _beside(location: str, path: str) -> str:
    return f"{location.rstrip('/')}/{path}" if location else path


def _write(path: Path, text: str) -> None:
    # A file name that is not UTF-8 reaches us as lone surrogates, which cannot be written.
    write_whole(path, text.encode("utf-8", "replace"))
