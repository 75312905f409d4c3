"""A rule over many versions as SVG text: values, intervals, the threshold as it was, and what was blocked."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from explain_gate.comparing.per_image import bound_side
from explain_gate.comparing.series import Series
from explain_gate.digits import number
from explain_gate.metrics import metric_of
from explain_gate.publishing.pictures.charts import axis_range
from explain_gate.records import BLOCKING, Finding

WIDTH, HEIGHT = 360, 132
_LEFT, _RIGHT, _TOP, _BASE = 34, 352, 10, 108
_DOTS = 60


def trend(series: Series, *, key: str, blocked: Sequence[bool], breaks: Sequence[int], ends: tuple[str, str]) -> str:
    """The chart of one rule.

    Args:
        series: the rule's findings, one per version.
        key: unique on the page, for the ids that screen readers follow.
        blocked: per version, whether the gate stopped it; marked below the axis.
        breaks: positions from which values are not comparable with those before; no line leads over one.
        ends: labels of the first and the last version.
    """
    place = _Place(series)
    parts = [f'<line class="axis" x1="{_LEFT}" x2="{_RIGHT}" y1="{_BASE}" y2="{_BASE}"/>']
    parts += [f'<line class="break" x1="{x}" x2="{x}" y1="{_TOP}" y2="{_BASE}"/>' for x in map(place.between, breaks)]
    parts += _thresholds(series, place)
    parts += _band(series, place, breaks)
    parts += _line(series, place, breaks)
    marks = "".join(f"M{place.x(at):.1f} {_BASE + 3}v5" for at, stopped in enumerate(blocked) if stopped)
    parts += [f'<path class="stopped" d="{marks}"/>'] if marks else []
    parts.append(f'<line class="cursor" x1="0" x2="0" y1="{_TOP}" y2="{_BASE + 8}"/>')
    parts += _labels(series, place, ends)
    name = " ".join(part for part in (series.check, series.method, series.class_name) if part)
    return (
        f'<svg class="trend" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{key}-t {key}-d">'
        f'<title id="{key}-t">{escape(name)}</title><desc id="{key}-d">{escape(_description(series))}</desc>'
        f"{''.join(parts)}</svg>"
    )


def position_of(position: float, count: int) -> float:
    """Where a version lies on the x axis, in the chart's pixels; a lone version lies in the middle."""
    return _LEFT + 6 + (position / (count - 1) if count > 1 else 0.5) * (_RIGHT - _LEFT - 12)


class _Place:
    """Version and value to pixels; the value axis holds every value, interval and threshold."""

    def __init__(self, series: Series) -> None:
        self.count = len(series.findings)
        shown = [finding for finding in series.findings if finding is not None]
        seen = [value for finding in shown for value in (finding.value, *(finding.interval or ()), _limit(finding))]
        marks = [value for value in seen if value is not None]
        metric = metric_of(series.check)
        low, high = axis_range(np.empty(0), marks, None, None)
        # The metric's own ends are limits, not the frame: a curve between 0.93 and 0.96 must still be seen.
        self.low = max(low, metric.low) if metric is not None and metric.low is not None else low
        self.high = min(high, metric.high) if metric is not None and metric.high is not None else high
        if self.high <= self.low:
            self.low, self.high = self.low - 0.5, self.high + 0.5

    def x(self, position: float) -> float:
        return position_of(position, self.count)

    def between(self, position: int) -> float:
        """The middle between a version and the one before."""
        return round((self.x(position - 1) + self.x(position)) / 2, 1)

    def y(self, value: float) -> float:
        share = min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)
        return round(_BASE - share * (_BASE - _TOP), 1)


def _limit(finding: Finding) -> float | None:
    side = bound_side(finding.bound)
    return side[1] if side is not None else None


def _thresholds(series: Series, place: _Place) -> list[str]:
    """The bound as it was for each version, in runs of equal bounds, with its forbidden side."""
    parts = []
    half = (place.x(1) - place.x(0)) / 2 if place.count > 1 else (_RIGHT - _LEFT) / 2 - 6
    for start, stop, finding in _runs(series):
        side = bound_side(finding.bound)
        if side is None:
            continue
        left = max(place.x(start) - half, _LEFT)
        right = min(place.x(stop) + half, _RIGHT)
        y = place.y(side[1])
        top, bottom = (y, _BASE) if side[0] == "at_least" else (_TOP, y)
        width = f'width="{right - left:.1f}"'
        parts.append(f'<rect class="forbidden" x="{left:.1f}" y="{top}" {width} height="{max(bottom - top, 0):.1f}"/>')
        parts.append(f'<line class="bound" x1="{left:.1f}" x2="{right:.1f}" y1="{y}" y2="{y}"/>')
    return parts


def _runs(series: Series) -> list[tuple[int, int, Finding]]:
    """(first, last, finding) of stretches of versions that share a bound; versions without a finding belong to none."""
    runs: list[tuple[int, int, Finding]] = []
    for position, finding in enumerate(series.findings):
        if finding is None:
            continue
        if runs and runs[-1][1] == position - 1 and bound_side(runs[-1][2].bound) == bound_side(finding.bound):
            runs[-1] = (runs[-1][0], position, finding)
        else:
            runs.append((position, position, finding))
    return runs


def _stretches(series: Series, breaks: Sequence[int]) -> list[list[tuple[int, Finding]]]:
    """Versions in a row that have a value, and whose values may be compared."""
    stretches: list[list[tuple[int, Finding]]] = [[]]
    for position, finding in enumerate(series.findings):
        if position in breaks:
            stretches.append([])
        if finding is not None and finding.value is not None:
            stretches[-1].append((position, finding))
        elif stretches[-1]:
            stretches.append([])
    return [stretch for stretch in stretches if stretch]


def _band(series: Series, place: _Place, breaks: Sequence[int]) -> list[str]:
    parts = []
    for stretch in _stretches(series, breaks):
        ends = [(place.x(at), finding.interval) for at, finding in stretch if finding.interval is not None]
        if len(ends) == 1:
            x, (low, high) = ends[0][0], ends[0][1]
            parts.append(f'<path class="whisker" d="M{x:.1f} {place.y(low)}V{place.y(high)}"/>')
        elif ends:
            upper = [f"{x:.1f} {place.y(interval[1])}" for x, interval in ends]
            lower = [f"{x:.1f} {place.y(interval[0])}" for x, interval in reversed(ends)]
            parts.append(f'<path class="band" d="M{"L".join([*upper, *lower])}Z"/>')
    return parts


def _line(series: Series, place: _Place, breaks: Sequence[int]) -> list[str]:
    """The values as a line, with a dot for each version while they can be told apart; broken ones always have one."""
    line, dots = "", {"on": "", "off": "", "unsure": ""}
    for stretch in _stretches(series, breaks):
        spots = [f"{place.x(at):.1f} {place.y(finding.value or 0.0)}" for at, finding in stretch]
        line += f"M{'L'.join(spots)}" if len(spots) > 1 else ""
        for spot, (_, finding) in zip(spots, stretch, strict=True):
            kind = "off" if finding.status in BLOCKING else "unsure" if finding.status == "inconclusive" else "on"
            if kind != "on" or place.count <= _DOTS or len(spots) == 1:
                dots[kind] += f"M{spot}h0"
    parts = [f'<path class="course" d="{line}"/>'] if line else []
    small = " small" if place.count > _DOTS else ""
    return parts + [f'<path class="spots {kind}{small}" d="{path}"/>' for kind, path in dots.items() if path]


def _labels(series: Series, place: _Place, ends: tuple[str, str]) -> list[str]:
    latest = series.latest
    limit = _limit(latest) if latest is not None else None
    labels = [
        _text(_LEFT - 4, place.y(value) + 3.5, number(value), "label", "end")
        for value in (place.high, place.low)
        if limit is None or abs(place.y(value) - place.y(limit)) > 11
    ]
    if limit is not None:
        labels.append(_text(_LEFT - 4, place.y(limit) + 3.5, number(limit), "label bound-label", "end"))
    first, last = (end if len(end) <= 24 else f"{end[:23]}…" for end in ends)
    if place.count > 1:
        labels.append(_text(_LEFT, _BASE + 20, first, "label", "start"))
    labels.append(_text(_RIGHT, _BASE + 20, last, "label", "end"))
    return labels


def _text(x: float, y: float, text: str, kind: str, anchor: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _description(series: Series) -> str:
    judged = [finding for finding in series.findings if finding is not None]
    broken = sum(finding.status in BLOCKING for finding in judged)
    latest = series.latest
    now = f", now {number(latest.value)}" if latest is not None else ""
    return f"{len(judged):,} versions{now}; broken in {broken:,}"
