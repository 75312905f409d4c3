"""Many versions of one image that differ from it in a small box each: only what the box reaches is computed anew.

A convolution spreads a change by half its kernel and no further, so most of a network's early, large feature maps are
the same whatever a window covers (Nakandala 2019, "Incremental and approximate inference for faster occlusion-based
deep CNN explanations", exact variant). A `LocalTensor` holds the image's own feature map once and, for each version,
the box that differs. Operations that keep changes in place have a rule; every other one sees whole tensors, so any
module works, and one that mixes all places at once (attention, global pooling) only gains nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.utils._pytree import tree_map

from explain_gate.attribution.sliding_window import SlidingWindow

aten = torch.ops.aten
# Above this share of the frame the whole frame is cheaper than cutting boxes out of it.
_NEARLY_ALL = 0.8


class LocalTensor(Tensor):
    """N versions of a feature map (1, C, H, W). Version n has `patch[n]` (C, h, w) at row top[n] and column left[n]."""

    base: Tensor
    patch: Tensor
    top: Tensor
    left: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls: type[Self], base: Tensor, patch: Tensor, top: Tensor, left: Tensor) -> Self:
        return cls._make_wrapper_subclass(cls, (len(patch), *base.shape[1:]), dtype=base.dtype, device=base.device)

    def __init__(self, base: Tensor, patch: Tensor, top: Tensor, left: Tensor) -> None:
        self.base, self.patch, self.top, self.left = base, patch, top, left

    def __repr__(self) -> str:  # type: ignore[override]
        return f"LocalTensor({tuple(self.shape)}, boxes {tuple(self.patch.shape[-2:])})"

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        del types
        kwargs = kwargs or {}
        rule = _RULES.get(function)
        result = rule(function, *args, **kwargs) if rule else NotImplemented
        if result is not NotImplemented:
            return result
        if function._schema.is_mutable and args and isinstance(args[0], LocalTensor):
            raise NotImplementedError(f"{function} changes a feature map in place")
        return function(*tree_map(whole, args), **tree_map(whole, kwargs))


def whole(value: Any) -> Any:
    """Versions as an ordinary tensor (N, C, H, W); everything else as it is."""
    if not isinstance(value, LocalTensor):
        return value
    return _cut(value, *_everywhere(value), (int(value.shape[2]), int(value.shape[3])))


def _everywhere(versions: LocalTensor) -> tuple[Tensor, Tensor]:
    return torch.zeros_like(versions.top), torch.zeros_like(versions.left)


def _cut(
    versions: LocalTensor,
    top: Tensor,
    left: Tensor,
    size: tuple[int, int],
    padding: tuple[int, int] = (0, 0),
    fill: float = 0.0,
) -> Tensor:
    """Boxes (N, C, *size) out of the versions, which may begin `padding` pixels outside the frame; channels last."""
    base, patch = versions.base, versions.patch
    channels, (high, wide) = patch.shape[1], patch.shape[-2:]
    if (high, wide) == size == tuple(base.shape[-2:]):
        return patch
    if any(padding):
        base = pad(base, (padding[1], padding[1], padding[0], padding[0]), value=fill)
    own, changed = _pixels(base), _pixels(patch)
    rows = top[:, None] + torch.arange(size[0], device=top.device)
    columns = left[:, None] + torch.arange(size[1], device=left.device)
    in_rows, in_columns = rows - versions.top[:, None], columns - versions.left[:, None]
    inside = ((in_rows >= 0) & (in_rows < high))[:, :, None] & ((in_columns >= 0) & (in_columns < wide))[:, None, :]
    first = len(own) + torch.arange(len(patch), device=top.device)[:, None, None] * (high * wide)
    where = torch.where(
        inside,
        first + in_rows[:, :, None] * wide + in_columns[:, None, :],
        (rows + padding[0])[:, :, None] * base.shape[3] + (columns + padding[1])[:, None, :],
    )
    pixels = torch.cat([own, changed]).index_select(0, where.flatten())
    return pixels.view(len(patch), *size, channels).permute(0, 3, 1, 2)


def _pixels(maps: Tensor) -> Tensor:
    """(N, C, H, W) as rows of pixels (N * H * W, C)."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


# --- rules: function, its arguments -> the result, or NotImplemented where it must see whole tensors ---


def _pointwise(function: Any, versions: Any, *args: Any, **kwargs: Any) -> Any:
    """Each pixel by itself, the same everywhere."""
    if not isinstance(versions, LocalTensor) or any(isinstance(value, Tensor) for value in (*args, *kwargs.values())):
        return NotImplemented
    base, patch = function(versions.base, *args, **kwargs), function(versions.patch, *args, **kwargs)
    return versions if base is versions.base else LocalTensor(base, patch, versions.top, versions.left)


def _batch_norm(function: Any, versions: Any, *args: Any) -> Any:
    training = args[4]
    if not isinstance(versions, LocalTensor) or training:
        return NotImplemented
    base, patch = function(versions.base, *args), function(versions.patch, *args)
    return LocalTensor(base[0], patch[0], versions.top, versions.left), *base[1:]


def _binary(function: Any, one: Any, other: Any, **kwargs: Any) -> Any:
    """Two versions pixel by pixel, or one with what is the same at every pixel."""
    if not isinstance(one, LocalTensor):
        return NotImplemented
    if not isinstance(other, LocalTensor):
        if isinstance(other, Tensor) and not _same_everywhere(other):
            return NotImplemented
        base, patch = function(one.base, other, **kwargs), function(one.patch, other, **kwargs)
        return LocalTensor(base, patch, one.top, one.left)
    if one.shape != other.shape:
        return NotImplemented
    top, left, size = _union([one, other])
    if _nearly_all(size, one):
        return NotImplemented
    patch = function(_cut_same(one, top, left, size), _cut_same(other, top, left, size), **kwargs)
    return LocalTensor(function(one.base, other.base, **kwargs), patch, top, left)


def _binary_in_place(function: Any, one: Any, other: Any, **kwargs: Any) -> Any:
    """As out of place, and the first operand becomes the result."""
    if not isinstance(one, LocalTensor):
        return NotImplemented
    plain = _OUT_OF_PLACE[function]
    result = _binary(plain, one, other, **kwargs)
    if isinstance(result, LocalTensor):
        one.base, one.patch, one.top, one.left = result.base, result.patch, result.top, result.left
    else:  # from here on the box is the frame, and the base is never looked at
        one.patch = plain(whole(one), whole(other), **kwargs)
        one.top, one.left = _everywhere(one)
    return one


def _same_everywhere(tensor: Tensor) -> bool:
    return tensor.ndim == 0 or (
        tensor.ndim in {3, 4} and tensor.shape[-2:] == (1, 1) and tensor.shape[:-3].numel() == 1
    )


def _concatenated(function: Any, parts: Sequence[Any], dim: int = 0) -> Any:
    if dim not in {1, -3} or not all(isinstance(part, LocalTensor) for part in parts):
        return NotImplemented
    top, left, size = _union(parts)
    if _nearly_all(size, parts[0]):
        return NotImplemented
    patch = function([_cut_same(part, top, left, size) for part in parts], dim)
    return LocalTensor(function([part.base for part in parts], dim), patch, top, left)


def _convolution(
    function: Any,
    versions: Any,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    *rest: Any,
) -> Any:
    if not isinstance(versions, LocalTensor) or isinstance(weight, LocalTensor) or transposed or weight.ndim != 4:
        return NotImplemented

    def work(maps: Tensor, around: Sequence[int]) -> Tensor:
        result: Tensor = function(maps, weight, bias, stride, around, dilation, transposed, *rest)
        return result

    return _sliding(versions, work, tuple(weight.shape[-2:]), stride, padding, dilation)


def _max_pool(
    function: Any,
    versions: Any,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    ceil_mode: bool = False,
) -> Any:
    if not isinstance(versions, LocalTensor) or ceil_mode:
        return NotImplemented

    def work(maps: Tensor, around: Sequence[int]) -> Tensor:
        result: Tensor = function(maps, kernel, stride, around, dilation)[0]
        return result

    pooled = _sliding(versions, work, _pair(kernel), stride or kernel, padding, dilation, fill=float("-inf"))
    # Nobody reads the indices of a forward without a graph; whoever does fails instead of getting wrong ones.
    return pooled, torch.empty(pooled.shape, dtype=torch.int64, device="meta")


def _average_pool(
    function: Any,
    versions: Any,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    if not isinstance(versions, LocalTensor) or ceil_mode or (any(padding) and not count_include_pad):
        return NotImplemented

    def work(maps: Tensor, around: Sequence[int]) -> Tensor:
        result: Tensor = function(maps, kernel, stride, around, ceil_mode, count_include_pad, divisor_override)
        return result

    return _sliding(versions, work, _pair(kernel), stride or kernel, padding, (1, 1))


def _sliding(
    versions: LocalTensor,
    work: Callable[[Tensor, Sequence[int]], Tensor],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    *,
    fill: float = 0.0,
) -> Tensor:
    """`work(maps, padding)` where the changed pixels reach; on whole maps where that is nearly everywhere."""
    kernel, stride, padding, dilation = _pair(kernel), _pair(stride), _pair(padding), _pair(dilation)
    if kernel == stride == (1, 1) and padding == (0, 0):
        return LocalTensor(work(versions.base, padding), work(versions.patch, padding), versions.top, versions.left)
    axes = [SlidingWindow(*settings) for settings in zip(kernel, stride, padding, dilation, strict=True)]
    frame = [axis.outputs(int(side)) for axis, side in zip(axes, versions.shape[-2:], strict=True)]
    (top, high), (left, wide) = (
        axis.reached(start, int(length), outputs)
        for axis, start, length, outputs in zip(
            axes, (versions.top, versions.left), versions.patch.shape[-2:], frame, strict=True
        )
    )
    if high * wide > _NEARLY_ALL * frame[0] * frame[1]:
        return work(whole(versions), padding)
    cut = _cut(
        versions,
        top * stride[0] - padding[0],
        left * stride[1] - padding[1],
        (axes[0].inputs(high), axes[1].inputs(wide)),
        padding,
        fill,
    )
    return LocalTensor(work(versions.base, padding), work(cut, (0, 0)), top, left)


def _union(parts: Sequence[LocalTensor]) -> tuple[Tensor, Tensor, tuple[int, int]]:
    """The smallest boxes of one size that hold every part's boxes."""
    starts, sizes = [], []
    for axis in (0, 1):
        begins = [(part.top, part.left)[axis] for part in parts]
        ends = [begin + part.patch.shape[2 + axis] for begin, part in zip(begins, parts, strict=True)]
        first = torch.stack(begins).amin(0)
        size = int((torch.stack(ends).amax(0) - first).max())
        starts.append(first.clamp(max=int(parts[0].shape[2 + axis]) - size))
        sizes.append(size)
    return starts[0], starts[1], (sizes[0], sizes[1])


def _cut_same(part: LocalTensor, top: Tensor, left: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(part.patch.shape[-2:]) == size:  # the union is never larger than this box, so it is this box
        return part.patch
    return _cut(part, top, left, size)


def _nearly_all(size: tuple[int, int], versions: LocalTensor) -> bool:
    return size[0] * size[1] > _NEARLY_ALL * versions.shape[2] * versions.shape[3]


def _pair(values: Sequence[int]) -> tuple[int, int]:
    return (values[0], values[-1])


_POINTWISE = [
    aten.relu, aten.hardtanh, aten.silu, aten.gelu, aten.hardswish, aten.hardsigmoid, aten.sigmoid, aten.tanh,
    aten.leaky_relu, aten.elu, aten.clamp, aten.clamp_min, aten.clamp_max, aten.mish, aten.softplus, aten.neg,
    aten.exp, aten.abs, aten.sqrt, aten.clone, aten.detach,
]  # fmt: skip
_IN_PLACE = [
    aten.relu_, aten.hardtanh_, aten.silu_, aten.gelu_, aten.hardswish_, aten.hardsigmoid_, aten.sigmoid_, aten.tanh_,
    aten.leaky_relu_, aten.elu_, aten.clamp_, aten.clamp_min_, aten.clamp_max_, aten.mish_,
]  # fmt: skip
_OUT_OF_PLACE = {
    aten.add_.Tensor: aten.add.Tensor,
    aten.sub_.Tensor: aten.sub.Tensor,
    aten.mul_.Tensor: aten.mul.Tensor,
    aten.div_.Tensor: aten.div.Tensor,
}
_RULES: dict[Any, Callable[..., Any]] = {
    **{packet.default: _pointwise for packet in (*_POINTWISE, *_IN_PLACE)},
    **dict.fromkeys(_OUT_OF_PLACE.values(), _binary),
    **dict.fromkeys(_OUT_OF_PLACE, _binary_in_place),
    aten.pow.Tensor_Scalar: _pointwise,
    aten._to_copy.default: _pointwise,
    aten.native_batch_norm.default: _batch_norm,
    aten.cat.default: _concatenated,
    aten.convolution.default: _convolution,
    aten.max_pool2d_with_indices.default: _max_pool,
    aten.avg_pool2d.default: _average_pool,
}
