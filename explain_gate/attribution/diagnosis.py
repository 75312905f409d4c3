"""Why a user's forward raised, in the words of somebody who has to change a model file."""

from __future__ import annotations

import inspect

import torch
from torch import Tensor

from explain_gate.errors import ModelError

_CONVOLUTIONS = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)


def forward_raised(module: torch.nn.Module, images: Tensor, error: Exception) -> ModelError:
    """The error for a forward that raised on every image that it was tried on, with what to write instead.

    Shapes: images (N, C, H, W), what the module was given.
    """
    told = f"the model's forward raised {type(error).__name__}: {first_line(error)}"
    return ModelError(told + _advice(module, images))


def first_line(error: Exception) -> str:
    """The start of an error's message."""
    return (str(error).strip().splitlines() or ["without a message"])[0][:300]


def _advice(module: torch.nn.Module, images: Tensor) -> str:
    """What in the module does not fit one picture as its only input; empty where nothing is known to be wrong."""
    needed = _required_inputs(module)
    channels, height, width = images.shape[1:]
    if len(needed) > 1:
        return (
            f". It asks for {len(needed)} inputs ({', '.join(needed)}) and is given the picture alone. Name a builder "
            "as model.source that wraps the model in a torch.nn.Module whose forward(self, x) fixes the others"
        )
    first = next((layer for layer in module.modules() if isinstance(layer, _CONVOLUTIONS)), None)
    if isinstance(first, torch.nn.Conv2d) and first.in_channels != channels:
        how = "x.mean(1, keepdim=True)" if first.in_channels == 1 else f"a picture of {first.in_channels} channels"
        return (
            f". Its first convolution takes {first.in_channels} channel{'s' * (first.in_channels != 1)}, and a picture "
            f"has {channels}. Name a builder as model.source that wraps the model in a torch.nn.Module whose forward "
            f"gives it {how}"
        )
    if first is not None and not isinstance(first, torch.nn.Conv2d):
        return (
            f". Its first convolution is a {type(first).__name__}, and a picture is ({channels}, {height}, {width}): "
            "only models of pictures are supported. A model of volumes can be gated slice by slice, wrapped in a "
            "torch.nn.Module whose forward makes the volume from x (N, C, H, W)"
        )
    return f". It was given images of shape {tuple(images.shape)}; data.preprocessing says how they are made"


def _required_inputs(module: torch.nn.Module) -> list[str]:
    """Names of the arguments that forward cannot do without; none where they cannot be told."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return []
    return [one.name for one in parameters if one.kind in kinds and one.default is one.empty]
