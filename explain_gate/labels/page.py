"""An audit in sentences, and as a page of pictures that opens from disk."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from markupsafe import Markup

from explain_gate.digits import plural
from explain_gate.labels.runs import Runs
from explain_gate.labels.suspects import TITLES, AuditRecord, Suspect, SuspectList
from explain_gate.profile.files import write_whole
from explain_gate.publishing.pages.page import render
from explain_gate.publishing.pictures.kept import Kept
from explain_gate.publishing.pictures.overlays import outline

MOST = 60
"""Places of a list that the page shows; the CSV has all."""
_SEEN = {"yes": "yes", "no": "no", "unknown": "not known"}


def told_audit(record: AuditRecord) -> list[str]:
    """A sentence a list, and what was left out."""
    lines = [_of(part) for part in record.lists]
    if record.left_out:
        lines.append(
            f"Left out: {plural(record.left_out, 'sample')} that a run lacks, or that the regression set holds with "
            "another file or label today."
        )
    return [*lines, *record.notes]


def render_audit(record: AuditRecord, runs: Runs, folder: Path) -> str:
    """The page; the pictures that it shows are written to `folder`/pictures."""
    pictures = _Pictures(runs, folder)
    sections: list[dict[str, Any]] = []
    for part in record.lists:
        lead = part.unasked or f"{part.measure[:1].upper()}{part.measure[1:]}. {part.note}".strip()
        more, labels = len(part.suspects) - MOST, part.name == "doubted"
        sections.append(
            {
                "title": TITLES[part.name],
                "lead": f"{lead} The first {MOST} of {len(part.suspects)}; labels.csv has all." if more > 0 else lead,
                "drawing": "",
                "columns": ("picture", "why", "number", *(("suggested", "trained on") if labels else ())),
                "rows": [
                    (
                        pictures.cell(one),
                        pictures.why(one),
                        f"{one.number:.3g}",
                        *((one.suggested or "", _SEEN[one.seen]) if labels else ()),
                    )
                    for one in part.suspects[:MOST]
                ],
            }
        )
    return render(
        "study.html.j2",
        title=f"{record.model}: labels and regions to look at",
        told=told_audit(record),
        sections=sections,
        note=f"{plural(len(record.versions), 'version')} ({', '.join(one[:12] for one in record.versions)}), "
        f"{plural(record.images, 'sample')}. Outlines are the annotated regions as the model sees them; a second one, "
        "broken, is where the maps would have it. No annotation was changed.",
    )


def _of(part: SuspectList) -> str:
    title = TITLES[part.name]
    if part.unasked:
        return f"{title}: not asked, {part.unasked}."
    if not part.suspects:
        return f"{title}: none of {part.asked:,}."
    first = part.suspects[0]
    return f"{title}: {len(part.suspects):,} of {part.asked:,}, first {first.image} ({first.why})."


class _Pictures:
    """Copies of what the profiles hold, made when they are first shown."""

    def __init__(self, runs: Runs, folder: Path) -> None:
        self._runs = runs
        self._folder = folder
        self._kept = [Kept(profile) for profile in runs.profiles]
        self._names = {image.image: row for row, image in reversed(list(enumerate(runs.images)))}

    def cell(self, one: Suspect) -> Markup:
        """The sample's picture with its region, and its name and class."""
        return self._figure(one.row, one.move) + Markup("{}<br>{}").format(one.image, one.class_name)

    def why(self, one: Suspect) -> Markup:
        """The reason, and the picture of the set that this one is like."""
        like = self._names.get(one.other or "")
        beside = self._figure(like, None) if like is not None else Markup("")
        return beside + Markup("{}").format(one.why)

    def _figure(self, row: int, move: tuple[float, float] | None) -> Markup:
        photo = self._photo(row)
        if photo is None:
            return Markup('<span class="suspect view"><span class="no-photo">no picture</span></span>')
        region = self._kept[0].region(int(self._runs.rows[0, row]))
        dataset = self._runs.profiles[0].manifest["dataset"]
        height, width = int(dataset["height"]), int(dataset["width"])
        lines = ""
        if region is not None and region.any():
            path = outline(region)
            lines = f'<path class="casing" d="{path}"/><path class="line" d="{path}"/>'
            if move is not None:
                moved = f"translate({move[1] * width:.1f} {move[0] * height:.1f})"
                lines += f'<path class="moved casing" transform="{moved}" d="{path}"/>'
                lines += f'<path class="moved line" transform="{moved}" d="{path}"/>'
        drawn = f'<svg class="outline" viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true">'
        alt = escape(f"{self._runs.images[row].image} with its region", quote=True)
        return Markup(  # noqa: S704 - our own file and numbers, the name escaped
            f'<span class="suspect view"><img class="photo" src="{photo}" alt="{alt}" loading="lazy" width="{width}" '
            f'height="{height}">{drawn}{lines}</svg></span>'
        )

    def _photo(self, row: int) -> str | None:
        """Its file beside the page; None where no run keeps it, or may show it."""
        source = self._kept[0].photo(int(self._runs.rows[0, row]))
        if source is None:
            return None
        name = f"pictures/{row:06d}.jpg"
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, source.read_bytes())
        return name
