"""The cascade's curve: how much of a map is left while the model is re-initialised from its output down."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from explain_gate.comparing.per_image import NOTE, PerImage
from explain_gate.digits import number
from explain_gate.metrics import metric_of

CHECK = "randomization.cascade"
_STEP = re.compile(r"(?P<number>\d+) (?P<block>.+)", re.DOTALL)
_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 330, 124, 304, 14, 28
_LETTERS = 19
_MARKS = ("M{x} {y}m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z", "M{x} {y}m-3.2 -3.2h6.4v6.4h-6.4z",
          "M{x} {y}m0 -4.4l4.2 7.4h-8.4z", "M{x} {y}m0 -4.6l4.6 4.6l-4.6 4.6l-4.6 -4.6z")  # fmt: skip
"""Shapes, since colours alone do not tell the methods apart for everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One method: its mean rank correlation after every step, None where no image was measured; `key` is its line."""

    method: str
    values: tuple[float | None, ...]
    key: Markup

    @property
    def mean(self) -> float | None:
        """Mean over the steps; what the check measures, averaged over images."""
        measured = [value for value in self.values if value is not None]
        return sum(measured) / len(measured) if measured else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadeView:
    """The curves of one check. `blocks` are names, the one next to the output first; `images` the most of any step."""

    blocks: tuple[str, ...]
    courses: tuple[Course, ...]
    images: int
    chart: Markup


def build_cascade(check: str, per_image: PerImage | None) -> CascadeView | None:
    """Collect what the cascade noted step by step; None for another check and where nothing was noted."""
    if per_image is None or check.partition("/")[0] != CHECK or metric_of(check) is None:
        return None
    steps: dict[tuple[int, str], dict[str, tuple[float, int]]] = {}
    for measurement in per_image.profile.measurements:
        owner, _, name = measurement.check.partition(NOTE)
        step = _STEP.fullmatch(name)
        values = measurement.values[per_image.usable(measurement)]
        if owner == check and step and measurement.method and values.size:
            by_method = steps.setdefault((int(step["number"]), step["block"]), {})
            by_method[measurement.method] = float(values.mean()), values.size
    if not steps:
        return None
    order = sorted(steps)
    methods = dict.fromkeys(method for step in order for method in steps[step])
    blocks = tuple(block for _, block in order)
    curves = {name: tuple(steps[step][name][0] if name in steps[step] else None for step in order) for name in methods}
    return CascadeView(
        blocks=blocks,
        courses=tuple(
            Course(method=name, values=values, key=Markup(_key(position)))  # noqa: S704 - our own shapes
            for position, (name, values) in enumerate(curves.items())
        ),
        images=max(count for by_method in steps.values() for _, count in by_method.values()),
        chart=Markup(_chart(check, blocks, curves)),  # noqa: S704 - names are escaped
    )


def _chart(check: str, blocks: Sequence[str], curves: dict[str, tuple[float | None, ...]]) -> str:
    """One row per step, downwards as the model is lost; the first row is the trained model, 1 by definition."""
    seen = [value for values in curves.values() for value in values if value is not None]
    least = min(seen, default=0.0)
    low = 0.0 if least >= 0 else -0.25 if least >= -0.25 else -1.0
    base = _TOP + _ROW * len(blocks) + 12
    parts = [_grid(value, low, base) for value in dict.fromkeys((low, 0.0, 0.5, 1.0))]
    parts += [_row_label("as trained", 0), *(_row_label(block, row) for row, block in enumerate(blocks, start=1))]
    for position, values in enumerate(curves.values()):
        spots = [(_x(1.0, low), _y(0))]
        stretches = [list(spots)]
        for row, value in enumerate(values, start=1):
            if value is None:
                stretches.append([])
            else:
                stretches[-1].append((_x(value, low), _y(row)))
        line = "".join("M" + "L".join(f"{x} {y}" for x, y in stretch) for stretch in stretches if stretch)
        marks = "".join(_mark(position, x, y) for stretch in stretches for x, y in stretch if y != _y(0))
        parts.append(f'<path class="fall {_class(position)}" d="{line}"/>')
        parts.append(f'<path class="spot {_class(position)}" d="{marks}"/>')
    told = "; ".join(f"{method}: {', '.join(number(value) for value in values)}" for method, values in curves.items())
    return (
        f'<svg class="cascade" viewBox="0 0 {_WIDTH} {base + 16}" role="img" aria-labelledby="cascade-{_id(check)}-t '
        f'cascade-{_id(check)}-d"><title id="cascade-{_id(check)}-t">{escape(check)}, step by step</title>'
        f'<desc id="cascade-{_id(check)}-d">{escape(told)}</desc>{"".join(parts)}</svg>'
    )


def _grid(value: float, low: float, base: int) -> str:
    x = _x(value, low)
    kind = "zero" if value == 0 else "axis"
    return (
        f'<line class="{kind}" x1="{x}" x2="{x}" y1="{_TOP - 8}" y2="{base}"/>'
        f'<text class="label" x="{x}" y="{base + 12}" text-anchor="middle">{number(value)}</text>'
    )


def _row_label(name: str, row: int) -> str:
    """The block's name in one line, or "a to b" in two; of a long name the end stays, which tells more."""
    first, joint, last = name.partition(" to ")
    lines = [first, f"to {last}"] if joint and len(name) > _LETTERS else [name]
    top = _y(row) + 3.5 - 6 * (len(lines) - 1)
    spans = "".join(
        f'<tspan x="{_LEFT - 12}" y="{top + 12 * place:g}">{escape(_clipped(line))}</tspan>'
        for place, line in enumerate(lines)
    )
    return f'<text class="label" text-anchor="end">{spans}</text>'


def _clipped(line: str) -> str:
    return line if len(line) <= _LETTERS else f"…{line[1 - _LETTERS :]}"


def _key(position: int) -> str:
    return (
        f'<svg class="cascade-key" viewBox="0 0 26 12" aria-hidden="true"><path class="fall {_class(position)}" '
        f'd="M0 6h26"/><path class="spot {_class(position)}" d="{_mark(position, 13, 6)}"/></svg>'
    )


def _mark(position: int, x: float, y: float) -> str:
    return _MARKS[position % len(_MARKS)].format(x=x, y=y)


def _class(position: int) -> str:
    return f"course-{position % 4} dash-{position // 4 % 3}"


def _x(value: float, low: float) -> float:
    share = (min(max(value, low), 1.0) - low) / (1.0 - low)
    return round(_LEFT + share * (_RIGHT - _LEFT), 1)


def _y(row: int) -> int:
    return _TOP + _ROW * row


def _id(check: str) -> str:
    return re.sub(r"[^\w.]", "-", check)
