"""How strongly a model says each class of the set, kept in the profile for whoever doubts a label later."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from explain_gate.errors import NotMeasurable
from explain_gate.profile.writer import ProfileWriter
from explain_gate.tasks import PROBABLE
from explain_gate.tasks.task import Task


def keep_strengths(task: Task, columns: Tensor, labels: Sequence[int], writer: ProfileWriter) -> None:
    """Write the probability of every class for every image; NaN where the model gave no finite output.

    Nothing is written where a task has no probability of a class, or the model gives one score per image.

    Args:
        task: what the columns mean.
        columns: (N, C), of all images.
        labels: the classes, in the order in which the profile names them.
        writer: of the profile.
    """
    if task.name not in PROBABLE:
        return
    finite = torch.isfinite(columns).all(dim=1)
    try:
        said = [task.strength(columns[finite], torch.full((int(finite.sum()),), label)) for label in labels]
    except NotMeasurable:
        return
    writer.strengths(len(labels))[finite.numpy()] = torch.stack(said, dim=1).float().numpy()
