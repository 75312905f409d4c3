"""What an image is compared with: the picture that stands for "nothing there"."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from explain_gate.attribution.base import Probe
from explain_gate.errors import OptionError

_BLUR_SHARE = 1 / 20


def baseline_images(probe: Probe, images: Tensor, baseline: str | Tensor) -> Tensor:
    """The baseline of each image, in the module's input space.

    Args:
        probe: knows what black is and how image files are read.
        images: (N, C, H, W), normalised.
        baseline: `mean`, zeros: the mean colour the normalisation subtracts; `black`; `blur`, the image itself under
            a Gaussian of a twentieth of its shorter side; the path of an image file; or a tensor that broadcasts.

    Returns:
        (N, C, H, W), on the images' device.

    Raises:
        OptionError: black or a file without the preprocessing that defines it, or a shape that does not fit.
    """
    if isinstance(baseline, Tensor):
        return _expanded(baseline, images, "the tensor")
    if baseline == "mean":
        return torch.zeros_like(images)
    if baseline == "blur":
        return blurred(images, _BLUR_SHARE * min(images.shape[-2:]))
    if baseline == "black":
        if probe.black is None:
            raise OptionError("baseline black needs to know what black is after normalisation; give it as a tensor")
        return _expanded(probe.black, images, "black")
    if probe.read_images is None:
        raise OptionError(
            f"baseline must be mean, black, blur, an image file or a tensor, got {baseline}; an image file needs the "
            "preprocessing of a gate, so give eg.attribute the image as a tensor"
        )
    read = probe.read_images(baseline)
    if len(read) != 1:
        raise OptionError(f"baseline must be one image file, got {len(read)} in the folder {baseline}")
    return _expanded(read, images, baseline)


def blurred(images: Tensor, sigma: float) -> Tensor:
    """Images under a Gaussian of `sigma` pixels, mirrored at the edges. Shapes: (N, C, H, W) both."""
    radius = min(math.ceil(3 * sigma), min(images.shape[-2:]) - 1)
    offsets = torch.arange(-radius, radius + 1, dtype=images.dtype, device=images.device)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    weights = weights / weights.sum()
    channels = images.shape[1]
    padded = pad(images, (radius, radius, radius, radius), mode="reflect")
    across = conv2d(padded, weights.view(1, 1, 1, -1).repeat(channels, 1, 1, 1), groups=channels)
    return conv2d(across, weights.view(1, 1, -1, 1).repeat(channels, 1, 1, 1), groups=channels)


def _expanded(baseline: Tensor, images: Tensor, what: str) -> Tensor:
    try:
        return baseline.to(images).expand_as(images)
    except RuntimeError as error:
        raise OptionError(
            f"baseline {what} must broadcast to {tuple(images.shape)}, got {tuple(baseline.shape)}"
        ) from error
