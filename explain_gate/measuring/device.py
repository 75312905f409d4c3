"""Devices, threads and determinism of a run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import torch

from explain_gate.errors import OptionError


def pick_device(wanted: str = "auto") -> torch.device:
    """`auto` takes the best accelerator there is.

    Raises:
        OptionError: not auto, cpu, cuda, cuda:N or mps, or the device is not there.
    """
    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise OptionError(f"device must be auto, cpu, cuda, cuda:N or mps, got {wanted}") from error
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(device.type, False):
        raise OptionError(f"device {wanted} is not available here; use auto or cpu")
    return device


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Run with so many CPU threads, then with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """Deterministic algorithms where the device has a choice; an operation without one warns and goes on."""
    # The debug mode sets the same switch as use_deterministic_algorithms without loading the compiler for it.
    before = torch.get_deterministic_debug_mode()
    benchmark = torch.backends.cudnn.benchmark
    uninitialized: Any = torch.utils.deterministic  # its one switch is not in its types
    filled = uninitialized.fill_uninitialized_memory
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_deterministic_debug_mode("warn")
    torch.backends.cudnn.benchmark = False
    # Otherwise every output is first filled with NaN, for operations that leave some of it unwritten: a quarter of
    # the time of a pass. The rerun with another seed finds a model whose numbers depend on such memory.
    uninitialized.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)
        torch.backends.cudnn.benchmark = benchmark
        uninitialized.fill_uninitialized_memory = filled
