"""Memory that a pass gives back stays with the process for the next pass.

glibc returns every large block to the kernel and asks for it anew, so that on a CPU the kernel clears each activation's
pages again in each pass; that takes up to as long as the pass itself. Nothing to do on other allocators and on GPUs,
where torch keeps its own pool.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

# mallopt's parameters, from malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4
_KEEP = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 64 << 20}
# mallopt(3): glibc no longer adapts its thresholds once one was set. So afterwards they are set to what they come to by
# themselves in every process that has freed a large tensor.
_USUAL = {_MMAP_MAX: 65536, _MMAP_THRESHOLD: 32 << 20, _TRIM_THRESHOLD: 64 << 20, _TOP_PAD: 128 << 10}

_lock = threading.Lock()
_inside = 0


@contextmanager
def kept_memory() -> Iterator[None]:
    """Inside the block freed memory is kept for reuse; at the end of the outermost one it goes back to the system."""
    global _inside  # noqa: PLW0603  # the allocator is one for the whole process
    with _lock:
        _inside += 1
        if _inside == 1:
            _set(_KEEP)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _set(_USUAL)
                library = _glibc()
                if library is not None:
                    library.malloc_trim(0)


def _set(values: dict[int, int]) -> None:
    library = _glibc()
    if library is not None:
        for parameter, value in values.items():
            library.mallopt(parameter, value)


@cache
def _glibc() -> Any | None:
    """The C library, where it is glibc and the user has not set its thresholds."""
    if not sys.platform.startswith("linux") or any(_is_set(name) for name in os.environ):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") and hasattr(library, "mallopt") else None


def _is_set(name: str) -> bool:
    """Whether an environment variable is one of those that glibc's allocator reads; what the user set stands."""
    return name.startswith("MALLOC_") or (name == "GLIBC_TUNABLES" and "glibc.malloc" in os.environ[name])
