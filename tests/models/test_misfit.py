"""Weights that do not fit are told by the commonest reason, or in a table with the nearest names."""

from __future__ import annotations

import pytest
import torch
from networks import Net, logits, trained, under, without

from explain_gate.errors import ModelError

STATE = trained(1).state_dict()


def test_a_head_of_another_size_is_told_by_its_classes(load):
    """The commonest misfit is told in the words of whoever made it."""
    with pytest.raises(ModelError) as caught:
        load({"state_dict": under("model.", trained(1, classes=5).state_dict())})
    assert "The checkpoint knows 5 classes, the model is built for 3, the data names 4." in str(caught.value)


def test_a_misfit_is_a_table_with_the_nearest_names(load):
    """Missing, unexpected and misshapen tensors, with shapes, and which name may be meant."""
    content = {name.replace("stem.0", "conv"): value for name, value in without("head.bias", STATE).items()}
    net = Net()
    before = logits(net)
    with pytest.raises(ModelError) as caught:
        load({**content, "extra": torch.ones(1), "head.weight": torch.ones(4, 3)}, net=net)
    told = str(caught.value).splitlines()
    assert told[0].endswith("7 of 11 tensors fit.")
    assert [line.split() for line in told[1:]] == [
        ["what", "name", "checkpoint", "model", "nearest", "name"],
        ["missing", "stem.0.weight", "-", "(4,", "3,", "3,", "3)", "conv.weight"],
        ["missing", "stem.0.bias", "-", "(4,)", "conv.bias"],
        ["missing", "head.bias", "-", "(3,)"],
        ["unexpected", "conv.weight", "(4,", "3,", "3,", "3)", "-", "stem.0.weight"],
        ["unexpected", "conv.bias", "(4,)", "-", "stem.0.bias"],
        ["unexpected", "extra", "(1,)", "-"],
        ["shape", "head.weight", "(4,", "3)", "(3,", "4)"],
    ]
    assert torch.equal(logits(net), before)
