"""Scores of versions of an image that differ in a box, at the price of what the boxes reach."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor

from explain_gate.attribution.base import Probe
from explain_gate.attribution.local import LocalTensor, whole

_LOG = logging.getLogger(__name__)
# Parts of a pass are rounded in another order than the whole; this is far above that, and far below any fault.
_AGREE = 1e-4

Make = Callable[[int, int], tuple[Tensor, Tensor, Tensor]]
"""(start, stop) -> the boxes' new pixels (N, C, h, w), their first rows (N,) and their first columns (N,)."""


def scores_of_versions(probe: Probe, image: Tensor, target: Tensor, count: int, make: Make) -> Tensor:
    """Scores (count,) of versions of one image (C, H, W), all for one target (), of boxes that are all one size.

    The middle version goes through the module both ways. Where all outputs agree, only what a box reaches is computed
    for the others; a module that cannot be passed so, or comes to other outputs, sees whole images, as does one in
    reduced precision, on an accelerator, or with a batch size that it insists on.
    """

    def versions(start: int, stop: int) -> LocalTensor:
        pixels, top, left = make(start, stop)
        base = probe.prepare(image[None]).clone()  # the module may change its input in place
        return LocalTensor(base, probe.prepare(pixels), top.to(probe.device), left.to(probe.device))

    # Measured on CPUs only. On an accelerator many small operations may cost more than they save.
    possible = probe.is_precise and probe.only_batch is None and probe.device.type == "cpu"
    local = possible and _agree(probe, versions(count // 2, count // 2 + 1), target)
    parts: list[Tensor] = []

    def work(start: int, stop: int) -> None:
        made = versions(start, stop)
        with torch.no_grad():
            parts.append(probe.score(made if local else whole(made), target[None].expand(stop - start, *target.shape)))
        probe.passes.forward += stop - start

    probe.in_chunks("versions" if local else "forward", count, work)
    return torch.cat(parts)


def _agree(probe: Probe, version: LocalTensor, target: Tensor) -> bool:
    targets = target[None].to(probe.device)
    probe.passes.forward += 2
    with torch.no_grad():
        ordinary = probe.columns(whole(version), targets)
        try:
            local = probe.columns(version, targets)
        except Exception as error:  # noqa: BLE001  # the user's code met a tensor of a kind that it does not know
            _LOG.debug("whole images are passed: %s: %s", type(error).__name__, error)
            return False
    return bool((local - ordinary).abs().max() <= _AGREE * ordinary.abs().max())
