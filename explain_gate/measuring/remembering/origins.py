"""Which images an answer about the whole set came from: a kept score is used again only while they are the same.

A score that looks beyond its own image asks questions, such as five backgrounds of other classes. What was drawn to
answer them is written down beside the score; drawing again from today's set tells whether the score still holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from explain_gate.data.regression_set import RegressionSet
from explain_gate.measuring.asking.batch import Question, Subject


class Origins:
    """What the questions of one run's metrics are answered from. `identity` digests all that one row consists of."""

    def __init__(self, subject: Subject, data: RegressionSet, identity: Callable[[int], str]) -> None:
        self._subject = subject
        self._data = data
        self._identity = identity
        self._told: dict[tuple[Question, int], tuple[Any, bool]] = {}

    def of(self, question: Question, row: int, population: Sequence[int]) -> list[Any]:
        """What the answer to one row's question came from, as JSON. `population`: the classes of the rule's images."""
        return self._drawn(question, row, population, None)

    def hold(self, question: Question, row: int, population: Sequence[int], written: list[Any]) -> bool:
        """Whether the same would be drawn today; no picture is decoded to find out."""
        told = self._told.get((question, row))
        if told is None or told[0] != written:
            try:
                same = self._drawn(question, row, population, written) == written
            except _Unknown:
                same = False
            told = self._told[question, row] = (written, same)
        return told[1]

    def _drawn(self, question: Question, row: int, population: Sequence[int], written: list[Any] | None) -> list[Any]:
        match question:
            case ("backgrounds", bool() as same_class, int() as count):
                known = None if written is None else {identity: bool(gave) for identity, gave in written}
                tried = self._subject.backgrounds.tried(
                    row,
                    same_class=same_class,
                    count=count,
                    gives=None if known is None else lambda donor: _answer(known, self._identity(donor)),
                )
                return [[self._identity(donor), gave] for donor, gave in tried]
            case ("pair_correlation", str() as method, int() as pairs):
                return [
                    [self._identity(first), self._identity(second)]
                    for first, second in self._subject.pair_rows(method, pairs)
                ]
            case ("other_maps", str() as method, int() as count):
                return [self._identity(other) for other in self._subject.peers(row, method, count)]
            case ("weights",):
                counts = Counter(population)
                return [len(population), len(counts), counts[self._data.entries[row].label]]
            case ("others", int()):
                return [self._identity(other) for other in self._subject.cues.panel_rows]
            case ("cue", str()):
                return [self._identity(other) for other in self._subject.cues.origin(self._data.entries[row].label)]
        raise TypeError(f"no such question: {question}")


class _Unknown(Exception):  # noqa: N818 - an answer, not an error: nobody outside sees it
    """A row that was not asked when the score was measured."""


def _answer(known: dict[str, bool], identity: str) -> bool:
    if identity not in known:
        raise _Unknown
    return known[identity]
