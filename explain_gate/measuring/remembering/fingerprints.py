"""The digest of what a number depends on beside weights, images and code: a model's structure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

_DEEPEST = 8
"""Of a model's plain attributes: a collection may hold itself."""


def shape_of(module: torch.nn.Module) -> str:
    """Digest of what a model consists of beside its state dict: structure, graph, other buffers, plain attributes."""
    content = hashlib.sha256(repr(module).encode())
    saved = module.state_dict().keys()
    for place, part in module.named_modules():
        content.update(f"{place} {type(part).__module__}:{type(part).__qualname__}".encode())
        facts = {name: value for name, value in vars(part).items() if not name.startswith("_") and name != "training"}
        if isinstance(part, torch.fx.GraphModule):
            content.update(part.code.encode())
            facts |= {name: value for name, value in vars(part).items() if isinstance(value, torch.Tensor)}
        # Buffers that are not saved are not in the weights' digest.
        facts |= {
            name: value
            for name, value in part.named_buffers(recurse=False)
            if (f"{place}.{name}" if place else name) not in saved
        }
        content.update(json.dumps(_plain(facts), sort_keys=True).encode())
    return content.hexdigest()


def _plain(value: Any, depth: int = 0) -> Any:
    """Numbers, texts, arrays and collections of them as JSON; of anything else its type alone."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, torch.Tensor):
        flat = value.detach().cpu().contiguous().flatten()
        raw = flat.view(torch.uint8).numpy() if len(flat) else np.empty(0)
        return [str(value.dtype), list(value.shape), _bytes_digest(raw)]
    if isinstance(value, np.ndarray) and value.dtype != object:
        return [str(value.dtype), list(value.shape), _bytes_digest(value)]
    if isinstance(value, Mapping | list | tuple | set | frozenset) and depth < _DEEPEST:
        return _plain_collection(value, depth + 1)
    if isinstance(value, torch.dtype | torch.device | Enum):
        return str(value)
    named = value if callable(value) and hasattr(value, "__qualname__") else type(value)
    return f"{getattr(named, '__module__', '')}:{named.__qualname__}"


def _plain_collection(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part, depth) for key, part in value.items()}
    parts = [_plain(part, depth) for part in value]
    return parts if isinstance(value, list | tuple) else sorted(json.dumps(part, sort_keys=True) for part in parts)


def _bytes_digest(array: NDArray[Any]) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()
