"""Small charts as SVG text. No style attributes: colours come from the page's classes, so every theme fits."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from explain_gate.digits import number
from explain_gate.publishing.pictures.overlays import DIVERGING, SEQUENTIAL, Scale

Bound = tuple[str, float]
_WIDTH, _PLOT, _TOP = 320, 54, 22
_DOTS = 150


def axis_range(
    values: NDArray[np.float64], marks: Sequence[float | None], low: float | None, high: float | None
) -> tuple[float, float]:
    """The ends of the value axis: the metric's range where it is closed, else what has to be seen.

    The largest half percent of an open range is cut off, so that one stray image does not flatten the rest.
    """
    seen = [mark for mark in marks if mark is not None and np.isfinite(mark)]
    if values.size:
        seen += [float(np.percentile(values, 0.5)), float(np.percentile(values, 99.5))]
    left = low if low is not None else min(seen, default=0.0)
    right = high if high is not None else max(seen, default=1.0)
    if right <= left:
        right = left + 1.0
    pad = 0.06 * (right - left)
    return (left if low is not None else left - pad, right if high is not None else right + pad)


def interval_bar(
    value: float | None,
    interval: tuple[float, float] | None,
    bound: Bound | None,
    ends: tuple[float, float],
    reference: float | None = None,
) -> str:
    """One line: the axis, the forbidden side of the bound, the interval, the value, and a wedge for the reference."""
    width, height, middle = 168, 22, 11
    place = _Place(ends, 4, width - 4)
    parts = [f'<line class="axis" x1="4" x2="{width - 4}" y1="{middle}" y2="{middle}"/>']
    if bound is not None:
        parts.append(_forbidden(bound, place, top=3, height=16))
        parts.append(f'<line class="bound" x1="{place(bound[1])}" x2="{place(bound[1])}" y1="1" y2="{height - 1}"/>')
    if reference is not None:
        parts.append(f'<path class="reference" d="M{place(reference)} 6.5l-3.5 -6h7z"/>')
    if value is not None:
        side = _side(value, bound)
        if interval is not None:
            left, right = place(interval[0]), place(interval[1])
            parts.append(f'<line class="interval {side}" x1="{left}" x2="{right}" y1="{middle}" y2="{middle}"/>')
        parts.append(f'<circle class="value {side}" cx="{place(value)}" cy="{middle}" r="4"/>')
    return f'<svg class="bar" viewBox="0 0 {width} {height}" aria-hidden="true">{"".join(parts)}</svg>'


def change_bar(change: float | None, interval: tuple[float, float] | None, better: str, reach: float) -> str:
    """A difference around zero, whose line is in the middle; `reach` is the difference at either end."""
    width, height, middle = 168, 22, 11
    place = _Place((-reach, reach), 4, width - 4)
    zero = place(0.0)
    parts = [f'<line class="axis" x1="4" x2="{width - 4}" y1="{middle}" y2="{middle}"/>']
    parts.append(f'<line class="bound" x1="{zero}" x2="{zero}" y1="1" y2="{height - 1}"/>')
    if change is not None:
        side = "same" if change == 0 else "on" if (change > 0) == (better == "higher") else "off"
        if interval is not None:
            left, right = place(interval[0]), place(interval[1])
            parts.append(f'<line class="interval {side}" x1="{left}" x2="{right}" y1="{middle}" y2="{middle}"/>')
        parts.append(f'<circle class="value {side}" cx="{place(change)}" cy="{middle}" r="4"/>')
    return f'<svg class="bar" viewBox="0 0 {width} {height}" aria-hidden="true">{"".join(parts)}</svg>'


def distribution(
    values: NDArray[np.float64],
    *,
    name: str,
    key: str,
    value: float | None,
    interval: tuple[float, float] | None,
    bound: Bound | None,
    ends: tuple[float, float],
    reference: float | None = None,
) -> str:
    """The values of all images on one axis with the bound drawn in: a dot for each image, bars where there are many.

    Args:
        values: (N,), finite.
        name: what is measured, for the title.
        key: unique on the page, for the ids that screen readers follow.
        value: the statistic that is judged.
        interval: its interval.
        bound: ("at_least" | "at_most", x).
        ends: the ends of the axis; values outside are drawn at the end.
        reference: the same statistic of the reference.
    """
    place = _Place(ends, 6, _WIDTH - 6)
    base = _TOP + _PLOT
    parts = [f'<line class="axis" x1="6" x2="{_WIDTH - 6}" y1="{base}" y2="{base}"/>']
    if bound is not None:
        parts.append(_forbidden(bound, place, top=_TOP - 4, height=_PLOT + 4))
    parts.append(_dots(values, place, bound, base) if values.size <= _DOTS else _bars(values, place, bound, base))
    if bound is not None:
        x = place(bound[1])
        parts.append(f'<line class="bound" x1="{x}" x2="{x}" y1="{_TOP - 6}" y2="{base + 4}"/>')
        parts.append(f'<text class="label bound-label" x="{x}" y="{base + 15}" {_anchor(x)}>{number(bound[1])}</text>')
    if reference is not None:
        parts.append(f'<path class="reference" d="M{place(reference)} {_TOP - 2}l-4 -6.5h8z"/>')
    if value is not None:
        side = _side(value, bound)
        x = place(value)
        if interval is not None:
            ends_x = f'x1="{place(interval[0])}" x2="{place(interval[1])}"'
            parts.append(f'<line class="interval {side}" {ends_x} y1="{_TOP - 9}" y2="{_TOP - 9}"/>')
        parts.append(f'<circle class="value {side}" cx="{x}" cy="{_TOP - 9}" r="4"/>')
    parts += _end_labels(ends, base, place(bound[1]) if bound is not None else None)
    beyond = int(_off(values, bound).sum())
    told = f"{values.size:,} images" + (f", {beyond:,} on the wrong side of the bound" if bound is not None else "")
    return (
        f'<svg class="distribution" viewBox="0 0 {_WIDTH} {base + 19}" role="img" '
        f'aria-labelledby="{escape(key)}-t {escape(key)}-d"><title id="{escape(key)}-t">{escape(name)}</title>'
        f'<desc id="{escape(key)}-d">{escape(told)}</desc>{"".join(parts)}</svg>'
    )


def colour_bar(scale: Scale) -> str:
    """The map's colours from weak to strong, for the legend."""
    colours = SEQUENTIAL if scale == "sequential" else DIVERGING
    step = 120 / len(colours)
    cells = "".join(
        f'<rect x="{index * step:.1f}" width="{step + 0.5:.1f}" height="10" fill="rgb({red},{green},{blue})"/>'
        for index, (red, green, blue) in enumerate(colours)
    )
    return f'<svg class="colour-bar" viewBox="0 0 120 10" aria-hidden="true">{cells}</svg>'


class _Place:
    """Value to pixel, rounded to a tenth and kept inside the plot."""

    def __init__(self, ends: tuple[float, float], left: float, right: float) -> None:
        self._low, self._high = ends
        self.left, self.right = left, right

    def __call__(self, value: float) -> float:
        share = (value - self._low) / (self._high - self._low)
        return round(self.left + min(max(share, 0.0), 1.0) * (self.right - self.left), 1)


def _forbidden(bound: Bound, place: _Place, *, top: int, height: int) -> str:
    name, at = bound
    left, right = (place.left, place(at)) if name == "at_least" else (place(at), place.right)
    return f'<rect class="forbidden" x="{left}" y="{top}" width="{max(right - left, 0):.1f}" height="{height}"/>'


def _side(value: float, bound: Bound | None) -> str:
    if bound is None:
        return "same"  # nothing says on which side of what it should lie
    return "off" if bool(_off(np.array([value]), bound)[0]) else "on"


def _off(values: NDArray[np.float64], bound: Bound | None) -> NDArray[np.bool_]:
    if bound is None:
        return np.zeros(values.shape, dtype=bool)
    return values < bound[1] if bound[0] == "at_least" else values > bound[1]


def _dots(values: NDArray[np.float64], place: _Place, bound: Bound | None, base: int) -> str:
    """Stacked dots as zero-length strokes with round caps: two paths, however many images."""
    paths = {"on": "", "off": ""}
    columns: dict[tuple[int, bool], int] = {}
    spots = [(round((place(value) - place.left) / 5.5), off) for value, off in
             zip(values.tolist(), _off(values, bound).tolist(), strict=True)]  # fmt: skip
    tallest = max((spots.count(spot) for spot in set(spots)), default=1)
    step = min(5.5, (_PLOT - 6) / tallest)
    for spot in spots:
        column, off = spot
        level = columns[spot] = columns.get(spot, -1) + 1
        x = min(place.left + column * 5.5, place.right)
        if bound is not None:
            # A dot must not lie across the line it is compared with.
            edge = place(bound[1])
            below = (bound[0] == "at_least") == off
            x = min(x, edge - 2.8) if below else max(x, edge + 2.8)
        paths["off" if off else "on"] += f"M{x:.1f} {base - 4 - level * step:.1f}h0"
    return "".join(f'<path class="dots {name}" d="{path}"/>' for name, path in paths.items() if path)


def _bars(values: NDArray[np.float64], place: _Place, bound: Bound | None, base: int) -> str:
    """A histogram whose bins meet at the bound, so that no bar is on both sides of it."""
    low, high = place.left, place.right
    width = (high - low) / 40
    anchor = place(bound[1]) if bound is not None else low
    first = low - ((low - anchor) % width and width - (anchor - low) % width)
    edges = np.unique(np.clip(np.append(np.arange(first, high, width), [low, high, anchor]), low, high))
    paths = {"on": "", "off": ""}
    off = _off(values, bound)
    pixels = np.array([place(value) for value in values.tolist()])
    histograms = {name: np.histogram(pixels[chosen], edges)[0] for name, chosen in (("on", ~off), ("off", off))}
    top = max(int(counts.max()) for counts in histograms.values()) or 1
    for name, counts in histograms.items():
        for left, right, count in zip(edges[:-1], edges[1:], counts, strict=True):
            if count:
                height = max(count / top * (_PLOT - 4), 1.0)
                paths[name] += f"M{left + 0.5:.1f} {base}v-{height:.1f}h{max(right - left - 1, 0.5):.1f}v{height:.1f}z"
    return "".join(f'<path class="bars {name}" d="{path}"/>' for name, path in paths.items() if path)


def _anchor(x: float) -> str:
    return f'text-anchor="{"start" if x < 20 else "end" if x > _WIDTH - 20 else "middle"}"'


def _end_labels(ends: tuple[float, float], base: int, taken: float | None) -> list[str]:
    labels = []
    for value, x, anchor in ((ends[0], 6, "start"), (ends[1], _WIDTH - 6, "end")):
        if taken is None or abs(taken - x) > 46:
            labels.append(f'<text class="label" x="{x}" y="{base + 15}" text-anchor="{anchor}">{number(value)}</text>')
    return labels
