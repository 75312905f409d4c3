"""Every image as a row: what it is, what the model said, and all its scores, worst first. The pictures: the gallery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from explain_gate.comparing.per_image import PerImage, breaches, worst_first
from explain_gate.metrics import better
from explain_gate.publishing.pictures.gallery import Gallery, answer_of, breach_told
from explain_gate.records import STATUS_ORDER, ImageRow, Measurement, Status, Verdict

MOST_ROWS = 4_000
"""Images in the table; the worst are kept, the rest is counted."""
MOST_CELLS = 60_000
"""Scores in it; a page of a few megabytes still opens at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A score: its check, its method where it has one, and which end is better."""

    check: str
    method: str | None
    better: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One image. `anchor` is its id on the page; `breach` is the rule that it breaks most; `scores` follow the columns.

    A score is None where there is none.
    """

    row: int
    image: ImageRow
    anchor: str
    predicted: str
    status: Status
    breach: str
    scores: tuple[float | None, ...]

    @property
    def percent(self) -> int | None:
        """How sure the model was, in percent."""
        return None if self.image.probability is None else round(100 * self.image.probability)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTable:
    """The worst images first, out of `total`."""

    columns: tuple[Column, ...] = ()
    rows: tuple[TableRow, ...] = ()
    total: int = 0

    @property
    def classes(self) -> list[str]:
        """The classes that have an image here."""
        return sorted({row.image.class_name for row in self.rows})

    @property
    def statuses(self) -> list[Status]:
        """The statuses that an image here has, worst first."""
        return [status for status in STATUS_ORDER if any(row.status == status for row in self.rows)]

    @property
    def anchors(self) -> dict[str, str]:
        """What a link to an image names, for those that have a place on the page."""
        return {one.image.image: one.anchor for one in self.rows}

    def data(self) -> dict[str, Any]:
        """What the page's script filters and sorts by: short lists, since there are thousands."""
        classes, statuses = self.classes, self.statuses
        places = {name: place for place, name in enumerate(classes)}
        return {
            "columns": [{"check": one.check, "method": one.method, "better": one.better} for one in self.columns],
            "classes": classes,
            "statuses": statuses,
            "rows": [
                [
                    one.row,
                    one.image.image,
                    one.anchor,
                    places[one.image.class_name],
                    statuses.index(one.status),
                    int(one.image.correct),
                    one.predicted,
                    one.percent,
                    one.breach,
                    one.image.region_reason or "",
                    one.scores,
                ]
                for one in self.rows
            ],
        }


def build_table(verdict: Verdict, per_image: PerImage | None, gallery: Gallery) -> ImageTable:
    """All images of a profile with their scores, as many as a page holds; those with pictures are always among them."""
    if per_image is None:
        return ImageTable()
    profile = per_image.profile
    measurements = per_image.shown()
    room = min(MOST_ROWS, MOST_CELLS // max(len(measurements), 1))
    breached = breaches(per_image, verdict)
    pictured = {shown.row for shown in gallery.shown}
    chosen = [row for place, row in enumerate(worst_first(breached)) if place < room or row in pictured]
    scores = [_scores(measurement, per_image) for measurement in measurements]
    return ImageTable(
        columns=tuple(Column(check=m.check, method=m.method, better=better(m.check, {})) for m in measurements),
        rows=tuple(
            TableRow(
                row=row,
                image=profile.images[row],
                anchor=gallery.anchors[row],
                predicted=answer_of(profile, profile.images[row]),
                status=breached.status_of(row),
                breach=breach_told(verdict.findings, breached, row),
                scores=tuple(of_row.get(row) for of_row in scores),
            )
            for row in chosen
        ),
        total=len(profile.images),
    )


def _scores(measurement: Measurement, per_image: PerImage) -> dict[int, float]:
    usable = per_image.usable(measurement)
    pairs = zip(measurement.rows[usable].tolist(), measurement.values[usable].tolist(), strict=True)
    return {row: float(f"{value:.4g}") for row, value in pairs}
