"""Pickled code in a checkpoint is named and never run; plain hyperparameters are not built."""

from __future__ import annotations

import argparse
import pathlib
import pickle

import pytest
import torch
from networks import Net, logits, trained

from explain_gate.errors import ModelError
from explain_gate.models.checkpoint import read_checkpoint
from explain_gate.models.fitting import load_checkpoint

RAW = trained(1)
STATE = RAW.state_dict()
EXECUTED: list[str] = []


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (EXECUTED.append, ("executed",))


def test_pickled_code_is_never_run_and_is_named(tmp_path):
    """What is not on torch's list is refused by name; the recipe beside it works for tied weights too."""
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Evil()))
    torch.save({"state_dict": STATE, "config": Evil()}, tmp_path / "beside.pt")
    torch.save({"state_dict": STATE, "model": torch.nn.Linear(2, 2)}, tmp_path / "whole.pt")
    for name in ("evil.pt", "beside.pt", "whole.pt"):
        with pytest.raises(ModelError, match=r"pickled code|not a readable checkpoint"):
            read_checkpoint(tmp_path / name)
    assert not EXECUTED
    with pytest.raises(ModelError) as caught:
        read_checkpoint(tmp_path / "whole.pt")
    assert "torch.nn.modules.linear.Linear" in str(caught.value)
    recipe = str(caught.value).partition("alone: ")[2].partition(", or, of")[0]
    file, target = str(tmp_path / "whole.pt"), str(tmp_path / "weights.pt")
    exec(recipe.replace("FILE", repr(file)).replace("'weights.pt'", repr(target)), {"torch": torch})  # noqa: S102 - the message's own recipe
    net = Net()
    load_checkpoint(net, tmp_path / "weights.pt")
    assert torch.equal(logits(net), logits(RAW))


def test_hyperparameters_are_not_built_and_torch_keeps_its_own_list(tmp_path):
    """Plain types beside the weights hold nothing here, and are as unsafe afterwards as before."""
    own = set(torch.serialization.get_safe_globals())
    content = {"state_dict": STATE, "args": argparse.Namespace(lr=0.1), "out": pathlib.PurePosixPath("/x")}
    torch.save(content, tmp_path / "v.pt")
    read = read_checkpoint(tmp_path / "v.pt")
    assert not isinstance(read.others["args"], argparse.Namespace)
    assert not vars(read.others["args"])
    assert set(torch.serialization.get_safe_globals()) == own
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "v.pt", weights_only=True)
