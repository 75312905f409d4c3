"""Files of a registered version, and whether they hold code."""

from __future__ import annotations

import pytest

from explain_gate.errors import ModelError
from explain_gate.tracking.model_version import model_version_artifact
from explain_gate.tracking.recorder import record


@pytest.fixture
def registered(settings, client, tmp_path):
    """Registers a folder with the given files as pets/1 and returns what is fetched."""

    def register(*names: str):
        folder = tmp_path / "model"
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"x")
        store = client(settings)
        store.create_registered_model("pets")
        store.create_model_version("pets", folder.as_uri())
        return model_version_artifact("models:/pets/1", settings)

    return register


@pytest.mark.parametrize(
    ("names", "flavour", "weights", "pickled"),
    [
        (["v1.safetensors"], "safetensors", "v1.safetensors", False),
        (["MLmodel", "data/model.pt2"], "exported", "model.pt2", False),
        (["MLmodel", "data/model.pth", "data/pickle_module_info.txt"], "pickled", "model.pth", True),
        (["MLmodel", "python_model.pkl"], "pickled", "python_model.pkl", True),
        (["MLmodel", "model/model.safetensors", "components/processor.pkl"], "safetensors", "model.safetensors", False),
        (["v1.pt"], "state_dict", "v1.pt", False),
        (["v1.ckpt"], "state_dict", "v1.ckpt", False),
        (["a.pkl", "b.pkl"], "pickled", None, True),
        (["a.safetensors", "b.safetensors"], "unknown", None, True),
        (["MLmodel", "model.onnx"], "unknown", None, True),
        (
            ["a.safetensors", "b.safetensors", "model.safetensors.index.json"],
            "safetensors",
            "model.safetensors.index.json",
            False,
        ),
    ],
)
def test_flavour(registered, names, flavour, weights, pickled):
    """The safest file is chosen, and whatever may run code says so."""
    artifact = registered(*names)
    assert (artifact.flavour, artifact.pickled) == (flavour, pickled)
    assert (artifact.weights.name if artifact.weights else None) == weights
    assert (artifact.name, artifact.version) == ("pets", "1")


def test_promoted_version_can_be_loaded_again(settings, gate_run):
    """What the gate registered is weights alone, and the alias is resolved to its version."""
    run = gate_run("v1")
    record(run.verdict, run.profile, run.folder, settings)
    artifact = model_version_artifact("models:/pets@explain-approved", settings)
    assert (artifact.flavour, artifact.version) == ("safetensors", "1")
    assert artifact.weights.read_bytes() == b"v1"


def test_version_without_files(settings, gate_run):
    """A promoted model without a checkpoint has nothing to load, which is said."""
    run = gate_run("v1")
    run = gate_run("v1", model={**run.verdict.model, "checkpoint": None})
    record(run.verdict, run.profile, run.folder, settings)
    with pytest.raises(ModelError, match="without files"):
        model_version_artifact("models:/pets/1", settings)


@pytest.mark.parametrize("uri", ["models:/pets/1", "models:/pets@approved", "models:/pets", "runs:/x/model"])
def test_missing_version(settings, uri):
    """Exit 4 with what a registered version is called."""
    with pytest.raises(ModelError, match="models:/NAME@ALIAS") as caught:
        model_version_artifact(uri, settings)
    assert caught.value.exit_code == 4
