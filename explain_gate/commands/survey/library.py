"""Names and shapes of a library's model, without its numbers: whether a checkpoint is one of it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any


def shapes_of(source: str, arguments: Mapping[str, Any]) -> dict[str, tuple[int, ...]] | None:
    """Of `torchvision:NAME` or `timm:NAME`; None where it cannot be built here."""
    import torch

    from explain_gate.models.build import library_builder

    # A library may raise anything for arguments that it does not take.
    with contextlib.suppress(Exception), torch.device("meta"):
        module = library_builder(source)(**arguments)
        return {name: tuple(value.shape) for name, value in module.state_dict().items()}
    return None
