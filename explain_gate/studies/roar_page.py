"""Remove and retrain in sentences, as curves, and as a page that opens from disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from markupsafe import Markup

from explain_gate.digits import number, plural
from explain_gate.publishing.pages.page import render
from explain_gate.studies.ranking import Standing
from explain_gate.studies.retraining import RANDOM
from explain_gate.studies.roar import Curve, Price, RoarRecord

_WIDTH, _LEFT, _TOP, _BASE = 560, 40, 14, 236
_MARKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_FILLS = {"mean": "the training pictures' mean", "impute": "a noisy mean of their neighbours"}
_SAID = {RANDOM: "random pixels"}


def told_price(price: Price) -> list[str]:
    """What a study costs, before it is paid."""
    first = (
        f"One model retrained on {plural(price.fitted, 'whole picture')} is right about {number(price.first)} of the "
        f"held-out ones; it took {_time(price.seconds_each)}."
    )
    known = f" ({plural(price.known, 'retrain')} from before)" if price.known else ""
    beside = f" on {price.workers} workers" if price.workers > 1 else ""
    rest = (
        f"To do: {plural(price.retrains, 'retrain')}{known}, and maps in about {price.maps.forward:,} forward and "
        f"{price.maps.backward:,} backward passes: about {_time(price.seconds)}{beside}, retrains at the pace of the "
        "first."
    )
    return [first, rest]


def told_roar(record: RoarRecord) -> list[str]:
    """What was found, a sentence each, the answer first."""
    whole = f"{number(record.whole)} ({_span(record.whole_interval)})"
    if not record.answered:
        told = (
            f"No method is ranked: retrained on whole pictures, models are right about {whole} of "
            f"{plural(record.held_out, 'held-out picture')}, and always saying the commonest class is right about "
            f"{number(record.commonest)}. What was never learned cannot be lost; train on more pictures, or longer."
        )
        return [told]
    place = next(one.rank for one in record.standings if one.method == RANDOM)
    lines = [_first(record)]
    beaten = [one.method for one in record.standings if one.rank > place]
    tied = [one.method for one in record.standings if _tied(record, one.method) and one.method != RANDOM]
    if tied:
        lines.append(f"Not told from random pixels: {', '.join(tied)}.")
    if beaten:
        lines.append(
            f"Worse than random pixels, as what they leave tells more than what chance leaves: {', '.join(beaten)}."
        )
    lines.append(
        f"Retrained on whole pictures, models are right about {whole} of {plural(record.held_out, 'held-out picture')}."
    )
    lines += [
        f"{_name(method)}: {plural(count, 'picture')} without a map, whose pixels went at random."
        for method, count in record.without_map.items()
        if count
    ]
    return lines


def render_roar(record: RoarRecord) -> str:
    """The page: curves, their numbers, areas against random pixels, tests."""
    removed = [f"{100 * share:g} %" for share in record.shares]
    return render(
        "study.html.j2",
        title=f"{record.model}: which pixels a class can be learned from",
        told=told_roar(record),
        sections=[
            {
                "title": "Curves",
                "lead": "Share of right answers about held-out pictures, by the share of pixels that was removed from "
                f"them and from those that models were trained on. Removed pixels become {_FILLS[record.fill]}. A "
                "method whose curve falls earlier names pixels that matter more.",
                "drawing": Markup(_chart(record)),  # noqa: S704 - drawn here, names escaped
                "columns": ("pixels of", *removed),
                "rows": [
                    (
                        _name(one.method),
                        *(f"{number(one.right[at])} ({_span(ends)})" for at, ends in enumerate(one.intervals)),
                    )
                    for one in record.curves
                ],
            },
            {
                "title": "Against random pixels",
                "lead": "Area between the curve of random pixels and that of the method: how many right answers are "
                "lost, on average over the shares, by taking its pixels instead. Above 0 is better than random.",
                "drawing": "",
                "columns": ("pixels of", "rank", "area", "95 % interval", "ties with"),
                "rows": [
                    (_name(one.method), one.rank, *_area(one), _ties(record, one.method)) for one in record.standings
                ]
                if record.answered
                else [],
            },
            {
                "title": "Tests",
                "lead": "Paired by retrain and picture, two-sided, after Holm over all pairs; 0.05 decides.",
                "drawing": "",
                "columns": ("larger area", "other", "difference", "95 % interval", "p", "says"),
                "rows": [
                    (_name(pair.better), _name(pair.worse), number(pair.difference), _span(pair.interval),
                     number(pair.p), "tie" if pair.tie else "better")
                    for pair in record.pairs
                ]
                if record.answered
                else [],
            },
        ],
        note=f"Model {record.model_digest[:12]}, whose maps of its own answers say what is removed; {record.train} "
        f"retrained on {plural(record.fitted, 'picture')}, {len(record.seeds)} times each (seeds {record.seeds[0]} to "
        f"{record.seeds[-1]}). Intervals: 95 %, over retrains and pictures.",
    )  # fmt: skip


def _first(record: RoarRecord) -> str:
    """Of those that are better than random pixels beyond chance, the largest area and what ties with it."""
    better = {pair.better for pair in record.pairs if pair.worse == RANDOM and not pair.tie}
    above = [one for one in record.standings if one.method in better]
    if not above:
        return "No method takes away more of what a class can be learned from than random pixels do, beyond chance."
    first = above[0]
    names = [_name(one.method) for one in above if one is first or _ties_with(record, first.method, one.method)]
    if len(names) > 1:
        return f"{', '.join(names)} tie as those that take away most of what a class can be learned from."
    area, ends = _area(first)
    return (
        f"{names[0]} takes away most of what a class can be learned from: {area} ({ends}) more right answers are "
        "lost than with random pixels, on average over the shares."
    )


def _ties_with(record: RoarRecord, one: str, other: str) -> bool:
    return any(pair.tie and {pair.better, pair.worse} == {one, other} for pair in record.pairs)


def _tied(record: RoarRecord, method: str) -> bool:
    return _ties_with(record, method, RANDOM)


def _ties(record: RoarRecord, method: str) -> str:
    others = [
        _name(pair.worse if pair.better == method else pair.better)
        for pair in record.pairs
        if pair.tie and method in (pair.better, pair.worse)
    ]
    return ", ".join(others) or "none"


def _area(one: Standing) -> tuple[str, str]:
    return (number(one.mean), _span(one.interval)) if one.method != RANDOM else ("0", "by definition")


def _name(method: str) -> str:
    return _SAID.get(method, method)


def _span(ends: tuple[float, float]) -> str:
    return f"{number(ends[0])} to {number(ends[1])}"


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def _chart(record: RoarRecord) -> str:
    """A line a method with its intervals, moved a little beside each other, and below it the names."""
    seen = [ends[0] for one in record.curves for ends in one.intervals]
    low = max(0.0, min([record.commonest, *seen]) - 0.05)

    def x(share: float) -> float:
        return _LEFT + 20 + (_WIDTH - _LEFT - 46) * share / record.shares[-1]

    def y(value: float) -> float:
        return _BASE - (value - low) / (1 - low) * (_BASE - _TOP)

    drawn = [f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH}" y1="{_BASE}" y2="{_BASE}"/>']
    drawn += [
        f'<text class="label" x="{_LEFT - 6}" y="{y(mark) + 3.5:.1f}" text-anchor="end">{mark:g}</text>'
        for mark in _MARKS
        if mark >= low
    ]
    drawn += [
        f'<text class="label" x="{x(share):.1f}" y="{_BASE + 18}" text-anchor="middle">{100 * share:g} %</text>'
        for share in record.shares
    ]
    chance = f"{y(record.commonest):.1f}"
    drawn.append(f'<path class="bound" stroke-dasharray="1 4" d="M{_LEFT} {chance}H{_WIDTH}"/>')
    for place, one in enumerate(record.curves):
        aside = 3.0 * (place - (len(record.curves) - 1) / 2)
        drawn.append(_line(one, place, [x(share) + aside for share in record.shares], y))
        drawn.append(_key(f'class="fall {_course(place)}"', place, _name(one.method)))
    count = len(record.curves)
    drawn.append(_key('class="bound" stroke-dasharray="1 4"', count, "always the commonest class"))
    return (
        f'<svg class="distribution curves" viewBox="0 0 {_WIDTH} {_BASE + 54 + 24 * (count // 2)}" role="img" '
        'aria-label="Right answers of retrained models by share of pixels removed, a line a method; the table has its '
        f'numbers">{"".join(drawn)}</svg>'
    )


def _key(look: str, place: int, name: str) -> str:
    """What a line stands for, two beside each other."""
    left, down = _LEFT + 14 + 262 * (place % 2), _BASE + 46 + 24 * (place // 2)
    return (
        f'<path {look} d="M{left} {down - 4}h26"/><text class="label" x="{left + 32}" y="{down}">{escape(name)}</text>'
    )


def _line(one: Curve, place: int, across: Sequence[float], y: Callable[[float], float]) -> str:
    """Its course, a dot a share, and the interval of each as an upright line."""
    spots = [f"{x:.1f} {y(value):.1f}" for x, value in zip(across, one.right, strict=True)]
    drawn = [f'<path class="fall {_course(place)}" d="M{"L".join(spots)}"/>']
    for x, value, (low, high) in zip(across, one.right, one.intervals, strict=True):
        drawn.append(
            f'<path class="fall {_course(place)} span" d="M{x:.1f} {y(low):.1f}V{y(high):.1f}"/>'
            f'<circle class="spot {_course(place)}" cx="{x:.1f}" cy="{y(value):.1f}" r="2.6"/>'
        )
    return "".join(drawn)


def _course(place: int) -> str:
    return f"course-{place % 4} dash-{place // 4 % 3}"
