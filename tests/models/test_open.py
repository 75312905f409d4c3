"""The door to a model: what is recorded of the weights that were asked for."""

from __future__ import annotations

import pytest
import torch

from explain_gate.config import load_config
from explain_gate.errors import ConfigError, ModelError
from explain_gate.models.open import load_model


def with_model(config, line):
    """The configuration with more keys in its model section."""
    text = config.path.read_text()
    config.path.write_text(text.replace('source: "tinymodel:build"', f'source: "tinymodel:build", {line}'))
    return load_config(config.path)


@pytest.fixture
def both(config, state, tmp_path):
    """A checkpoint of raw and averaged weights beside thresholds.yaml."""
    averaged = {name: value + 1 for name, value in state.items()}
    torch.save({"model": state, "model_ema": {"module": averaged}}, tmp_path / "v.pt")
    return config


def test_the_key_decides_which_version_is_gated(both):
    """Raw and averaged weights of one file are two versions, and the record says which one it was."""
    raw = load_model(with_model(both, "checkpoint: v.pt, checkpoint_key: model"))
    averaged = load_model(both, checkpoint=both.path.parent / "v.pt", checkpoint_key="model_ema.module")
    assert raw.digest == load_model(both, checkpoint="").digest != averaged.digest
    assert (raw.checkpoint_key, averaged.checkpoint_key) == ("model", "model_ema.module")
    with pytest.raises(ModelError, match=r"model_ema.module.*model.checkpoint_key"):
        load_model(both, checkpoint=both.path.parent / "v.pt")


def test_a_key_without_a_checkpoint_is_an_error_of_the_file(config):
    """It would be ignored in silence; told with its line."""
    with pytest.raises(ConfigError, match=r"thresholds.yaml:2: model.checkpoint_key: names weights in a checkpoint"):
        load_model(with_model(config, "checkpoint_key: model_ema"))


def test_a_head_of_another_size_is_told_beside_what_the_data_names(config, state, tmp_path):
    """Three numbers that must agree: of the checkpoint, the model and the annotations."""
    torch.save({**state, "head.weight": torch.ones(5, 2)}, tmp_path / "v.pt")
    with pytest.raises(ModelError, match="knows 5 classes, the model is built for 2, the data names 2"):
        load_model(config, checkpoint=tmp_path / "v.pt")


CLOSURE = """

made = build


def build(corner=False):
    net = made(corner)
    old = net.forward
    net.forward = {forward}
    return net
"""


def test_a_forward_that_holds_another_module_is_refused(config, fresh_modules):
    """Copies share a closure, so a randomized twin would answer with the weights of the original."""
    code = config.path.parent / "tinymodel.py"
    plain = code.read_text()
    code.write_text(plain + CLOSURE.format(forward="lambda x: old(x)"))
    with pytest.raises(ModelError, match=r"forward of the model is a function.*types.MethodType"):
        load_model(config)
    fresh_modules()
    code.write_text(plain + CLOSURE.format(forward="__import__('functools').partial(type(net).forward, net)"))
    assert load_model(config).module is not None
