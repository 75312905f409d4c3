"""One thing that a folder shows, with where it was seen; and how somebody is asked which of several is meant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Choose = Callable[[str, Sequence[str]], int]
"""Question and values, the likeliest first -> the place of the one that is meant."""

_One = TypeVar("_One")


def likeliest(question: str, values: Sequence[str]) -> int:  # noqa: ARG001 - a Choose that asks nobody
    """The first."""
    return 0


def put_first(entries: Sequence[_One], question: str, values: Sequence[str], choose: Choose) -> list[_One]:
    """The entries with the one that is meant in front; nobody is asked about one alone."""
    if len(entries) < 2:
        return list(entries)
    place = choose(question, values)
    return [entries[place], *entries[:place], *entries[place + 1 :]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clue:
    """A value for one key of thresholds.yaml.

    `key` is dotted, `data.images`; `value` plain YAML; `seen` says where from, as the end of a sentence; `others` are
    values that something else in the folder speaks for.
    """

    key: str
    value: Any
    seen: str
    others: tuple[Any, ...] = ()
