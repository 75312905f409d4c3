"""The digest of a model: what makes it this version and no other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch


def digest_of(module: torch.nn.Module, source: str, arguments: Mapping[str, Any]) -> str:
    """SHA-256 over the source, its arguments and every tensor of the state (name, dtype, shape, bytes)."""
    content = hashlib.sha256()
    content.update(json.dumps([source, arguments], sort_keys=True, default=str).encode())
    for name, tensor in sorted(module.state_dict().items()):
        if not isinstance(tensor, torch.Tensor):
            content.update(f"{name} {tensor!r}".encode())
            continue
        content.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        flat = tensor.detach().cpu().contiguous().flatten()
        if flat.numel():
            content.update(flat.view(torch.uint8).numpy().tobytes())
    for code in _compiled_code(module):
        content.update(code.encode())
    return content.hexdigest()


def _compiled_code(module: torch.nn.Module) -> list[str]:
    """What TorchScript modules and exported graphs do, which no source file says; nothing for any other module."""
    return [
        f"{name} {layer.code}"
        for name, layer in module.named_modules()
        if (isinstance(layer, torch.jit.ScriptModule) and hasattr(layer, "forward"))
        or isinstance(layer, torch.fx.GraphModule)
    ]
