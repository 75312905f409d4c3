"""Loading a model: every source, and every way in which a checkpoint cannot be used."""

from __future__ import annotations

import pickle

import projects
import pytest
import torch
from safetensors.torch import save_file

from explain_gate.config import load_config
from explain_gate.errors import ModelError
from explain_gate.models.open import digest_of, load_model


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The tiny project's configuration; its model module is forgotten between tests."""
    monkeypatch.delitem(__import__("sys").modules, "tinymodel", raising=False)
    return load_config(projects.write_project(tmp_path))


@pytest.fixture
def state(config):
    """The tiny model's tensors."""
    return load_model(config).module.state_dict()


@pytest.mark.parametrize(
    "wrap",
    [lambda s: s, lambda s: {"state_dict": s}, lambda s: {f"module.{k}": v for k, v in s.items()}],
)
def test_a_state_dict_is_read_bare_wrapped_or_from_dataparallel(config, state, tmp_path, wrap):
    """What training scripts write is what is read."""
    torch.save(wrap(state), tmp_path / "v.pt")
    assert load_model(config, checkpoint=tmp_path / "v.pt").digest == load_model(config).digest


def test_other_weights_are_another_version(config, state, tmp_path):
    """The digest is over every tensor."""
    save_file({name: value + 1 for name, value in state.items()}, tmp_path / "v.safetensors")
    assert load_model(config, checkpoint=tmp_path / "v.safetensors").digest != load_model(config).digest


def test_the_digest_depends_on_names_shapes_and_arguments(config):
    """Equal bytes under another name or argument are not the same model."""
    module = load_model(config).module
    assert digest_of(module, "a:b", {}) != digest_of(module, "a:c", {})
    assert digest_of(module, "a:b", {}) != digest_of(module, "a:b", {"x": 1})


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


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("nowhere:build", "no module named nowhere"),
        ("tinymodel:nothing", "has no attribute 'nothing'"),
        ("tinymodel", "must be package.module:callable"),
        ("tinymodel:projects", "has no attribute"),
        ("json:dumps", "calling it raised TypeError"),
        ("types:SimpleNamespace", "must return a torch.nn.Module, got SimpleNamespace"),
        ("torchvision:resnet5", "torchvision has no such model; there are"),
    ],
)
def test_a_source_that_cannot_be_used_is_told(config, source, told):
    """What was looked for, where, and what came instead."""
    with pytest.raises(ModelError) as caught:
        load_model(config, source=source)
    assert told in str(caught.value)


def test_damaged_and_missing_files_are_told(config, tmp_path):
    """A truncated download is not a traceback."""
    (tmp_path / "v.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}")
    (tmp_path / "v.pt").write_bytes(b"PK\x03\x04")
    for name in ("v.safetensors", "v.pt", "none.pt"):
        with pytest.raises(ModelError, match=name):
            load_model(config, checkpoint=tmp_path / name)


def test_an_exported_archive_is_a_source(config, tmp_path):
    """A .pt2 from torch.export needs no code at all."""
    program = torch.export.export(load_model(config).module, (torch.rand(1, 3, 32, 32),))
    torch.export.save(program, tmp_path / "v.pt2")
    model = load_model(config, source=str(tmp_path / "v.pt2"), checkpoint="")
    images = torch.rand(1, 3, 32, 32)
    assert torch.allclose(model.module(images), load_model(config).module(images))
