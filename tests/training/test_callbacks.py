"""What trains calls the monitor: the hooks of Lightning and of the Trainer of Hugging Face, installed or not."""

import inspect
import sys
import types

import pytest
from torch import nn

from explain_gate.errors import OptionError
from explain_gate.training.callbacks import lightning_callback, transformers_callback


@pytest.fixture
def calls():
    """What the monitor was called with."""
    return []


@pytest.fixture
def monitor(calls):
    """Says what it was called with."""
    return types.SimpleNamespace(after_epoch=lambda module, epoch: calls.append((module, epoch)))


def module_of(monkeypatch, name, **values):
    """A module that is there while the test runs, with its parents."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        monkeypatch.setitem(sys.modules, ".".join(parts[:count]), types.ModuleType(".".join(parts[:count])))
    vars(sys.modules[name]).update(values)


@pytest.fixture
def stand_in(monkeypatch):
    """A transformers of the documented hook; its documentation: on_epoch_end(args, state, control, **kwargs)."""

    class TrainerCallback:
        def on_epoch_end(self, args, state, control, **kwargs):
            """At the end of an epoch."""

    module_of(monkeypatch, "transformers", TrainerCallback=TrainerCallback)
    return TrainerCallback


def test_lightning_calls_the_monitor_in_one_process(monkeypatch, monitor, calls):
    """The callback is one of Lightning's, measures the named part, and lets other processes wait."""
    base = type("Callback", (), {})
    module_of(monkeypatch, "lightning.pytorch.callbacks", Callback=base)
    barriers = []
    callback = lightning_callback(monitor, part="inner")
    assert isinstance(callback, base)
    module = nn.ModuleDict({"inner": nn.Identity()})
    for first in (True, False):
        trainer = types.SimpleNamespace(
            is_global_zero=first, current_epoch=3, strategy=types.SimpleNamespace(barrier=barriers.append)
        )
        callback.on_train_epoch_end(trainer, module)
    assert calls == [(module["inner"], 3)]
    assert len(barriers) == 2


def test_without_lightning_the_error_says_what_to_install(monkeypatch, monitor):
    """Lightning is no dependency."""
    for name in ("lightning.pytorch.callbacks", "pytorch_lightning.callbacks"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(OptionError, match="pip install lightning"):
        lightning_callback(monitor)


def test_the_trainer_calls_the_monitor_in_one_process(stand_in, monitor, calls):
    """After the first epoch, which the Trainer counts as 1.0, epoch 0 is measured; other arguments are left alone."""
    callback = transformers_callback(monitor, part="inner")
    assert isinstance(callback, stand_in)
    module = nn.ModuleDict({"inner": nn.Identity()})
    for first, done in ((True, 1.0), (False, 1.0), (True, 1.9999999)):
        state = types.SimpleNamespace(is_world_process_zero=first, epoch=done)
        callback.on_epoch_end(object(), state, object(), model=module, optimizer=None, train_dataloader=None)
    assert calls == [(module["inner"], 0), (module["inner"], 1)]


def test_the_hook_has_the_trainers_signature(stand_in, monitor):
    """That of the documentation: args, state and control by position, the rest by name."""
    theirs, ours = (
        list(inspect.signature(one.on_epoch_end).parameters.values())
        for one in (stand_in, type(transformers_callback(monitor)))
    )
    assert [(one.name, one.kind) for one in theirs[:-1]] == [(one.name, one.kind) for one in ours[:-1]]
    assert theirs[-1].kind == ours[-1].kind == inspect.Parameter.VAR_KEYWORD


def test_without_transformers_the_error_says_what_to_install(monkeypatch, monitor):
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(OptionError, match="pip install transformers"):
        transformers_callback(monitor)
