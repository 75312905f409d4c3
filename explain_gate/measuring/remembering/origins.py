"""Which images an answer about the whole set came from: a kept score is used again only while they are the same.

A score that looks beyond its own image asks questions, such as five backgrounds of other classes. What was drawn to
answer them is written down beside the score; drawing again from today's set tells whether the score still holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from explain_gate.measuring.asking.capabilities import capability_of
from explain_gate.measuring.asking.capability import Asking, Question, UnknownOrigin
from explain_gate.measuring.asking.resources import Resources
from explain_gate.measuring.remembering.digests import digest


class Origins:
    """What the questions of one run's metrics are answered from. `identity` digests all that one row consists of."""

    def __init__(self, resources: Resources, identity: Callable[[int], str]) -> None:
        self._resources = resources
        self._identity = identity
        self._told: dict[tuple[Question, int], tuple[Any, bool]] = {}
        self._of_all: dict[int | None, str] = {}

    def of(self, question: Question, row: int, population: Sequence[int]) -> list[Any]:
        """What the answer to one row's question came from, as JSON. `population`: the classes of the rule's images."""
        return self._drawn(question, row, population, None)

    def hold(self, question: Question, row: int, population: Sequence[int], written: list[Any]) -> bool:
        """Whether the same would be drawn today; no picture is decoded to find out."""
        told = self._told.get((question, row))
        if told is None or told[0] != written:
            try:
                same = self._drawn(question, row, population, written) == written
            except UnknownOrigin:
                same = False
            told = self._told[question, row] = (written, same)
        return told[1]

    def _drawn(self, question: Question, row: int, population: Sequence[int], written: list[Any] | None) -> list[Any]:
        asking = Asking(
            resources=self._resources,
            row=row,
            population=population,
            identity=self._identity,
            identity_of_class=self._identity_of_class,
            written=written,
        )
        return capability_of(str(question[0])).origin(question, asking)

    def _identity_of_class(self, label: int | None) -> str:
        if label not in self._of_all:
            entries = self._resources.data.entries
            rows = [row for row, entry in enumerate(entries) if label in (None, entry.label)]
            self._of_all[label] = digest(sorted(self._identity(row) for row in rows))
        return self._of_all[label]
