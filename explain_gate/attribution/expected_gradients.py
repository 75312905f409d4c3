"""Expected gradients: Integrated Gradients whose baseline is drawn instead of chosen (GradientSHAP)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from explain_gate.attribution.base import Probe, in_float64
from explain_gate.errors import OptionError
from explain_gate.records import Attribution


def expected_gradients(
    probe: Probe,
    images: Tensor,
    targets: Tensor,
    *,
    keys: Sequence[str],
    references: str | Tensor = "noise",
    samples: int = 50,
) -> Attribution:
    """The mean of (x - x') gradient(x' + a (x - x')) over drawn x' and a (Erion 2021, equation 3), over the channels.

    The places a are drawn one from each of `samples` equal parts of 0..1, which leaves the expectation as it is and
    lowers its variance.

    Args:
        probe: the model.
        images: (N, C, H, W), normalised.
        targets: (N,), int64.
        keys: one digest per image, from which the draws are seeded.
        references: noise, standard normal values, i.e. the data's mean colour and spread; an image file or a folder
            of at most 64, typical images; or a tensor (R, C, H, W).
        samples: gradients per image, at least 1.

    Returns:
        Maps (N, H, W), signed, in units of the score: their sum estimates f(x) - E f(x').

    Raises:
        OptionError: an option out of range, or references that do not fit.
    """
    if samples < 1:
        raise OptionError(f"samples must be at least 1, got {samples}")
    pool = _pool(probe, references, images)
    maps = in_float64(torch.zeros_like(images[:, 0]))
    directions: list[Tensor] = []

    def make(start: int, stop: int) -> tuple[Tensor, Tensor]:
        points = []
        directions.clear()
        for index in range(start, stop):
            row, sample = divmod(index, samples)
            draw = probe.generator(keys[row], f"expected gradients {sample}")
            alpha = (sample + float(torch.rand((), generator=draw))) / samples
            if pool is None:
                reference = torch.randn(images.shape[1:], generator=draw).to(images)
            else:
                reference = pool[int(torch.randint(len(pool), (), generator=draw))]
            directions.append(images[row] - reference)
            points.append(reference + alpha * directions[-1])
        return torch.stack(points), targets[[index // samples for index in range(start, stop)]]

    def take(start: int, stop: int, _: Tensor, grads: Tensor) -> None:
        products = (grads * torch.stack(directions).to(grads)).sum(dim=1)
        for index in range(start, stop):
            maps[index // samples].add_(products[index - start].to(maps))

    probe.gradients_of(len(images) * samples, make, take)
    return Attribution(method="expected_gradients", kind="signed", maps=(maps / samples).float())


def _pool(probe: Probe, references: str | Tensor, images: Tensor) -> Tensor | None:
    if isinstance(references, str) and references == "noise":
        return None
    pool = references if isinstance(references, Tensor) else _read(probe, references)
    if pool.ndim != 4 or pool.shape[1:] != images.shape[1:] or not len(pool):
        raise OptionError(f"references must be (R, {', '.join(map(str, images.shape[1:]))}), got {tuple(pool.shape)}")
    return pool.to(images)


def _read(probe: Probe, name: str) -> Tensor:
    if not isinstance(name, str) or probe.read_images is None:
        raise OptionError(
            f"references must be noise, image files or a tensor (R, C, H, W), got {name}; image files need the "
            "preprocessing of a gate, so give eg.attribute the images as a tensor"
        )
    return probe.read_images(name)
