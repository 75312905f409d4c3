"""Metrics: the functions, one module a family; what they ask of images, `batch`; and a card each, `cards`.

Adding a metric is its function, its card in `cards/<family>.py`, and one test function in checks/. Torch-free; a
metric's code is loaded when it is used.
"""

from __future__ import annotations

from collections.abc import Mapping

from explain_gate.metrics.cards import FAMILIES, METRICS, Applies, Family, Metric
from explain_gate.records import Direction

__all__ = [
    "FAMILIES",
    "METRICS",
    "PAIR",
    "REGION",
    "Applies",
    "Family",
    "Metric",
    "asked",
    "better",
    "broken",
    "family",
    "family_rank",
    "looks",
    "metric_of",
    "question",
]

REGION = "region"
"""A parameter of every metric that needs a region: the annotated part that takes the place of the whole object."""

PAIR = "+"
"""Between the names of two methods that are compared."""


def family(check: str) -> str:
    """`alignment` of `alignment.iou/strict`."""
    return check.partition(".")[0]


def question(name: str) -> str:
    """What the metrics of a family answer."""
    return FAMILIES[name].question if name in FAMILIES else "Checks of this project."


def metric_of(check: str) -> Metric | None:
    """The metric's line in the table; None for a user's own metric."""
    return METRICS.get(check.partition("/")[0])


def asked(check: str, class_name: str | None) -> str:
    """What completes "3 of 20 images ..." in a row; empty where the metric asks no image anything."""
    metric = metric_of(check)
    if metric is None or not metric.question:
        return ""
    if class_name is None:
        return metric.question.format(whom="another class")
    whose = "of other classes" if metric.of_others else f"of {class_name}"
    return f"{whose} {metric.question.format(whom=class_name)}"


def broken(check: str) -> str:
    """What a reader is told where a rule of this check breaks; empty for a metric of a family that is not ours."""
    card, name = metric_of(check), family(check)
    return (card.broken if card is not None else "") or (FAMILIES[name].broken if name in FAMILIES else "")


def looks(check: str) -> bool:
    """Whether the check says what the model looks at or depends on."""
    return family(check) in FAMILIES and FAMILIES[family(check)].looks


def better(check: str, bound: Mapping[str, float]) -> Direction:
    """Which direction is good: from the table, else from the bound."""
    metric = metric_of(check)
    if metric is not None:
        return metric.better
    return "lower" if "at_most" in bound or "max_rise" in bound else "higher"


def family_rank(check: str) -> tuple[int, str]:
    """Sort key: the families in the reviewer's order, a user's own families behind them by name."""
    name = family(check)
    names = list(FAMILIES)
    return (names.index(name) if name in FAMILIES else len(names), check)
