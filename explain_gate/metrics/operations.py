"""Everyday operations on whole pictures: what cameras, lenses, codecs, resizers, scanners and editors leave behind.

After ImageNet-C (Hendrycks 2019), with what it leaves out. None of them changes what is in the picture; a model whose
answer turns to one class under one of them takes the operation's mark for the class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from explain_gate.metrics.camera import CAMERA
from explain_gate.metrics.editing import EDITING
from explain_gate.metrics.everyday import EVERYDAY
from explain_gate.metrics.pixels import Apply
from explain_gate.metrics.storing import STORING


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation at the strengths at which people leave it in pictures.

    `say` completes "pictures of other classes turn to it when ...".
    """

    name: str
    say: str
    apply: Apply
    strengths: tuple[float, ...]


def operate(picture: Tensor, operation: Operation, strength: float, generator: torch.Generator) -> Tensor:
    """The picture after the operation.

    Shapes: picture (C, H, W), in [0, 1]; returns the same. What is random in an operation (grain) comes from the
    generator.
    """
    return operation.apply(picture, strength, generator).clamp(0, 1).to(picture.dtype)


_APPLY: dict[str, Apply] = {**CAMERA, **EDITING, **STORING}

OPERATIONS: tuple[Operation, ...] = tuple(
    Operation(name=one.name, say=one.say, apply=_APPLY[one.name], strengths=one.strengths) for one in EVERYDAY
)
"""Every operation that is tried."""


def tried(operations: Sequence[Operation] = OPERATIONS) -> list[tuple[Operation, float]]:
    """Every operation at every strength."""
    return [(operation, strength) for operation in operations for strength in operation.strengths]
