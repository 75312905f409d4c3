"""How much memory is free, and how much some work takes at its peak."""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_CGROUP = Path("/sys/fs/cgroup")
_MEMINFO = Path("/proc/meminfo")


def free_memory(device: torch.device) -> int:
    """Bytes that can still be taken on the device; on a CPU within the container's limit."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = _available()
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        if limit != "max":
            free = min(free, int(limit) - int((_CGROUP / "memory.current").read_text()))
    except (OSError, ValueError):
        pass  # no cgroup, or an older one: the machine's own number stands
    return max(free, 0)


class MemoryMeter:
    """Measures the peak of bytes that tensors made inside the block take, beside `weights`.

    On CUDA the allocator knows. Elsewhere every operation's result is followed until it is freed, in the backward
    pass too; `peak` is exact but for workspaces inside an operation.
    """

    def __init__(self, device: torch.device, weights: Iterable[torch.Tensor] = ()) -> None:
        self.peak = 0
        self._device = device
        self._follow = None if device.type == "cuda" else _Follow(weights)
        self._before = 0

    def __enter__(self) -> Self:
        if self._follow is None:
            torch.cuda.synchronize(self._device)
            self._before = torch.cuda.memory_allocated(self._device)
            torch.cuda.reset_peak_memory_stats(self._device)
        else:
            self._follow.__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._follow is None:
            self.peak = torch.cuda.max_memory_allocated(self._device) - self._before
        else:
            self._follow.__exit__(kind, error, trace)  # type: ignore[no-untyped-call]
            self.peak = self._follow.peak


class _Follow(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Adds a storage when an operation first returns it, takes it off when it is freed."""

    def __init__(self, weights: Iterable[torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._now = 0
        self._ignored = {weight.untyped_storage()._cdata for weight in weights}
        self._seen: set[int] = set()
        self._result: Callable[..., Any] = self._added
        if "torch._dynamo" in sys.modules:  # a compiled model must not compile this too
            self._result = torch.compiler.disable(self._added)  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Torch's own guard would import its compiler for a model that is not compiled, which takes a second."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return self._result(func, *args, **(kwargs or {}))

    def _added(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        result = func(*args, **kwargs)
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor) and leaf.layout == torch.strided:
                self._add(leaf.untyped_storage())
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._seen or key in self._ignored:
            return
        self._seen.add(key)
        size = storage.nbytes()
        self._now += size
        self.peak = max(self.peak, self._now)
        weakref.finalize(storage, self._drop, key, size)

    def _drop(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self._now -= size


def _available() -> int:
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # not Linux
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return int(os.sysconf("SC_PHYS_PAGES")) * int(os.sysconf("SC_PAGE_SIZE")) // 2
    return 4 << 30
