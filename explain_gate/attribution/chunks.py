"""How many images go through the model at once: as many as pay off, as few as memory or the model itself demands."""

from __future__ import annotations

import gc
import logging
import math
from collections.abc import Callable, Iterable
from typing import Literal, get_args

import torch

from explain_gate.attribution.memory import MemoryMeter, free_memory
from explain_gate.errors import ModelError

_LOG = logging.getLogger(__name__)
_SHARE_OF_FREE = 0.5
# Time per image falls until about 8 images on a CPU, where the activations leave its caches; a GPU wants more.
_PAYS_OFF = {"cpu": 8}
_PAYS_OFF_ELSEWHERE = 64
# What the meter cannot see: workspaces inside an operation, fragmentation.
_UNSEEN = 1.25

# Versions of one image share its own pass and are small where the network is wide, so more of them pay off at once.
_VERSIONS = 8

Pass = Literal["forward", "gradient", "versions"]


class Chunks:
    """Cuts work over a flat index into chunks. The first image of each kind of pass is metered, then chunks grow.

    Args:
        device: where the model runs.
        budget: bytes the passes may take beside the model; None for half of what is free.
        largest: most images in a chunk; None for what pays off on the device.
        weights: tensors that are there anyway and do not count.
    """

    def __init__(
        self, *, device: torch.device, budget: int | None, largest: int | None, weights: Iterable[torch.Tensor]
    ) -> None:
        self._device = device
        self._weights = list(weights)
        self.budget = budget if budget is not None else int(_SHARE_OF_FREE * free_memory(device))
        self._largest = largest or _PAYS_OFF.get(device.type, _PAYS_OFF_ELSEWHERE)
        self._sizes: dict[Pass, int] = {}

    def run(self, kind: Pass, count: int, work: Callable[[int, int], None]) -> None:
        """Call `work(start, stop)` until 0..count is covered; out of memory halves the chunk and goes on.

        Where a chunk of several raises and each of its images alone does not, the model takes one image at a time, and
        gets one at a time from then on. `work` must leave nothing behind when it raises, because the same start is
        tried again.

        Raises:
            ModelError: a single image does not fit into memory.
        """
        start = 0
        while start < count:
            left = count - start
            stop = start + math.ceil(left / math.ceil(left / self._sizes.get(kind, 1)))
            try:
                if kind in self._sizes:
                    work(start, stop)
                else:
                    self._sizes[kind] = self._metered(
                        work, start, stop, self._largest * (_VERSIONS if kind == "versions" else 1)
                    )
            except Exception as error:
                if not _is_out_of_memory(error):
                    if stop - start == 1:
                        raise
                    self._one_by_one(work, start, stop)
                    start = stop
                    continue
                if stop - start == 1:
                    raise ModelError(
                        f"one image does not fit into the memory of {self._device}: {str(error).splitlines()[0]}"
                    ) from error
                self._sizes[kind] = (stop - start) // 2
            else:
                start = stop
                continue
            # Here the failed attempt's tensors are no longer held by the exception.
            _LOG.warning("out of memory on %s: going on with %d images at a time", self._device, self._sizes[kind])
            _release(self._device)

    def _one_by_one(self, work: Callable[[int, int], None], start: int, stop: int) -> None:
        """The images of a chunk that raised, each alone; the first that raises alone too is at fault itself."""
        for position in range(start, stop):
            work(position, position + 1)
        _LOG.info("several images at once raise, each alone does not: going on with one image at a time")
        self._largest = 1
        self._sizes = dict.fromkeys(get_args(Pass), 1)

    def _metered(self, work: Callable[[int, int], None], start: int, stop: int, largest: int) -> int:
        with MemoryMeter(self._device, self._weights) as meter:
            work(start, stop)
        per_image = max(1, int(meter.peak * _UNSEEN))
        return max(1, min(largest, self.budget // per_image))


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _release(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
