"""Two tensors of one name beside each other: whether they hold the same, and whether one may become the other."""

from __future__ import annotations

import torch


def castable(theirs: torch.Tensor, mine: torch.Tensor, *, counter: bool) -> bool:
    """Whether loading keeps what the numbers say: floats become floats, whole numbers only what is exactly them."""
    if theirs.dtype == mine.dtype or counter:
        return True
    if theirs.is_complex() or mine.is_complex():
        return False
    if theirs.is_floating_point() and mine.is_floating_point():
        return bool((theirs.to(mine.dtype).isfinite() == theirs.isfinite()).all())
    if mine.is_floating_point():  # int8 weights without their scales
        return False
    exact = 2 / torch.finfo(theirs.dtype).eps if theirs.is_floating_point() else float("inf")
    cast = theirs.to(mine.dtype)
    return bool((cast.to(theirs.dtype) == theirs).all()) and not bool((theirs.abs() > exact).any())


def kind_fault(tensor: torch.Tensor) -> str:
    """What keeps a tensor's numbers from being read one by one; nothing for a plain one."""
    if tensor.layout != torch.strided:
        return str(tensor.layout).removeprefix("torch.")
    return "no values" if tensor.is_meta else "quantised" if tensor.is_quantized else ""


def is_quantised(tensor: torch.Tensor) -> bool:
    """Whether its numbers are codes of other numbers, or may be."""
    return tensor.is_quantized or tensor.dtype in (torch.int8, torch.uint8)


def holds_same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two have one shape and, in the second's type, equal values."""
    if one.shape != other.shape or kind_fault(one) or kind_fault(other):
        return False
    return one is other or torch.equal(one.detach().to(other.dtype), other.detach())


def shape_told(tensor: torch.Tensor | None) -> str:
    """A shape for a message; "any" where the module takes it from its first input, nothing where there is no tensor."""
    if tensor is None:
        return ""
    return "any" if torch.nn.parameter.is_lazy(tensor) else str(tuple(tensor.shape))


def dtype_told(tensor: torch.Tensor) -> str:
    """A type for a message: "float16"."""
    return str(tensor.dtype).removeprefix("torch.")
