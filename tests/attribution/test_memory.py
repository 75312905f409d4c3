"""How much memory is free, and what work takes at its peak."""

from __future__ import annotations

import pytest
import torch

from explain_gate.attribution import memory
from explain_gate.attribution.memory import MemoryMeter, free_memory

CPU = torch.device("cpu")
MEGABYTE = 1 << 20


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Writes what the system says: free memory in kB, a container's limit and use in bytes."""

    def written(available=None, limit=None, current=0):
        info = tmp_path / "meminfo"
        if available is not None:
            info.write_text(f"MemTotal: 9 kB\nMemAvailable:    {available} kB\n")
        if limit is not None:
            (tmp_path / "memory.max").write_text(f"{limit}\n")
            (tmp_path / "memory.current").write_text(f"{current}\n")
        monkeypatch.setattr(memory, "_MEMINFO", info)
        monkeypatch.setattr(memory, "_CGROUP", tmp_path)

    return written


@pytest.mark.parametrize(
    ("available", "limit", "current", "free"),
    [
        (1000, None, 0, 1000 * 1024),
        (1000, "max", 0, 1000 * 1024),
        (1000, 500_000, 200_000, 300_000),
        (1000, 500_000, 600_000, 0),
        (1, 500_000, 0, 1024),
    ],
)
def test_a_container_has_what_its_limit_leaves(machine, available, limit, current, free):
    """The machine's free memory is not the container's."""
    machine(available, limit, current)
    assert free_memory(CPU) == free


def test_a_system_that_says_nothing_is_taken_by_what_it_has(machine):
    """Half of the machine rather than an error: the budget backs off where that is too much."""
    machine()
    assert free_memory(CPU) > MEGABYTE


def test_the_peak_is_what_was_alive_at_once():
    """Two tensors one after the other take one's room, beside each other both's; weights do not count."""
    weights = torch.zeros(MEGABYTE)
    with MemoryMeter(CPU, [weights]) as after:
        torch.zeros(MEGABYTE)
        torch.zeros(MEGABYTE)
        weights.add_(1)
    with MemoryMeter(CPU, [weights]) as beside:
        kept = [torch.zeros(MEGABYTE), torch.zeros(MEGABYTE)]
    assert (after.peak, beside.peak) == (4 * MEGABYTE, 8 * MEGABYTE)
    assert len(kept) == 2
