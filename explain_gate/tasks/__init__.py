"""Tasks: what a model's output means. One table; a task's code is loaded when it is used, so this is torch-free.

Adding a task is one module with a class that does what `task.Task` says, and one line here. Nothing else asks a model's
output what is right, what is probable, or what counts as another class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from explain_gate.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCard:
    """The card of one task. `code` is "module:class" in this package; `output` is what the model gives for N images."""

    code: str
    output: str
    summary: str


DEFAULT = "classification"

TASKS: Mapping[str, TaskCard] = {
    "classification": TaskCard(
        code="classification:Classification",
        output="logits (N, classes)",
        summary="one of several classes; the highest logit is the prediction",
    ),
}
"""By the name that `model.task` takes."""


def task_of(name: str) -> Task:
    """The task of that name; imports torch."""
    module, _, attribute = TASKS[name].code.partition(":")
    made: Task = getattr(import_module(f"{__name__}.{module}"), attribute)()
    return made
