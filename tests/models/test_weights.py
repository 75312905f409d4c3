"""What is told of weights that fit: where they were, what was left out, how they were cast."""

from __future__ import annotations

import datetime as dt
import pathlib

import numpy as np
import pytest
import torch
from networks import Net, logits, trained, under

from explain_gate.errors import ModelError

RAW = trained(1)
STATE = RAW.state_dict()


LIGHTNING = {
    "epoch": 3,
    "pytorch-lightning_version": "2.5.0",
    "state_dict": {
        **under("model.", STATE),
        "criterion.weight": torch.ones(3),
        "val_acc.tp": torch.zeros(3),
    },
    "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(4, 3, 3, 3)}}, "param_groups": [{"lr": 0.1}]}],
    "lr_schedulers": [{"last_epoch": 3}],
    "callbacks": {"ModelCheckpoint{'monitor': 'val/avg_acc'}": {"best_model_score": torch.tensor(0.9)}},
    "hyper_parameters": {"lr": np.float64(0.1), "out": pathlib.PurePosixPath("/x"), "at": dt.date(2026, 1, 1)},
}


def test_half_precision_is_cast_or_kept_and_told(load):
    """Halves in a file become the model's own type; a model that was built in half precision stays so."""
    halves = {name: value.half() for name, value in STATE.items()}  # the counter too, as a careless loop does
    net, notes = load(halves)
    rounded = Net()
    rounded.load_state_dict({name: value.float() for name, value in halves.items()})
    assert torch.equal(logits(net), logits(rounded))
    assert notes == ("10 tensors cast from float16 to the model's float32",)
    net, notes = load(halves, net=Net().half())
    assert {value.dtype for value in net.parameters()} == {torch.float16}
    assert notes == ("the model's own weights are float16",)
    with pytest.raises(ModelError, match=r"kind +head.bias +float32 +float16"):
        load({**STATE, "head.bias": torch.full((3,), 1e6)}, net=Net().half())


def test_tensors_beside_a_prefix_are_asked_about(load):
    """A head that the model does not have is left out only when somebody says so; a loss is left out and told."""
    content = {"state_dict": {**under("model.", STATE), "projector.weight": torch.ones(3)}}
    with pytest.raises(ModelError, match=r"beside them are state_dict.projector.*checkpoint_key: state_dict.model"):
        load(content)
    net, _ = load(content, key="state_dict.model")
    assert torch.equal(logits(net), logits(RAW))
    _, notes = load(LIGHTNING)
    assert notes == ("weights read from state_dict.model", "left out: state_dict.criterion, state_dict.val_acc")
