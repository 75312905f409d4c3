"""What an audit lists: a sample, why, and the number that ranks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

ListName = Literal["doubted", "untouched", "shifted", "alike", "leaked"]
Seen = Literal["yes", "no", "unknown"]

TITLES: Mapping[ListName, str] = {
    "doubted": "The label may be wrong",
    "untouched": "No map touches the region",
    "shifted": "The region may be shifted",
    "alike": "Alike, with other labels",
    "leaked": "Among the training pictures",
}
"""In the order in which they are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """One line of a list. `row` is the sample's place in `Runs.images`, `number` what the list is ranked by.

    `suggested` is the class that most versions say instead; `move` where the region would have to lie, down and right
    as shares of the frame; `other` the picture that this one is like. `seen`: whether the picture is among those of
    training, so that what a model says of it may be remembered and not judged.
    """

    row: int
    image: str
    class_name: str
    number: float
    why: str
    suggested: str | None = None
    move: tuple[float, float] | None = None
    other: str | None = None
    seen: Seen = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectList:
    """A ranked list, the most suspicious first. `asked` of the samples could be on it; `unasked` says why none could.

    `measure` says what the numbers are.
    """

    name: ListName
    measure: str
    suspects: tuple[Suspect, ...] = ()
    asked: int = 0
    unasked: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """What an audit found of the versions given, told by the digests of their weights."""

    task: str
    versions: tuple[str, ...]
    model: str
    images: int
    left_out: int
    seed: int
    lists: tuple[SuspectList, ...]
    notes: tuple[str, ...] = ()

    def named(self) -> tuple[int, ...]:
        """Rows of samples that any list names, each once, in the order of the lists."""
        return tuple(dict.fromkeys(one.row for part in self.lists for one in part.suspects))


def ranked(suspects: Sequence[Suspect], *, lowest: bool) -> tuple[Suspect, ...]:
    """By number, then by name, so that the order of what was read does not matter."""
    sign = 1 if lowest else -1
    return tuple(sorted(suspects, key=lambda one: (sign * one.number, one.image, one.class_name, one.other or "")))
