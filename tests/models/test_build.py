"""Building a model: every source, and every way in which one cannot be used."""

from __future__ import annotations

import importlib
import sys

import mlflow.pytorch
import numpy as np
import pytest
import torch

from explain_gate.errors import ModelError
from explain_gate.models.open import load_model


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
        ("v7.safetensors", "is no code: write model.checkpoint: v7.safetensors, and as model.source"),
        ("runs/v7.ckpt", "is no code: write model.checkpoint: runs/v7.ckpt, and as model.source"),
        ("model.onnx", "is an ONNX graph"),
        ("images", "is no code: write model.checkpoint: images"),
    ],
)
def test_a_source_that_cannot_be_used_is_told(config, source, told):
    """What was looked for, where, and what came instead."""
    with pytest.raises(ModelError) as caught:
        load_model(config, source=source)
    assert told in str(caught.value)


def test_an_exported_archive_is_a_source(config, tmp_path):
    """A .pt2 from torch.export needs no code at all."""
    program = torch.export.export(load_model(config).module, (torch.rand(1, 3, 32, 32),))
    torch.export.save(program, tmp_path / "v.pt2")
    model = load_model(config, source=str(tmp_path / "v.pt2"), checkpoint="")
    images = torch.rand(1, 3, 32, 32)
    assert torch.allclose(model.module(images), load_model(config).module(images))


PICKLED = {"serialization_format": "pickle", "pip_requirements": ["torch"]}


def test_an_mlflow_folder_is_a_source_where_pickles_are_allowed(config, tmp_path):
    """Without its code it finds the team's modules beside thresholds.yaml."""
    model = load_model(config)
    mlflow.pytorch.save_model(model.module, tmp_path / "logged", **PICKLED)
    with pytest.raises(ModelError, match=r"model.source logged is pickled.*--allow-pickle"):
        load_model(config, source="logged")
    again = load_model(config, source="logged", allow_pickle=True)
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(again.module(images), model.module(images))
    with pytest.raises(ModelError, match=r"write it as model.source, and no checkpoint"):
        load_model(config, checkpoint=tmp_path / "logged")


def test_an_mlflow_folder_with_its_code_needs_no_other(config, tmp_path, monkeypatch):
    """Logged with code_paths it is loaded where nobody has the module; without, the module is named."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    home = tmp_path / "elsewhere"
    home.mkdir()
    (home / "foreign.py").write_text((tmp_path / "tinymodel.py").read_text())
    monkeypatch.syspath_prepend(str(home))
    net = importlib.import_module("foreign").build()
    mlflow.pytorch.save_model(net, tmp_path / "bare", **PICKLED)
    mlflow.pytorch.save_model(net, tmp_path / "whole", code_paths=[str(home / "foreign.py")], **PICKLED)
    sys.path.remove(str(home))
    monkeypatch.delitem(sys.modules, "foreign")
    with pytest.raises(ModelError, match=r"no module named foreign.*code_paths"):
        load_model(config, source="bare", allow_pickle=True)
    again = load_model(config, source="whole", allow_pickle=True)
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(again.module(images), net(images))
    monkeypatch.delitem(sys.modules, "foreign")


def test_an_mlflow_folder_of_an_exported_graph_runs_no_code(config, tmp_path):
    """The safe flavour of MLflow needs no permission."""
    model = load_model(config)
    example = np.random.default_rng(0).random((2, 3, 32, 32), dtype=np.float32)
    mlflow.pytorch.save_model(
        model.module, tmp_path / "logged", serialization_format="pt2", input_example=example, pip_requirements=["torch"]
    )
    again = load_model(config, source="logged")
    images = torch.from_numpy(example)
    assert torch.allclose(again.module(images), model.module(images))
