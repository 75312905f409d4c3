"""What every reader of a format returns: what is drawn, the classes, images with nothing on them, and leftovers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from explain_gate.data.regions import Drawn

_FIRST = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Annotated:
    """One annotation source as read. `classes` are in the source's own order, which is that of the logits by default.

    `valued` are images that have a value and nothing drawn on them, `without` the files of images that are listed with
    nothing on them; `notes` say what was dropped or taken for something else, a sentence a kind.
    """

    drawn: tuple[Drawn, ...]
    classes: tuple[str, ...]
    without: tuple[str, ...] = ()
    valued: tuple[Drawn, ...] = ()
    notes: tuple[str, ...] = ()


class Leftovers:
    """What exporters leave in a file, counted by kind with the first names of each: nothing is dropped unseen."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def add(self, kind: str, name: object) -> None:
        """One more of a kind, such as "empty polygons dropped"."""
        self._names.setdefault(kind, []).append(str(name))

    def notes(self, source: object) -> tuple[str, ...]:
        """A sentence a kind."""
        return tuple(f"{source}: {len(names)} {kind} ({first(names)})" for kind, names in self._names.items())


def first(names: Iterable[str], most: int = _FIRST) -> str:
    """The first names, and how many more there are."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
