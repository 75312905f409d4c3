"""Attention of a vision transformer, followed through its layers from the patches to the output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate, linear, multi_head_attention_forward
from torch.overrides import TorchFunctionMode

from explain_gate.attribution.base import Probe
from explain_gate.attribution.feature_maps import token_grid
from explain_gate.attribution.grid import cells_of_each
from explain_gate.errors import ModelError
from explain_gate.records import Attribution


def attention_rollout(
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    *,
    keys: Sequence[str],
) -> Attribution:
    """Attention rollout (Abnar 2020, equation 1): the product over the layers of (A + I) / 2, A the mean over heads.

    The row of the class token is shown, or the mean over the rows where there is none. Targets are not looked at.

    Shapes: images (N, C, H, W), normalised; targets (N,), int64. Maps (N, H, W), not negative, upsampled bilinearly.

    Raises:
        ModelError: the module has no attention over one grid of tokens throughout.
    """

    def work(part: Tensor, part_targets: Tensor) -> Tensor:
        with torch.no_grad(), _Watch(lambda weights: weights.mean(dim=1)) as watch:
            probe.score(part, part_targets)
        layers = _layers(watch.seen, len(part))
        rolled = same = _identity(layers[0])
        for weights in layers:
            rolled = (weights + same) / 2 @ rolled
        return rolled

    return _followed("attention_rollout", probe, images, targets, work, "forward")


def gradient_attention(
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    *,
    keys: Sequence[str],
) -> Attribution:
    """Attention weighted by the score's gradient (Chefer 2021b, equations 5 and 6): R <- R + E_heads[(G A)+] R.

    Shapes, result and errors as for attention_rollout; this one explains the target's score.
    """

    def work(part: Tensor, part_targets: Tensor) -> Tensor:
        with torch.enable_grad(), _Watch(lambda weights: weights) as watch:
            scores = probe.score(part.detach().requires_grad_(), part_targets)
            layers = _layers(watch.seen, len(part))
            grads = torch.autograd.grad(scores.sum(), layers, allow_unused=True)
        if all(grad is None for grad in grads):
            raise ModelError("the score does not depend on any attention layer")
        rolled = _identity(layers[0].detach())
        for weights, grad in zip(layers, grads, strict=True):
            if grad is not None:  # a layer the score does not depend on adds nothing
                rolled = rolled + (grad * weights.detach()).relu().mean(dim=1) @ rolled
        # What a token keeps of itself is no relevance of the image.
        return rolled - _identity(rolled)

    return _followed("gradient_attention", probe, images, targets, work, "gradient")


def _followed(
    method: str,
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    work: Callable[[Tensor, Tensor], Tensor],
    kind: str,
) -> Attribution:
    size = (int(images.shape[-2]), int(images.shape[-1]))
    maps: list[Tensor] = []
    cells: list[int] = []

    def chunk(start: int, stop: int) -> None:
        rolled = work(probe.prepare(images[start:stop]), targets[start:stop])
        probe.passes.forward += stop - start
        probe.passes.backward += (stop - start) * (kind == "gradient")
        grid = token_grid(rolled.shape[1], size)
        if grid is None:
            raise ModelError(
                f"{method} needs tokens of a grid over {size[0]} x {size[1]}, got {rolled.shape[1]} tokens"
            )
        cells.extend([grid[0] * grid[1]] * len(rolled))
        first = rolled.shape[1] - grid[0] * grid[1]
        row = rolled[:, 0] if first else rolled.mean(dim=1)
        coarse = row[:, None, first:].reshape(len(row), 1, *grid)
        maps.append(interpolate(coarse.float(), size=size, mode="bilinear")[:, 0])

    probe.in_chunks(kind, len(images), chunk)
    placed = torch.cat(maps).to(images.device)
    return Attribution(method=method, kind="positive", maps=placed, details=cells_of_each(cells))


def _layers(seen: Sequence[Tensor], images: int) -> list[Tensor]:
    """What was kept of all layers' attention weights, (N, ..., T, T) with one T."""
    shapes = {tuple(weights.shape[-2:]) for weights in seen}
    if not seen:
        raise ModelError(
            "no attention was seen: the attention methods need a transformer that calls torch's attention "
            "(nn.MultiheadAttention, scaled_dot_product_attention, or softmax over (N, heads, T, T)); use a CAM method"
        )
    if len(shapes) > 1 or any(weights.shape[0] != images for weights in seen):
        raise ModelError(
            "attention methods need one grid of tokens throughout, as in ViT, DeiT or BEiT; this module attends within "
            "windows or over grids of several sizes (Swin, PVT), so use a CAM method"
        )
    return list(seen)


def _identity(weights: Tensor) -> Tensor:
    """(N, T, T) like weights (N, ..., T, T)."""
    same = torch.eye(weights.shape[-1], device=weights.device, dtype=weights.dtype)
    return same.repeat(len(weights), 1, 1)


class _Watch(TorchFunctionMode):
    """Keeps what is wanted of the attention weights, (N, heads, T, T), that pass by.

    Fused attention is computed step by step so that there are some.
    """

    def __init__(self, wanted: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self._wanted = wanted
        self.seen: list[Tensor] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is multi_head_attention_forward:
            return self._module(*args, **kwargs)
        name = getattr(func, "__name__", "").partition(".")[0]
        if name == "scaled_dot_product_attention":
            return self._step_by_step(*args, **kwargs)
        result = func(*args, **kwargs)
        if name in {"softmax", "_softmax"} and isinstance(result, Tensor) and _is_attention(result):
            self.seen.append(self._wanted(result))
        return result

    def _module(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        _: int,
        heads: int,
        in_weight: Tensor | None,
        in_bias: Tensor | None,
        bias_k: Tensor | None,
        bias_v: Tensor | None,
        add_zero_attn: bool,  # noqa: FBT001  # torch's signature
        dropout_p: float,  # noqa: ARG002  # modules are in eval mode
        out_weight: Tensor,
        out_bias: Tensor | None,
        **options: Any,
    ) -> tuple[Tensor, None]:
        """Self-attention of nn.MultiheadAttention, (T, N, width), whose own weights are not on the way to the score."""
        masks = (options.get("attn_mask"), options.get("key_padding_mask"), bias_k, bias_v)
        if in_weight is None or add_zero_attn or any(mask is not None for mask in masks) or not query is key is value:
            raise ModelError("attention methods need plain self-attention: one input, no mask, no extra keys")
        # Images first and contiguous, as they are in most transformers: a linear layer on anything else is far slower.
        sequences = query.transpose(0, 1).contiguous()
        images, tokens, width = sequences.shape
        parts = linear(sequences, in_weight, in_bias).chunk(3, dim=-1)
        query, key, value = (part.reshape(images, tokens, heads, -1).transpose(1, 2) for part in parts)
        mixed = self._step_by_step(query, key, value).transpose(1, 2).reshape(images, tokens, width)
        return linear(mixed, out_weight, out_bias).transpose(0, 1), None

    def _step_by_step(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,  # noqa: ARG002  # modules are in eval mode
        is_causal: bool = False,  # noqa: FBT001, FBT002  # torch's signature
        *,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        if is_causal or enable_gqa or query.ndim != 4 or query.shape[-2] != key.shape[-2]:
            raise ModelError("attention methods need self-attention over (N, heads, T, width) without a causal mask")
        logits = (query * (query.shape[-1] ** -0.5 if scale is None else scale)) @ key.mT
        if attn_mask is not None:
            logits = logits.masked_fill(~attn_mask, -torch.inf) if attn_mask.dtype == torch.bool else logits + attn_mask
        weights = logits.softmax(dim=-1)
        self.seen.append(self._wanted(weights))
        return weights @ value


def _is_attention(weights: Tensor) -> bool:
    return weights.ndim == 4 and weights.shape[-1] == weights.shape[-2]
