"""Whose pictures show the mark of which everyday operation, and which operation is the control of another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from explain_gate.metrics.operations import tried
from explain_gate.seeds import lowest

_SEPARATES, _CHANCE = 0.7, 0.01
"""Area under the curve, and p-value, from which an operation's mark counts as in a class's pictures."""
_ABSENT = 0.6
"""Area below which it does not, so that the operation may be a control."""
_MOST_DOSE = 6.0
"""Times as far as the class's pictures carry a mark, beyond which an operation says nothing about them: haze over what
stands on a black ground, say, turns a model to the class that fills its frame most."""
_CANDIDATES = 12
_STRENGTHS = 2
"""Operations that are tried for a class, and at how many strengths each."""
_ALIKE = 1.25
"""Factor within which two operations change pictures equally."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What every operation at every strength (T of them, in the order of `tried`) does, and whose pictures show it.

    `change`: root mean square of what it changes. `areas` and `p_values`, by class: how well its mark tells the class's
    pictures from the others', area under the ROC curve. `doses`, by class: how many times as far as its pictures carry
    the mark the operation moves pictures.
    """

    change: Sequence[float]
    areas: Mapping[int, Sequence[float]]
    p_values: Mapping[int, Sequence[float]]
    doses: Mapping[int, Sequence[float]]

    def of(self, label: int) -> list[int]:
        """Which operations left their mark on a class, the clearest first."""
        areas, chances, doses = (by.get(label, ()) for by in (self.areas, self.p_values, self.doses))
        told = [
            one
            for one, area in enumerate(areas)
            if area >= _SEPARATES and chances[one] <= _CHANCE and doses[one] <= _MOST_DOSE
        ]
        chosen: list[int] = []
        names = [operation.name for operation, _ in tried()]
        for one in sorted(told, key=lambda one: (-areas[one], one)):
            if len(chosen) < _CANDIDATES and [names[other] for other in chosen].count(names[one]) < _STRENGTHS:
                chosen.append(one)
        return chosen

    def control(self, one: int, label: int, seed: int) -> int:
        """Another operation that changes pictures as much, and whose mark is not in the class's pictures."""
        areas = self.areas[label]
        absent = [other for other, area in enumerate(areas) if area < _ABSENT and other != one]
        absent = absent or [min((other for other in range(len(areas)) if other != one), key=lambda other: areas[other])]

        def apart(other: int) -> float:
            return abs(math.log(max(self.change[other], 1e-6) / max(self.change[one], 1e-6)))

        alike = [other for other in absent if apart(other) <= math.log(_ALIKE)]
        if not alike:
            return min(absent, key=lambda other: (apart(other), other))
        return lowest(alike, 1, digest=named, name=str, seed=seed, own=f"{named(one)} {label}", purpose="control")[0]


def named(one: int) -> str:
    """An operation at a strength, by its place in `tried`: what seeds and keys call it."""
    operation, strength = tried()[one]
    return f"{operation.name} {strength}"
