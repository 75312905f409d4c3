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


class LocalPasses:
    """Passes of a probe's module over boxes instead of whole images, wherever that is proved to give the same.

    The first image's first and middle versions go through the module both ways. Where all outputs agree, only what a
    box reaches is computed from then on; a module that cannot be passed so, or comes to other outputs, sees whole
    images, as does one in reduced precision, on an accelerator, or with a batch size that it insists on.
    """

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        # Measured on CPUs only. On an accelerator many small operations may cost more than they save.
        possible = probe.is_precise and probe.only_batch is None and probe.device.type == "cpu"
        self._local: bool | None = None if possible else False

    def scores(self, image: Tensor, target: Tensor, count: int, make: Make) -> Tensor:
        """Scores (count,) of versions of one image (C, H, W), all for one target (), of boxes that are all one size."""
        probe = self._probe
        parts: list[Tensor] = []

        def versions(start: int, stop: int) -> LocalTensor:
            pixels, top, left = make(start, stop)
            base = probe.prepare(image[None]).clone()  # the module may change its input in place
            return LocalTensor(base, probe.prepare(pixels), top.to(probe.device), left.to(probe.device))

        def work(start: int, stop: int) -> None:
            made = versions(start, stop)
            with torch.no_grad():
                parts.append(probe.score(made if self._local else whole(made), target.expand(stop - start)))
            probe.passes.forward += stop - start

        if self._local is None:
            self._local = all(self._agree(versions(at, at + 1), target) for at in (0, count // 2))
        probe.in_chunks("versions" if self._local else "forward", count, work)
        return torch.cat(parts)

    def _agree(self, version: LocalTensor, target: Tensor) -> bool:
        targets = target[None].to(self._probe.device)
        self._probe.passes.forward += 2
        with torch.no_grad():
            ordinary = self._probe.columns(whole(version), targets)
            try:
                local = self._probe.columns(version, targets)
            except Exception as error:  # noqa: BLE001  # the user's code met a tensor of a kind that it does not know
                _LOG.debug("whole images are passed: %s: %s", type(error).__name__, error)
                return False
        return bool((local - ordinary).abs().max() <= _AGREE * ordinary.abs().max())
