"""Folders of model files, told by their names."""

from __future__ import annotations

import pytest

from explain_gate.models.layout import flavour_of, is_mlflow_model


@pytest.mark.parametrize(
    ("names", "flavour", "file"),
    [
        (["model.safetensors"], "safetensors", "model.safetensors"),
        (["a.safetensors", "b.safetensors", "m.safetensors.index.json"], "safetensors", "m.safetensors.index.json"),
        (["a.safetensors", "b.safetensors"], "unknown", None),
        (["MLmodel", "data/model.pth"], "pickled", "model.pth"),
        (["MLmodel", "data/model.pt2"], "exported", "model.pt2"),
        (["v1.ckpt"], "state_dict", "v1.ckpt"),
        (["pytorch_model.bin"], "state_dict", "pytorch_model.bin"),
        (["python_model.pkl"], "pickled", "python_model.pkl"),
        ([], "unknown", None),
    ],
)
def test_the_safest_way_in_is_taken(tmp_path, names, flavour, file):
    """Tensors before archives, archives before pickles; several of one kind are none."""
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    told, chosen = flavour_of(tmp_path)
    assert (told, chosen.name if chosen else None) == (flavour, file)
    assert is_mlflow_model(tmp_path) == ("MLmodel" in names)
