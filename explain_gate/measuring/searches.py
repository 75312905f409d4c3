"""What is searched once for a whole set: what its classes' pictures have in common, operations and patches that turn.

Each is remembered, so workers share the searches among them, and go on from one another's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from explain_gate.data.regression_set import RegressionSet
from explain_gate.measuring.asking.resources import Resources
from explain_gate.measuring.confounds import find_confounds
from explain_gate.measuring.remembering.recall import Memory
from explain_gate.records import Rule

Search = tuple[str, str, int, int, bool]
"""Kind, place, class, number of classes that an image is given, half. Plain values, so that it travels as JSON."""

_MARKS: Search = ("marks", "", 0, 0, False)
_CONFOUNDS: Search = ("confounds", "", 0, 0, False)


def searches_of(rules: Iterable[Rule], data: RegressionSet) -> list[list[Search]]:
    """In rounds: what the rules' metrics, and the warnings about the data, will search.

    Searches of a later round go on from those of an earlier one; within a round those that take longest come first.
    """
    first: list[Search] = [_CONFOUNDS]
    second: list[Search] = []
    labels = sorted({entry.label for entry in data.entries})
    for rule in rules:
        if rule.metric == "reliance.transplant_follow":
            place = str(rule.parameters.get("place", "outside"))
            first += [("patch", place, label, 0, half) for label in labels for half in (False, True)]
        elif rule.metric == "reliance.signature_follow":
            first += [("signature", "", label, 0, False) for label in labels]
        elif rule.metric == "reliance.operation_follow":
            classes = int(rule.parameters.get("classes", 10))
            first.insert(0, _MARKS)
            second += [("operation", "", label, classes, half) for label in labels for half in (False, True)]
    return [_distinct(first), _distinct(second)]


def look_up(search: Search, resources: Resources, memory: Memory, *, seed: int) -> None:
    """Search, unless it is known; what is told is remembered.

    Raises:
        DataError: a picture cannot be used.
    """
    kind, place, label, classes, half = search
    match kind:
        case "marks":
            _ = resources.looks.operations.marks
        case "confounds":
            find_confounds(resources.data, seed=seed, memory=memory.searched)
        case "signature":
            resources.looks.signature(label)
        case "operation":
            resources.looks.operations.of(label, classes, half)
        case _:
            resources.cues.lent(label, "inside" if place == "inside" else "outside", half)


def _distinct(searches: Sequence[Search]) -> list[Search]:
    return list(dict.fromkeys(searches))
