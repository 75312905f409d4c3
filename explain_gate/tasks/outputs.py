"""What a model puts out -> scores: tensors, Hugging Face's objects and mappings with `logits`, torchvision's `out`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_map

_NAMES = ("logits", "out")


def scores_in(output: Any) -> Any:
    """The scores in an output as it comes, shape unchecked; the output itself where none are found.

    Taken are a tensor; `logits`, else `out`, of an object or a mapping; the first element of a tuple or list.
    """
    if isinstance(output, Tensor):
        return output
    for name in _NAMES:
        # Hugging Face's outputs are both: mappings whose entries are attributes too.
        value = output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)
        if isinstance(value, Tensor):
            return value
    if isinstance(output, tuple | list) and output and isinstance(output[0], Tensor):
        return output[0]
    return output


def described(output: Any) -> str:
    """An output in words, for the person who has to write a target function for it."""
    if isinstance(output, Tensor):
        return f"a tensor of shape {tuple(output.shape)}"
    if isinstance(output, Mapping):
        return f"the type {type(output).__name__} with the keys {', '.join(map(str, output)) or '(none)'}"
    if isinstance(output, tuple | list):
        return f"the type {type(output).__name__} of {len(output)}: {', '.join(described(part) for part in output[:3])}"
    return f"the type {type(output).__name__}"


def first_images(output: Any, count: int, of: int) -> Any:
    """The part of an output that belongs to the first `count` images of a batch `of` so many."""

    def cut(part: Any) -> Any:
        return part[:count] if isinstance(part, Tensor) and part.ndim and len(part) == of else part

    return tree_map(cut, output)
