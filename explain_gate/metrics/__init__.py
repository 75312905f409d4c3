"""Metrics: the functions, one module a family; what they ask of images, `batch`; and a card each, `cards`.

Adding a metric is its function, its card in `cards/<family>.py`, and one test function in checks/. Torch-free; a
metric's code is loaded when it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from explain_gate.metrics.cards import FAMILIES, METRICS, Applies, Family, Metric
from explain_gate.records import Direction
from explain_gate.tasks import DEFAULT, TASKS, spoken

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


def question(name: str, task: str = DEFAULT) -> str:
    """What the metrics of a family answer."""
    return spoken(FAMILIES[name].question, task) if name in FAMILIES else "Checks of this project."


def metric_of(check: str, task: str = DEFAULT) -> Metric | None:
    """The metric's line in the table, in the language of the task; None for a user's own metric."""
    metric = METRICS.get(check.partition("/")[0])
    if metric is None or task == DEFAULT or task not in TASKS:
        return metric
    own: dict[str, Any] = {name: spoken(getattr(metric, name), task) for name in ("summary", "broken", "question")}
    return replace(metric, **{**own, **TASKS[task].changed.get(metric.key, {})})


def asked(check: str, class_name: str | None, task: str = DEFAULT) -> str:
    """What completes "3 of 20 images ..." in a row; empty where the metric asks no image anything."""
    metric = metric_of(check, task)
    if metric is None or not metric.question:
        return ""
    if class_name is None:
        return metric.question.format(whom=spoken("another class", task))
    whose = "of other classes" if metric.of_others else f"of {class_name}"
    return f"{whose} {metric.question.format(whom=class_name)}"


def broken(check: str, task: str = DEFAULT) -> str:
    """What a reader is told where a rule of this check breaks; empty for a metric of a family that is not ours."""
    card, name = metric_of(check, task), family(check)
    own = card.broken if card is not None else ""
    return own or (spoken(FAMILIES[name].broken, task) if name in FAMILIES else "")


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
