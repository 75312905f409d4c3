"""Checkpoints: what is read, with which numbers, and every way in which one cannot be used."""

from __future__ import annotations

import pickle

import pytest
import torch
from safetensors.torch import save_file

from explain_gate.errors import ModelError
from explain_gate.models.open import load_model


@pytest.mark.parametrize(
    "wrap",
    [lambda s: s, lambda s: {"state_dict": s}, lambda s: {f"module.{k}": v for k, v in s.items()}],
)
def test_a_state_dict_is_read_bare_wrapped_or_from_dataparallel(config, state, tmp_path, wrap):
    """What training scripts write is what is read."""
    torch.save(wrap(state), tmp_path / "v.pt")
    assert load_model(config, checkpoint=tmp_path / "v.pt").digest == load_model(config).digest


def test_pickled_code_is_refused_and_safetensors_named(config, tmp_path):
    """A checkpoint that runs code when it is read is not read."""

    class Evil:
        def __reduce__(self):
            return (print, ("executed",))

    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Evil()))
    torch.save({"model": torch.nn.Linear(2, 2)}, tmp_path / "whole.pt")
    for name in ("evil.pt", "whole.pt"):
        with pytest.raises(ModelError, match=r"safetensors|not a readable checkpoint"):
            load_model(config, checkpoint=tmp_path / name)


def test_a_checkpoint_that_does_not_fit_names_the_keys(config, state, tmp_path):
    """Missing, unexpected and misshapen tensors, each by name."""
    broken = {name: value for name, value in state.items() if name != "colour.weight"}
    broken |= {"extra": torch.ones(1), "head.weight": torch.ones(3, 3)}
    save_file(broken, tmp_path / "v.safetensors")
    with pytest.raises(ModelError) as caught:
        load_model(config, checkpoint=tmp_path / "v.safetensors")
    for part in ("missing: colour.weight", "not in the model: extra", "head.weight is (3, 3), the model's is (2, 2)"):
        assert part in str(caught.value)


def test_damaged_and_missing_files_are_told(config, tmp_path):
    """A truncated download is not a traceback."""
    (tmp_path / "v.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}")
    (tmp_path / "v.pt").write_bytes(b"PK\x03\x04")
    for name in ("v.safetensors", "v.pt", "none.pt"):
        with pytest.raises(ModelError, match=name):
            load_model(config, checkpoint=tmp_path / name)
