"""The film of a training: maps of a few images, epoch by epoch, beside the curves of the rules; one page, no script.

The images are the same from the first measured epoch on, and nobody picked them: those whose names have the lowest
SHA-256, one of each class before a second of any.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from explain_gate.comparing.series import Series, rule_of
from explain_gate.digits import plural
from explain_gate.errors import OptionError
from explain_gate.profile.files import write_whole
from explain_gate.publishing.pages.page import render
from explain_gate.publishing.pictures.film import Frame, Strip, coarsest, frame_of
from explain_gate.publishing.pictures.trends import trend
from explain_gate.records import BLOCKING, Finding, Profile, Rule

if TYPE_CHECKING:
    from explain_gate.training.early_warning import Alarm

IMAGES = 4
"""Images of a film."""
FRAMES = 24
"""Frames of an image on the page: the first, the last, and evenly between."""
_Epoch = tuple[int, Sequence[Finding], Sequence["Alarm"]]


class Film:
    """Takes frames while the maps of an epoch are there, and writes the page anew after each.

    Args:
        folder: where film.html goes; made where it is not there.
        rules: those that are measured.

    Raises:
        OptionError: none of them has a map.
    """

    def __init__(self, folder: Path, rules: Sequence[Rule]) -> None:
        if not any(rule.method for rule in rules):
            raise OptionError(
                "a film needs maps, and no chosen rule measures any; add one of a method to checks, such as alignment.*"
            )
        self.path = folder / "film.html"
        self._method: str | None = None
        self._classes: dict[str, str] = {}
        self._frames: dict[str, list[tuple[int, Frame]]] = {}

    def take(self, profile: Profile, epoch: int) -> None:
        """Keep the frames of this epoch; the first one chooses images and method."""
        if self._method is None:
            self._method = coarsest([profile])
            self._classes = _chosen(profile)
        if self._method is None:
            return
        for image in self._classes:
            frame = frame_of(profile, f"epoch {epoch}", image, self._method)
            if frame is not None:
                self._frames.setdefault(image, []).append((epoch, frame))

    def write(self, epochs: Sequence[_Epoch]) -> None:
        """The page of all measured epochs. A disk that is full ends no training: it is told."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, self._page(epochs).encode("utf-8"))
        except OSError as error:
            warnings.warn(f"explain-gate: the film is not written to {self.path}: {error}", stacklevel=4)

    def _page(self, epochs: Sequence[_Epoch]) -> str:
        strips = [
            Strip(
                image=image,
                class_name=self._classes[image],
                method=self._method or "",
                frames=tuple(frame for _, frame in _evenly(frames)),
            )
            for image, frames in self._frames.items()
        ]
        numbers = [epoch for epoch, _, _ in epochs]
        told = [(epoch, alarm.message) for epoch, _, alarms in epochs for alarm in alarms]
        last = epochs[-1][1]
        broken = sum(finding.status in BLOCKING for finding in last)
        return render(
            "film.html.j2",
            pictures="data:",
            first=numbers[0],
            last=numbers[-1],
            told=f"{plural(len(numbers), 'measured epoch')}; {broken} of {plural(len(last), 'row')} broken at the last",
            alarms=told,
            strips=strips,
            charts=_charts(epochs),
        )


def _chosen(profile: Profile) -> dict[str, str]:
    """Image -> class, lowest hash first, one of each class before a second of any."""
    order = sorted(profile.images, key=lambda one: hashlib.sha256(one.image.encode()).hexdigest())
    chosen: dict[str, str] = {}
    for distinct in (True, False):
        for row in order:
            fits = row.image not in chosen and not (distinct and row.class_name in chosen.values())
            if fits and len(chosen) < IMAGES:
                chosen[row.image] = row.class_name
    return chosen


def _evenly(frames: Sequence[tuple[int, Frame]]) -> list[tuple[int, Frame]]:
    if len(frames) <= FRAMES:
        return list(frames)
    return [frames[round(at * (len(frames) - 1) / (FRAMES - 1))] for at in range(FRAMES)]


def _charts(epochs: Sequence[_Epoch]) -> list[tuple[Series, Markup]]:
    """One curve a row, over the measured epochs."""
    rows = dict.fromkeys(rule_of(finding) for _, findings, _ in epochs for finding in findings)
    ends = (f"epoch {epochs[0][0]}", f"epoch {epochs[-1][0]}")
    charts = []
    for number, (check, method, class_name) in enumerate(rows):
        by_rule = [{rule_of(finding): finding for finding in findings} for _, findings, _ in epochs]
        series = Series(
            check=check,
            method=method,
            class_name=class_name,
            findings=tuple(one.get((check, method, class_name)) for one in by_rule),
        )
        stopped = [finding is not None and finding.status in BLOCKING for finding in series.findings]
        drawing = trend(series, key=f"curve-{number}", blocked=stopped, breaks=(), ends=ends)
        charts.append((series, Markup(drawing)))  # noqa: S704 - escaped where it is drawn
    return charts
