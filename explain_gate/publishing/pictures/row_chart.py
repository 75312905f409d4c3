"""All numbers of one row on one line: value, interval, bound, honest spread, power, controls, reference; as SVG.

The value is a bar from zero, or from the end of the axis that lies nearest to zero: its length is its number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from explain_gate.digits import exact, number
from explain_gate.metrics import metric_of
from explain_gate.publishing.pictures.charts import Bound
from explain_gate.publishing.words.wording import span
from explain_gate.records import Control, Finding

WIDTH, HEIGHT, MARGIN = 640, 50, 8
_TOP, _BAR, _MIDDLE = 12, 12, 18


@dataclass(frozen=True, slots=True, kw_only=True)
class RowNumbers:
    """The numbers of one row, all on one axis; None or empty where a row has none, NaN and infinity count as none.

    `honest` is the largest share that honest versions show, `finds` the smallest that the row's images find in four of
    five runs, `must_catch` the share that the rule has to find: for rows that count images. `controls` are values by
    the control's name.
    """

    value: float | None
    interval: tuple[float, float] | None = None
    bound: Bound | None = None
    reference: float | None = None
    honest: float | None = None
    finds: float | None = None
    must_catch: float | None = None
    controls: Mapping[str, float] = field(default_factory=dict)


def numbers_of(finding: Finding, bound: Bound | None, controls: Sequence[Control]) -> RowNumbers:
    """What a finding and the controls of its rule say in numbers.

    Args:
        finding: one judged rule.
        bound: the bound on its value, where it has one; a row that counts images has its own.
        controls: the controls of its rule.
    """
    tried = {control.control: control.value for control in controls if control.value is not None}
    counted = finding.evidence
    if counted is None:
        return RowNumbers(
            value=finding.value,
            interval=finding.interval,
            bound=bound,
            reference=finding.reference_value,
            controls=tried,
        )
    fails_at = counted.fails_from / counted.images if counted.fails_from is not None and counted.images else None
    return RowNumbers(
        value=counted.yes / counted.images if counted.images else None,
        interval=counted.limits,
        bound=("at_most", fails_at) if fails_at is not None else None,
        honest=counted.bound,
        finds=counted.finds,
        must_catch=counted.must_catch,
        controls=tried,
    )


def row_ends(numbers: RowNumbers, check: str, *, counted: bool) -> tuple[float, float]:
    """The ends of the axis: 0 to 1 for counted images, the metric's range where it is closed, else what is seen."""
    metric = metric_of(check)
    low, high = (0.0, 1.0) if counted else (metric.low, metric.high) if metric is not None else (None, None)
    marks = [0.0, *_marks(numbers)]
    left = low if low is not None else min(marks)
    right = high if high is not None else max(marks)
    if right <= left:
        right = left + 1.0
    room = 0.04 * (right - left)
    return (left if low is not None or left == 0 else left - room, right if high is not None else right + room)


def row_chart(numbers: RowNumbers, ends: tuple[float, float]) -> str:
    """The line as SVG; what has no number is not drawn, what lies beyond the axis is drawn at its end.

    Args:
        numbers: what to draw.
        ends: the ends of the axis, low before high.
    """
    base = min(max(0.0, ends[0]), ends[1])
    parts = [_line("axis", ends[0], ends[1], ends, y=_MIDDLE)]
    if _is_number(numbers.honest):
        parts.append(_rect("honest", 0.0, numbers.honest, ends, top=_TOP - 4, height=_BAR + 8))
    if numbers.bound is not None and _is_number(numbers.bound[1]):
        parts.append(_beyond(numbers.bound, ends))
    if _is_number(numbers.value):
        parts.append(_rect(f"length {_side(numbers)}", base, numbers.value, ends, top=_TOP, height=_BAR))
        if numbers.interval is not None and all(map(_is_number, numbers.interval)):
            parts.append(_line("reach", *numbers.interval, ends, y=_MIDDLE))
    if numbers.bound is not None and _is_number(numbers.bound[1]):
        parts.append(_tick("bound", numbers.bound[1], ends, 4, 32))
    if _is_number(numbers.finds):
        parts.append(_tick("finds", numbers.finds, ends, 8, 28))
    parts += [_diamond(value, ends) for value in numbers.controls.values() if _is_number(value)]
    if _is_number(numbers.reference):
        x = place(numbers.reference, ends)
        parts.append(f'<path class="reference" d="M{x} 9l-4 -7h8z"/>')
    for value, x, anchor in ((ends[0], MARGIN, "start"), (ends[1], WIDTH - MARGIN, "end")):
        parts.append(f'<text class="label" x="{x}" y="{HEIGHT - 2}" text-anchor="{anchor}">{number(value)}</text>')
    return f'<svg class="row-chart" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{"".join(parts)}</svg>'


def row_table(numbers: RowNumbers) -> list[tuple[str, str, str]]:
    """Every mark of the line in words: (key of its mark, what it is, its number). What is not drawn is not listed."""
    bound = numbers.bound
    listed = [
        ("length", "this version", _told(numbers.value, bound)),
        ("reach", "95 % interval", span(numbers.interval)),
        ("bound", _breaks(numbers), _exact(bound)),
        ("reference", "reference", _told(numbers.reference)),
        ("honest", "honest versions, at most", _told(numbers.honest)),
        ("finds", "power: what these images find, 4 of 5 times", _told(numbers.finds)),
        ("", "what the rule must catch", _told(numbers.must_catch)),
        *(("control", f"control: {name}", _told(value)) for name, value in numbers.controls.items()),
    ]
    return [row for row in listed if row[2]]


def place(value: float, ends: tuple[float, float]) -> float:
    """Where a value lies in the picture, in its units, to a hundredth."""
    share = min(max((value - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)
    return round(MARGIN + share * (WIDTH - 2 * MARGIN), 2)


def _is_number(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _marks(numbers: RowNumbers) -> list[float]:
    every = (
        numbers.value,
        *(numbers.interval or ()),
        numbers.bound[1] if numbers.bound else None,
        numbers.reference,
        numbers.honest,
        *numbers.controls.values(),
    )
    return [mark for mark in every if mark is not None and math.isfinite(mark)]


def _side(numbers: RowNumbers) -> str:
    value, bound = numbers.value, numbers.bound
    if value is None or bound is None:
        return "on"
    # A count breaks its row from the bound on, a value beyond it only.
    beyond = value >= bound[1] if _is_counted(numbers) else value > bound[1]
    return "off" if (value < bound[1] if bound[0] == "at_least" else beyond) else "on"


def _is_counted(numbers: RowNumbers) -> bool:
    return numbers.honest is not None


def _breaks(numbers: RowNumbers) -> str:
    if numbers.bound is None:
        return ""
    return (
        "breaks below" if numbers.bound[0] == "at_least" else "breaks from" if _is_counted(numbers) else "breaks beyond"
    )


def _rect(name: str, start: float, end: float, ends: tuple[float, float], *, top: int, height: int) -> str:
    left, right = sorted((place(start, ends), place(end, ends)))
    return f'<rect class="{name}" x="{left}" y="{top}" width="{round(right - left, 2)}" height="{height}"/>'


def _beyond(bound: Bound, ends: tuple[float, float]) -> str:
    start, end = (ends[0], bound[1]) if bound[0] == "at_least" else (bound[1], ends[1])
    return _rect("forbidden", start, end, ends, top=4, height=28)


def _line(name: str, start: float, end: float, ends: tuple[float, float], *, y: int) -> str:
    return f'<line class="{name}" x1="{place(start, ends)}" x2="{place(end, ends)}" y1="{y}" y2="{y}"/>'


def _tick(name: str, value: float, ends: tuple[float, float], top: int, bottom: int) -> str:
    x = place(value, ends)
    return f'<line class="{name}" x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"/>'


def _diamond(value: float, ends: tuple[float, float]) -> str:
    return f'<path class="control" d="M{place(value, ends)} 25l4 4l-4 4l-4 -4z"/>'


def _told(value: float | None, bound: Bound | None = None) -> str:
    return number(value, against=bound[1] if bound else None) if _is_number(value) else ""


def _exact(bound: Bound | None) -> str:
    return "" if bound is None else exact(bound[1]) if len(exact(bound[1])) < 8 else number(bound[1])
