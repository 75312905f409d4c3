"""Weights as trainers write them: the right ones are put in, or asked for, or told why they do not fit."""

from __future__ import annotations

import argparse
import datetime as dt
import pathlib
import types

import numpy as np
import pytest
import torch
from networks import Net, Wrapped, logits, trained, under, without

from explain_gate.errors import ModelError
from explain_gate.models.fitting import load_checkpoint

RAW, AVERAGED = trained(1), trained(2)
STATE, AVERAGE = RAW.state_dict(), AVERAGED.state_dict()


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
TIMM = {
    "epoch": 3,
    "arch": "net",
    "state_dict": STATE,
    "optimizer": {"state": {}, "param_groups": []},
    "args": argparse.Namespace(lr=0.1, nested=types.SimpleNamespace(a=1)),
    "metric": np.float64(90.0),
}
LAYOUTS = {
    "bare": STATE,
    "DataParallel": under("module.", STATE),
    "compiled and distributed": under("module._orig_mod.", STATE),
    "a compiled part": {name.replace("stem.", "stem._orig_mod."): value for name, value in STATE.items()},
    "Lightning": LIGHTNING,
    "Lightning, compiled": {"state_dict": under("model._orig_mod.", STATE)},
    "Lightning that is the network itself": {"state_dict": {**STATE, "loss_fn.pos_weight": torch.ones(3)}},
    "two prefixes": {"state_dict": under("net.model.", STATE)},
    "timm": TIMM,
    "MMEngine": {"meta": {"epoch": 1}, "state_dict": STATE, "message_hub": {"log": [1, 2]}},
    "AveragedModel": {"n_averaged": torch.tensor(7), **under("module.", STATE)},
    "profiled": {**STATE, "total_ops": torch.zeros(1), "stem.0.total_params": torch.zeros(1)},
    "without counters": without("num_batches_tracked", STATE),
    "without the second of two tied names": without("again", STATE),
    "without the first of two tied names": without("mix", STATE),
    "modules saved one by one": {
        "stem": RAW.stem.state_dict(),
        "mix": RAW.mix.state_dict(),
        "head": RAW.head.state_dict(),
    },
    "an old buffer of the values that the model builds": {**STATE, "order": torch.arange(4)},
    "raw and averaged, but equal": {"model": STATE, "model_ema": STATE},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_weights_are_found_where_a_trainer_puts_them(load, layout):
    """Every layout gives the logits of the network that was saved, to the last bit."""
    net, _ = load(LAYOUTS[layout])
    assert torch.equal(logits(net), logits(RAW))


@pytest.mark.parametrize("name", ["ema_state_dict", "model_ema", "state_dict_ema", "ema"])
def test_an_averaged_state_alone_is_taken(load, name):
    """There is nothing to choose."""
    net, notes = load({"epoch": 1, name: under("module.", AVERAGE)})
    assert torch.equal(logits(net), logits(AVERAGED))
    assert notes == (f"weights read from {name}.module",)


@pytest.mark.parametrize(
    ("content", "raw", "averaged"),
    [
        ({"model": STATE, "model_ema": AVERAGE}, "model", "model_ema"),
        ({"state_dict": STATE, "state_dict_ema": AVERAGE}, "state_dict", "state_dict_ema"),
        (
            {"meta": {}, "state_dict": STATE, "ema_state_dict": under("module.", AVERAGE)},
            "state_dict",
            "ema_state_dict",
        ),
        ({"model": STATE, "ema": {"decay": 0.9, "module": AVERAGE}}, "model", "ema.module"),
        (
            {"state_dict": {**under("model.", STATE), **under("ema_model.module.", AVERAGE)}},
            "state_dict.model",
            "state_dict.ema_model",
        ),
        ({"current_model_state": STATE, "state_dict": under("model.", AVERAGE)}, "current_model_state", "state_dict"),
        ({**STATE, **under("ema.", AVERAGE)}, None, "ema"),
        ({"generator": STATE, "teacher": AVERAGE}, "generator", "teacher"),
    ],
)
def test_of_several_weights_none_is_chosen_until_one_is_named(load, content, raw, averaged):
    """What is gated is what is shipped, and only its owner knows which that is."""
    with pytest.raises(ModelError, match="holds several sets of weights") as caught:
        load(content)
    assert averaged in str(caught.value)
    assert "model.checkpoint_key: " in str(caught.value)
    net, _ = load(content, key=averaged)
    assert torch.equal(logits(net), logits(AVERAGED))
    if raw is not None:
        net, _ = load(content, key=raw)
        assert torch.equal(logits(net), logits(RAW))


def test_averaged_weights_without_names_are_asked_about_too(load):
    """A list of shadow parameters fits no names, but it says that the raw ones may not be what is shipped."""
    content = {"state_dict": STATE, "ema": {"decay": 0.9, "shadow_params": list(AVERAGED.parameters())}}
    with pytest.raises(ModelError, match="state_dict, ema"):
        load(content)
    net, _ = load(content, key="state_dict")
    assert torch.equal(logits(net), logits(RAW))


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("model.ema", "model.ema is not in it; there are model, model_ema"),
        ("epoch", "epoch is int"),
        ("model.head.bias", "model.head.bias is one tensor"),
    ],
)
def test_a_key_that_names_no_weights_is_told_with_those_that_do(load, key, told):
    """Who mistypes a key sees what there is."""
    with pytest.raises(ModelError) as caught:
        load({"model": STATE, "model_ema": AVERAGE, "epoch": 3}, key=key)
    assert told in str(caught.value)


def test_a_module_around_the_network_is_looked_into(load):
    """The source wraps what was trained; but a name is never exchanged for another one."""
    net, _ = load({"state_dict": STATE}, net=Wrapped())
    assert torch.equal(logits(net), logits(RAW))
    with pytest.raises(ModelError, match=r"missing +net.stem.0.weight .* model.stem.0.weight"):
        load(under("model.", STATE), net=Wrapped())


@pytest.mark.parametrize("averaged", [False, True])
def test_what_timm_itself_saves_is_read(tmp_path, averaged):
    """Its saver writes model_best.pth.tar, with averaged weights beside where training kept some."""
    utils = pytest.importorskip("timm.utils")
    net = trained(1)
    average = utils.ModelEmaV3(net) if averaged else None
    if averaged:
        average.module.load_state_dict(AVERAGE)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    saver = utils.CheckpointSaver(
        model=net,
        optimizer=optimizer,
        args=argparse.Namespace(model="net", lr=0.1),
        model_ema=average,
        checkpoint_dir=str(tmp_path),
        recovery_dir=str(tmp_path),
    )
    saver.save_checkpoint(0, metric=np.float64(90.0))
    loaded = Net()
    if averaged:
        with pytest.raises(ModelError, match="state_dict, state_dict_ema"):
            load_checkpoint(loaded, tmp_path / "last.pth.tar")
        load_checkpoint(loaded, tmp_path / "last.pth.tar", key="state_dict_ema")
    else:
        load_checkpoint(loaded, tmp_path / "last.pth.tar")
    assert torch.equal(logits(loaded), logits(AVERAGED if averaged else RAW))


class Renaming(torch.nn.Module):
    """A module whose loading code knows the names of its earlier version, and refuses states that say no version."""

    _version = 2

    def __init__(self, lenient=False):
        super().__init__()
        self.head = torch.nn.Linear(2, 3)
        self.lenient = lenient

    def _load_from_state_dict(self, state, prefix, metadata, strict, *rest):
        for name in [name for name in state if name.startswith(f"{prefix}classifier.")]:
            state[name.replace("classifier.", "head.")] = state.pop(name)
        super()._load_from_state_dict(state, prefix, metadata, strict, *rest)

    def load_state_dict(self, state, strict=True, **rest):
        """Leaves out what it does not know, where it is lenient."""
        return super().load_state_dict(state, strict=strict and not self.lenient, **rest)


def test_a_module_renames_what_an_earlier_version_of_it_saved(load):
    """Its own loading code is asked before a misfit is told, and believed only where it loads every number."""
    old = {"classifier.weight": torch.rand(3, 2), "classifier.bias": torch.rand(3)}
    net, notes = load({"state_dict": old}, net=Renaming())
    assert torch.equal(net.head.weight, old["classifier.weight"])
    assert torch.equal(net.head.bias, old["classifier.bias"])
    assert notes == (
        "weights read from state_dict",
        "names of an earlier version, renamed by the model's own loading code",
    )
    for state in ({"classifier.weight": torch.rand(3, 2)}, {**old, "extra": torch.rand(1)}):
        with pytest.raises(ModelError, match="checkpoint does not fit the model"):
            load(state, net=Renaming(lenient=True))


def test_a_module_that_asks_for_its_version_is_told_it(load):
    """Torchvision's MNASNet refuses a state without one, which is what safetensors and a stripped prefix leave."""

    class Asking(torch.nn.Linear):
        def _load_from_state_dict(self, state, prefix, metadata, *rest):
            if metadata.get("version") != 1:
                raise ValueError("version should be 1")
            super()._load_from_state_dict(state, prefix, metadata, *rest)

    state = Asking(2, 3).state_dict()
    net, _ = load({"state_dict": under("module.", state)}, net=Asking(2, 3))
    assert torch.equal(net.weight, state["weight"])
