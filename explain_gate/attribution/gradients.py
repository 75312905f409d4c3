"""Gradients of the score to the input, plain, averaged over noise, or passed through ReLUs in a guided way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from explain_gate.attribution.base import Probe
from explain_gate.errors import ModelError, OptionError
from explain_gate.records import Attribution

_RECTIFIERS = frozenset(
    f"{name}{suffix}"
    for name in ("relu", "relu_", "relu6", "hardtanh", "hardtanh_", "threshold", "threshold_")
    for suffix in ("", ".default")
)


def gradient(probe: Probe, images: Tensor, targets: Tensor, *, keys: Sequence[str]) -> Attribution:
    """The largest magnitude over the channels of the score's gradient (Simonyan 2013, section 3.1).

    Shapes: images (N, C, H, W), normalised; targets (N,), int64. Maps (N, H, W), score per unit of input, not negative.
    """
    _, grads = probe.gradients(images, targets)
    return Attribution(method="gradient", kind="magnitude", maps=grads.abs().amax(dim=1).float())


def gradient_x_input(
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    *,
    keys: Sequence[str],
) -> Attribution:
    """The gradient times the input, summed over the channels (Shrikumar 2016, equation 1).

    Shapes: images (N, C, H, W), normalised; targets (N,), int64. Maps (N, H, W), signed, in units of the score: the
    first-order share of each pixel in the change of the score from the mean colour, 0 after normalisation.
    """
    _, grads = probe.gradients(images, targets)
    return Attribution(method="gradient_x_input", kind="signed", maps=(grads * images.to(grads)).sum(dim=1).float())


def smooth_grad(
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    *,
    keys: Sequence[str],
    samples: int = 25,
    noise: float = 0.15,
    variant: Literal["mean", "squared", "variance"] = "mean",
) -> Attribution:
    """Gradients averaged over noisy copies of the image (SmoothGrad, Smilkov 2017, section 3).

    Args:
        probe: the model.
        images: (N, C, H, W), normalised.
        targets: (N,), int64.
        keys: one digest per image, from which the noise is seeded.
        samples: noisy copies, at least 1, for the variance at least 2.
        noise: standard deviation as a share of each image's range, largest minus smallest value; above 0.
        variant: mean, the largest magnitude over the channels of the mean gradient; squared, of the mean squared
            gradient (SmoothGrad-Squared, Hooker 2019); variance, of its variance (VarGrad, Adebayo 2018).

    Returns:
        Maps (N, H, W), not negative, score per unit of input, squared for the last two variants.

    Raises:
        OptionError: an option out of range.
    """
    if variant not in {"mean", "squared", "variance"}:
        raise OptionError(f"variant must be mean, squared or variance, got {variant}")
    if samples < 1 + (variant == "variance") or not noise > 0:
        raise OptionError(f"samples must be at least 1 (variance: 2) and noise above 0, got {samples} and {noise}")
    spread = noise * (images.amax(dim=(1, 2, 3)) - images.amin(dim=(1, 2, 3)))
    sums = torch.zeros_like(images, dtype=torch.promote_types(images.dtype, torch.float32))
    squares = torch.zeros_like(sums)

    def make(start: int, stop: int) -> tuple[Tensor, Tensor]:
        rows = [index // samples for index in range(start, stop)]
        draws = [
            torch.randn(images.shape[1:], generator=probe.generator(keys[index // samples], f"noise {index % samples}"))
            for index in range(start, stop)
        ]
        noises = torch.stack(draws).to(images)
        return images[rows] + spread[rows, None, None, None] * noises, targets[rows]

    def take(start: int, stop: int, _: Tensor, grads: Tensor) -> None:
        grads = grads.to(sums)
        for index in range(start, stop):
            sums[index // samples].add_(grads[index - start])
            if variant != "mean":
                squares[index // samples].addcmul_(grads[index - start], grads[index - start])

    probe.gradients_of(len(images) * samples, make, take)
    means = sums / samples
    values = {
        "mean": means.abs(),
        "squared": squares / samples,
        "variance": (squares / samples - means.square()).clamp(min=0),
    }[variant]
    return Attribution(method="smooth_grad", kind="magnitude", maps=values.amax(dim=1).float())


def guided_backprop(
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    *,
    keys: Sequence[str],
) -> Attribution:
    """The gradient with negative values cut at every ReLU on the way back (Springenberg 2015, section 3.4).

    Every rectifier is guided: modules, reused ones, functional and in-place calls. Shapes: images (N, C, H, W); targets
    (N,), int64. Maps (N, H, W), the largest magnitude over the channels.

    Raises:
        ModelError: the module has no ReLU, so that this would be the plain gradient under another name.
    """
    with _Guide() as guide:
        _, grads = probe.gradients(images, targets)
    if not guide.rectifiers:
        raise ModelError("guided_backprop needs a network with ReLUs; this one calls none, so use gradient")
    return Attribution(method="guided_backprop", kind="magnitude", maps=grads.abs().amax(dim=1).float())


class _Guide(TorchFunctionMode):
    """Cuts negative gradients as they enter a rectifier from above; the module itself is not touched."""

    def __init__(self) -> None:
        super().__init__()
        self.rectifiers = 0

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") in _RECTIFIERS and isinstance(result, Tensor) and result.requires_grad:
            self.rectifiers += 1
            result.register_hook(lambda grad: grad.clamp(min=0))  # type: ignore[no-untyped-call]
        return result
