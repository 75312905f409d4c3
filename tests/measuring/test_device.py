"""Devices by name, threads and determinism that are put back."""

from __future__ import annotations

import os

import pytest
import torch

from explain_gate.errors import OptionError
from explain_gate.measuring.device import deterministic, pick_device, threads


@pytest.mark.parametrize(("cuda", "mps", "device"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_auto_takes_the_best_there_is(monkeypatch, cuda, mps, device):
    """An accelerator where there is one."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device("auto").type == device


@pytest.mark.parametrize(
    ("wanted", "told"),
    [("toaster", "must be auto, cpu, cuda"), ("cuda:3", "is not available here"), ("meta", "is not available here")],
)
def test_what_is_not_there_is_refused(monkeypatch, wanted, told):
    """Rather than measured elsewhere in silence."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_device("cuda:1").index == 1
    with pytest.raises(OptionError, match=told):
        pick_device(wanted)


def test_switches_are_as_before_also_after_an_exception():
    """A team's own tests in the same process compute as they did."""
    count, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    benchmark = torch.backends.cudnn.benchmark

    def work():
        with threads(count + 1), deterministic():
            assert torch.get_num_threads() == count + 1
            assert torch.are_deterministic_algorithms_enabled()
            assert not torch.backends.cudnn.benchmark
            raise RuntimeError("a model's")

    with pytest.raises(RuntimeError, match="a model's"):
        work()
    assert (torch.get_num_threads(), torch.get_deterministic_debug_mode()) == (count, mode)
    assert torch.backends.cudnn.benchmark == benchmark
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"]
