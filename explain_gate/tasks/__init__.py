"""Tasks: what a model's output means. One table; a task's code is loaded when it is used, so this is torch-free.

Adding a task is one module with a class that does what `task.Task` says, and one card here. Nothing else asks a model's
output what is right, what is probable, or what counts as another class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explain_gate.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFacts:
    """What a task knows of the regression set. `classes` are indices by name.

    `nothing` is the index of the class of images that show none of the others, None where there is no such class.
    `mean` and `deviation` are those of the annotated values.
    """

    classes: Mapping[str, int] = field(default_factory=dict)
    nothing: int | None = None
    mean: float = 0.0
    deviation: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCard:
    """The card of one task. `code` is "module:class" in this package; `output` is what the model gives for N images.

    `score`, `right` and `turns` say in words what is explained, when the model is right, and what it means that a
    picture turns to another class. `accuracy` is what the share of right answers is called. `parameters` are what
    `model.task` may set beside the name, each with its meaning; `required` those that have no default.
    `unit` is that of `Task.strength`, `support` that of `Task.support`. `refused` are metrics that make no sense, each
    with what to use instead; `changed` the fields of metrics' cards that read otherwise here.
    """

    code: str
    output: str
    summary: str
    score: str
    right: str
    turns: str
    accuracy: str = "accuracy"
    parameters: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    unit: str = "probability"
    support: str = "log odds"
    refused: Mapping[str, str] = field(default_factory=dict)
    changed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


DEFAULT = "classification"

TASKS: Mapping[str, TaskCard] = {
    "classification": TaskCard(
        code="classification:Classification",
        output="logits (N, classes)",
        summary="one of several classes; the highest logit is the prediction",
        score="logit of the annotated class",
        right="the highest logit is that of an annotated class",
        turns="the highest logit becomes that of the other class",
    ),
}
"""By the name that `model.task` takes."""


def task_of(name: str, parameters: Mapping[str, Any] | None = None, facts: SetFacts | None = None) -> Task:
    """The task of that name; imports torch.

    Args:
        name: in TASKS.
        parameters: as `model.task` sets them.
        facts: of the regression set; without them a task can explain, and not be compared with annotations.

    Raises:
        ValueError: a parameter has a value that cannot be.
    """
    module, _, attribute = TASKS[name].code.partition(":")
    made: Task = getattr(import_module(f"{__name__}.{module}"), attribute)(facts or SetFacts(), **(parameters or {}))
    return made
