"""A layer's output seen as a feature map (N, C, h, w), whichever way the architecture lays it out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from torch import Tensor

from explain_gate.errors import ModelError

_MOST_PREFIX_TOKENS = 8


def as_feature_map(output: Tensor, size: Sequence[int], name: str) -> Tensor:
    """Channels first, tokens unrolled to their grid, class and register tokens left out; a view where possible.

    Args:
        output: (N, C, h, w) as in convolutional networks, (N, h, w, C) as in Swin, or (N, tokens, C) as in ViT.
        size: height and width of the module's input, which tell the layouts apart.
        name: the layer, for the error.

    Raises:
        ModelError: the output has no places.
    """
    read_as = layout(tuple(output.shape), tuple(size))
    if read_as is None:
        raise ModelError(
            f"target layer {name} must put out a feature map (N, C, H, W), (N, H, W, C) or tokens of a grid (N, T, C) "
            f"for an input of {size[0]} x {size[1]}, got {tuple(output.shape)}; name another in model.target_layer"
        )
    kind, height, width = read_as
    if kind == "channels last":
        return output.permute(0, 3, 1, 2)
    if kind == "tokens":
        grid = output[:, output.shape[1] - height * width :]
        return grid.reshape(len(grid), height, width, -1).permute(0, 3, 1, 2)
    return output


@lru_cache(maxsize=4096)
def layout(shape: tuple[int, ...], size: tuple[int, int]) -> tuple[str, int, int] | None:
    """How an output of that shape is laid out, with its height and width; None where it has no places."""
    if len(shape) == 4:
        channels_last = _is_shrunk(shape[1:3], size) and not _is_shrunk(shape[2:4], size)
        height, width = shape[1:3] if channels_last else shape[2:4]
        return ("channels last" if channels_last else "channels first", height, width) if height * width > 1 else None
    if len(shape) == 3:
        grid = token_grid(shape[1], size)
        return ("tokens", *grid) if grid is not None and grid[0] * grid[1] > 1 else None
    return None


def token_grid(tokens: int, size: tuple[int, int]) -> tuple[int, int] | None:
    """Height and width of the patch grid of a sequence, whose first few tokens may belong to no patch."""
    patches = (patch for patch in range(1, min(size) + 1) if size[0] % patch == 0 == size[1] % patch)
    grids = [(size[0] // patch, size[1] // patch) for patch in patches]
    fitting = [grid for grid in grids if 0 <= tokens - grid[0] * grid[1] <= _MOST_PREFIX_TOKENS]
    return max(fitting, key=lambda grid: grid[0] * grid[1], default=None)


def _is_shrunk(shape: Sequence[int], size: Sequence[int]) -> bool:
    """Whether a map of that height and width comes from an input of `size` by the same stride both ways."""
    (height, width), (full_height, full_width) = shape, size
    if height > full_height or width > full_width:
        return False
    return abs(height * full_width - width * full_height) <= max(full_height, full_width)
