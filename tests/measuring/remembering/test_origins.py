"""A score that others had a part in holds while they are the same, and is looked up once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import pytest

from explain_gate.measuring.asking import capabilities
from explain_gate.measuring.asking.capability import Capability, UnknownOrigin, names_of
from explain_gate.measuring.remembering.origins import Origins


class Neighbour(Capability):
    """A capability that is not there: an image's answer comes from the next one of the set."""

    name: ClassVar[str] = "neighbour"
    scope: ClassVar[str] = "set"
    asked: ClassVar[list[int]] = []

    def neighbour(self) -> None:
        """What a metric would ask."""

    @classmethod
    def origin(cls, _, asking):
        """The next row."""
        cls.asked.append(asking.row)
        if asking.row == 2:
            raise UnknownOrigin
        return [asking.identity(asking.row + 1)]


@pytest.fixture
def origins_of(monkeypatch):
    """Origins of a set, each of whose pictures is a letter."""
    monkeypatch.setattr(capabilities, "ASKED_AS", {**capabilities.ASKED_AS, **names_of(Neighbour)})
    monkeypatch.setattr(Neighbour, "asked", [])
    return lambda letters: Origins(
        SimpleNamespace(data=SimpleNamespace(entries=[SimpleNamespace(label=0) for _ in letters])),
        lambda row: letters[row],
    )


def test_a_score_holds_while_what_it_came_from_is_the_same(origins_of):
    """Another picture elsewhere in the set changes nothing."""
    written = origins_of("abcd").of(("neighbour",), 0, ())
    assert origins_of("abxy").hold(("neighbour",), 0, (), written)
    assert not origins_of("axcd").hold(("neighbour",), 0, (), written)


def test_an_answer_that_was_never_asked_does_not_hold(origins_of):
    """Nobody can say where it came from."""
    assert not origins_of("abcd").hold(("neighbour",), 2, (), ["d"])


def test_many_metrics_that_ask_alike_cost_one_look(origins_of):
    """Each of a hundred kept scores asks where the same donors came from."""
    origins = origins_of("abcd")
    for _ in range(5):
        assert origins.hold(("neighbour",), 0, (), ["b"])
    assert Neighbour.asked == [0]
