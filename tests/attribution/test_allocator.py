"""Freed memory is kept while a model is run, and given back afterwards."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator

import pytest
import torch

from explain_gate.attribution import allocator
from explain_gate.attribution.allocator import kept_memory


class _Recorder:
    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []
        self.trimmed = 0

    def mallopt(self, parameter: int, value: int) -> int:
        self.calls.append((parameter, value))
        return 1

    def malloc_trim(self, _pad: int) -> int:
        self.trimmed += 1
        return 1


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Recorder]:
    """Stands in for the C library."""
    found = _Recorder()
    monkeypatch.setattr(allocator, "_glibc", lambda: found)
    return found


def test_only_the_outermost_block_changes_the_allocator_and_puts_it_back(recorder: _Recorder) -> None:
    """Blocks nest: the inner one changes nothing, the outer one restores every value and trims once."""
    with kept_memory():
        once = list(recorder.calls)
        with kept_memory():
            pass
        assert recorder.calls == once
        assert not recorder.trimmed
    assert recorder.trimmed == 1
    restored = dict(recorder.calls[len(once) :])
    assert all(restored[parameter] != value for parameter, value in once)


def test_an_exception_puts_the_allocator_back(recorder: _Recorder) -> None:
    """Leaving by an exception restores as well."""
    with pytest.raises(ValueError, match="stop"), kept_memory():
        raise ValueError("stop")
    assert recorder.trimmed == 1


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the C library is not glibc the block does nothing."""
    monkeypatch.setattr(allocator, "_glibc", lambda: None)
    with kept_memory():
        assert torch.ones(3).sum() == 3


@pytest.mark.parametrize(
    ("name", "value", "stands"),
    [
        ("MALLOC_TRIM_THRESHOLD_", "100000", True),
        ("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=1", True),
        ("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX512F", False),
    ],
)
def test_what_the_user_set_stands(monkeypatch: pytest.MonkeyPatch, name: str, value: str, *, stands: bool) -> None:
    """Thresholds that come from the environment are not overridden."""
    monkeypatch.setenv(name, value)
    allocator._glibc.cache_clear()
    found = allocator._glibc()
    monkeypatch.undo()
    allocator._glibc.cache_clear()
    assert not stands or found is None
    assert (found is None) == (stands or allocator._glibc() is None)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="page faults are counted as glibc makes them")
def test_memory_is_reused_inside_the_block() -> None:
    """A large tensor made again and again is not cleared by the kernel each time."""

    def faults(count: int) -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(count):
            torch.ones(9 << 20)  # 36 MiB, 9,216 pages of 4 KiB: above every threshold of glibc's own
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    usual = min(faults(4) for _ in range(3))
    with kept_memory():
        # Not the first time: small blocks that outlive the large ones fall between them, and the machine may be short.
        kept = min(faults(4) for _ in range(6))
    assert kept < usual / 2
